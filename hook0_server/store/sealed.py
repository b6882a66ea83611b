"""Every column whose values are sealed, to be read and replaced in slices while servers go on using them."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql as composing

from hook0_server.store import database, sql

SQL = sql.beside(__file__)

SLICE_ROWS = 500  # in one transaction
_LOCK = 0x686F6F6B31  # the one beside that of migrations


@dataclass(frozen=True, slots=True)
class Column:
    """Where sealed values lie, and which column holds the id that each is bound to."""

    table: str
    key: tuple[str, ...]  # the primary key
    row_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


COLUMNS = (
    Column("application_secrets", ("application_id", "application_secret_id"), "application_secret_id", "secret_encrypted"),
    Column("subscriptions", ("application_id", "subscription_id"), "subscription_id", "secret_encrypted"),
    Column("subscription_revisions", ("application_id", "subscription_id", "revision"), "subscription_id", "target_encrypted"),
    Column("request_answers", ("scope", "request_id"), "request_id", "answer_encrypted"),
    Column("service_tokens", ("organization_id", "service_token_id"), "service_token_id", "token_encrypted"),
)


@dataclass(frozen=True, slots=True)
class Value:
    """One of them. `sealed` may be empty: there is none yet."""

    key: tuple[Any, ...]
    row_id: uuid.UUID
    sealed: bytes


async def slices(db: database.Database, column: Column) -> AsyncIterator[list[Value]]:
    """All values by primary key, at most SLICE_ROWS at a time, each slice as it is when it is asked for."""
    values = await _slice(db, column, ())
    while values:
        yield values
        values = await _slice(db, column, values[-1].key)


async def _slice(db: database.Database, column: Column, after: tuple[Any, ...]) -> list[Value]:
    statement = _composed(SQL.following if after else SQL.first, column)
    async with db.connection() as connection:
        cursor = await connection.execute(statement, (*after, SLICE_ROWS), binary=True)
        return [Value(row[:-2], row[-2], row[-1]) async for row in cursor]


async def replace(db: database.Database, column: Column, changes: Sequence[tuple[Value, bytes]]) -> int:
    """One transaction: in place of each value what is given with it; answers how many there still were to be replaced."""
    if not changes:
        return 0
    async with db.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        given = [(new, *value.key, value.sealed) for value, new in changes]
        await cursor.executemany(_composed(SQL.replace, column), given)
        return cursor.rowcount


@contextlib.asynccontextmanager
async def alone(db: database.Database) -> AsyncIterator[bool]:
    """Whether nobody else is in such a block on this database; a process that dies in it does not stay in it."""
    hot = db.hot("rotation")
    [(is_alone,)] = await hot.fetch(SQL.lock, {"lock": _LOCK})
    try:
        yield is_alone
    finally:
        await hot.close()


def _composed(template: bytes, column: Column) -> composing.Composed:
    comma = composing.SQL(", ")
    return composing.SQL(template.decode()).format(
        table=composing.Identifier(column.table),
        key=comma.join(map(composing.Identifier, column.key)),
        given=comma.join(composing.Placeholder() * len(column.key)),
        row_id=composing.Identifier(column.row_id),
        sealed=composing.Identifier(column.name),
    )
