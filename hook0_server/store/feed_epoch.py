"""The life of a database cluster in which positions of the feed can be compared: they hold its transaction ids.

A dump that is restored elsewhere brings its rows but not its transaction ids. Then all rows that came with it are put
before everything else (recorded_xid = 0), in slices that commit, and old cursors are refused by their epoch.
"""

import asyncio

import structlog
from psycopg import sql as composed

from hook0_server.store import database, partitions, sql

log = structlog.get_logger(__name__)

SQL = sql.beside(__file__)

_LOOK_SECONDS = 1.0
_SLICE_BLOCKS = 256  # of 8 KiB: a few thousand rows


async def open(db: database.Database) -> None:  # noqa: A001 - read as feed_epoch.open
    """Return when the feed may be read: at once, or when this or another server has put older rows first.

    Raises errors.Unavailable when the database is away; to be called again then, it goes on where it was.
    """
    while not await _is_open(db):  # noqa: ASYNC110 - it is another server that finishes
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_open(db: database.Database) -> bool:
    async with db.connection() as connection:
        await connection.execute(SQL.make)
        if await _asked(connection):
            return True
        async with partitions.alone_with_old_days(connection) as is_alone:
            if is_alone and not await _asked(connection):
                await _renew(connection)
            return is_alone


async def _asked(connection: database.Connection) -> bool:
    cursor = await connection.execute(SQL.is_open)
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _renew(connection: database.Connection) -> None:
    log.warning("feed.cluster_changed", consequence="cursors given before are refused as expired")
    await connection.execute(SQL.begin)
    cursor = await connection.execute(SQL.old_partitions)
    for name, blocks in await cursor.fetchall():
        for block in range(0, blocks, _SLICE_BLOCKS):
            await connection.execute(_forgetting(name, block))
    await connection.execute(SQL.finish)


def _forgetting(partition: str, block: int) -> composed.Composed:
    """One slice by its place in the table, so that the whole is read once."""
    first, end = (composed.Literal(f"({at},0)") for at in (block, block + _SLICE_BLOCKS))
    return composed.SQL(
        "UPDATE {} SET recorded_xid = '0' WHERE ctid >= {}::tid AND ctid < {}::tid AND recorded_xid <> '0'"
    ).format(composed.Identifier(partition), first, end)
