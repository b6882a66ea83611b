"""What the server keeps tidy beside its partitions: rows whose time is over, and the space of those that are gone."""

import dataclasses

from hook0_server.store import database, sql

SQL = sql.beside(__file__)

_SLICE_ROWS = 1000
_VACUUM_KEY = 0x686F6F6B33  # advisory lock
_LEAST_DEAD_ROWS = 1000
MOST_COUNTED = 100_000


@dataclasses.dataclass(frozen=True, slots=True)
class Writer:
    """An open transaction that writes."""

    database: str
    pid: int | None  # None: a prepared transaction
    application_name: str
    seconds: float | None  # None: this user may not know


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that no node holds: how many, MOST_COUNTED of each kind at most, and how old the oldest due one is."""

    due: int
    later: int
    parked: int  # their subscription is disabled
    lag_seconds: float


async def forget(db: database.Database, *, retention_days: int) -> dict[str, int]:
    """Delete what is older than it is kept, in slices that commit; answers how many rows of which table.

    Several servers may do so at once. Raises errors.Unavailable; what was deleted until then stays deleted.
    """
    statements = {
        "event_keys": SQL.forget_event_keys,
        "request_answers": SQL.forget_request_answers,
        "subscriptions": SQL.forget_subscriptions,
        "sessions": SQL.forget_sessions,
        "event_counts": SQL.forget_event_counts,
        "quota_notices": SQL.forget_quota_notices,
    }
    return {table: await _all_slices(db, statement, retention_days) for table, statement in statements.items()}


async def _all_slices(db: database.Database, statement: bytes, retention_days: int) -> int:
    total = 0
    while True:
        async with db.connection() as connection:
            cursor = await connection.execute(statement, {"retention_days": retention_days, "slice": _SLICE_ROWS})
            row = await cursor.fetchone() if cursor.description else None
            count = row[0] if row else cursor.rowcount
        total += count
        if count < _SLICE_ROWS:
            return total


async def vacuum_deliveries(connection: database.Hot, *, least_dead_rows: int = _LEAST_DEAD_ROWS) -> bool:
    """Vacuum deliveries when that is worth while and no other server does; answers whether it was done."""
    key = {"key": _VACUUM_KEY}
    rows = await connection.fetch(SQL.begin_vacuum, {**key, "least": least_dead_rows})
    if not (rows and rows[0][0]):
        return False
    try:
        await connection.fetch(SQL.vacuum_deliveries)
    finally:
        await connection.fetch(SQL.end_vacuum, key)
    return True


async def oldest_writer(db: database.Database) -> Writer | None:
    """What holds the attempt feed of every application back, if anything does."""
    row = await db.fetch_one(SQL.oldest_writer)
    return Writer(*row) if row else None


async def backlog(db: database.Database, *, most: int = MOST_COUNTED) -> Backlog:
    """What waits in the table; `most` bounds what is counted, and so what it costs."""
    async with db.connection() as connection, connection.transaction():
        await connection.execute(SQL.look_by_index)
        cursor = await connection.execute(SQL.backlog, {"most": most}, binary=True)
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM
    return Backlog(*row)
