"""Reading what a statement answers."""

from typing import Any

import psycopg

from hook0_server.store import database


async def only(cursor: psycopg.AsyncCursor[Any]) -> database.Row:
    """The row of a statement that always answers one, e.g. INSERT … RETURNING."""
    row: database.Row | None = await cursor.fetchone()
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
