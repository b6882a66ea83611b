"""Broadcasts: expanded in slices that commit, so that one event never holds everybody else's."""

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


async def expand(hot: database.Hot, slice_size: int) -> int | None:
    """One slice of one broadcast; answers how many deliveries it made, None when there is none to expand."""
    rows = await hot.fetch(SQL.expand, {"slice": slice_size})
    return rows[0][1] if rows else None
