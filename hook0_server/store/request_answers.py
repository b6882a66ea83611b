"""Answers of requests that carried a request_id, so that a repeat gets the first answer instead of a second thing.

The row is inserted before the work and in its transaction: of two repeats at once one waits for the other, and a refused
or broken request leaves nothing behind.
"""

import uuid
from dataclasses import dataclass

from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Answer:
    digest: bytes
    """Of the request that was answered."""
    sealed: bytes


async def begin(connection: database.Connection, scope: str, request_id: uuid.UUID, digest: bytes) -> Answer | None:
    """Take the request on; an Answer when it was answered within 24 hours. To be called inside a transaction."""
    key = {"scope": scope, "request_id": request_id}
    cursor = await connection.execute(SQL.begin, {**key, "digest": digest})
    if await cursor.fetchone() is not None:
        return None
    cursor = await connection.execute(SQL.get, key)
    return Answer(*await rows.only(cursor))


async def finish(connection: database.Connection, scope: str, request_id: uuid.UUID, sealed: bytes) -> None:
    """Keep the answer, sealed, before the transaction ends."""
    await connection.execute(SQL.finish, {"scope": scope, "request_id": request_id, "answer": sealed})
