"""The day partitions of events, attempts and dead_letters: made days ahead, dropped whole after the retention.

There is no DEFAULT partition (it would forbid concurrent detaching), so a missing day refuses rows: first `ensure`.
A day is attached, not created in place, and detached concurrently: neither makes a publisher or a watcher wait.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta

import structlog
from psycopg import sql as composed

from hook0_server.model import errors
from hook0_server.store import database, sql

log = structlog.get_logger(__name__)

SQL = sql.beside(__file__)

_BY_DATE = ("events", "dead_letters")  # RANGE (day); attempts: RANGE (recorded_at)
_ENSURE_KEY, _OLD_DAYS_KEY = 0x686F6F6B31, 0x686F6F6B32  # advisory locks
_TRIES = 12  # a lock is waited for 5 s each time


@dataclasses.dataclass(frozen=True, slots=True)
class Partition:
    """The rows of one UTC day of one table."""

    parent: str
    day: date
    is_attached: bool = False
    is_detaching: bool = False  # a detach was interrupted half-way

    @property
    def name(self) -> str:
        return f"{self.parent}_{self.day:%Y%m%d}"


@dataclasses.dataclass(frozen=True, slots=True)
class Calendar:
    """The database's own day, and what there is."""

    today: date
    partitions: tuple[Partition, ...]

    def missing(self, first: date, last: date) -> dict[date, list[Partition]]:
        """What there is not of the days `first` to `last`, by day. A detached table is there until it is dropped."""
        there = {(each.parent, each.day) for each in self.partitions}
        days = (first + timedelta(days=at) for at in range((last - first).days + 1))
        parents = (*_BY_DATE, "attempts")
        return {
            day: absent
            for day in days
            if (absent := [Partition(parent, day) for parent in parents if (parent, day) not in there])
        }


async def calendar(db: database.Database) -> Calendar:
    """What exists now, by the database's clock."""
    async with db.connection() as connection:
        return await _calendar(connection)


async def ensure(db: database.Database, *, retention_days: int, ahead: int = 3) -> None:
    """Make every day from `retention_days` before today to `ahead` after it; several servers may do so at once.

    Raises errors.Unavailable when the database is away, or when somebody locked a parent for a minute.
    """
    now = await calendar(db)
    first, last = now.today - timedelta(days=retention_days), now.today + timedelta(days=ahead)
    for day in now.missing(first, last):
        await _patiently(db, day)


async def drop_expired(db: database.Database, *, retention_days: int) -> list[str]:
    """Drop the days before `retention_days` ago, by name; events that open work refers to stay.

    What an earlier run left half done (a pending detach, a detached table) is finished first.
    Raises errors.Unavailable when the database is away or a lock was not given; the next run goes on from there.
    """
    async with db.connection() as connection, alone_with_old_days(connection) as is_alone:
        expired = await _expired(connection, retention_days) if is_alone else []
        return [each.name for each in expired if await _drop(connection, each)]


@contextlib.asynccontextmanager
async def alone_with_old_days(connection: database.Connection) -> AsyncIterator[bool]:
    """Whether this is, until the end of the block, the only server that drops or rewrites old days."""
    key = {"key": _OLD_DAYS_KEY}
    cursor = await connection.execute(SQL.try_alone, key)
    row = await cursor.fetchone()
    try:
        yield (is_alone := bool(row and row[0]))
    finally:
        if is_alone and not connection.broken:
            await connection.execute(SQL.not_alone, key)


async def _calendar(connection: database.Connection) -> Calendar:
    cursor = await connection.execute(SQL.existing, binary=True)
    rows = await cursor.fetchall()
    found = (Partition(*row[1:]) for row in rows if row[2] is not None)
    return Calendar(rows[0][0], tuple(found))


async def _patiently(db: database.Database, day: date) -> None:
    """Make what is missing of one day; a lock that is not given within 5 s is asked for again."""
    for _ in range(_TRIES - 1):
        try:
            return await _make(db, day)
        except database.ResultUnknown:
            raise
        except errors.Unavailable:
            log.warning("partitions.waiting", day=str(day))
            await asyncio.sleep(0.1)
    return await _make(db, day)


async def _make(db: database.Database, day: date) -> None:
    async with db.connection() as connection, connection.transaction():
        await connection.execute(SQL.serialize, {"key": _ENSURE_KEY})
        for each in (await _calendar(connection)).missing(day, day).get(day, ()):
            for statement in _making(each):
                await connection.execute(statement)


def _making(each: Partition) -> Iterable[composed.Composed]:
    """ATTACH takes a weaker lock on the parent than CREATE … PARTITION OF: reading and writing go on beside it."""
    bounds = (
        day.isoformat() + ("" if each.parent in _BY_DATE else " 00:00:00+00")
        for day in (each.day, each.day + timedelta(days=1))
    )
    names = {"name": composed.Identifier(each.name), "parent": composed.Identifier(each.parent)}
    first, end = (composed.Literal(bound) for bound in bounds)
    yield composed.SQL("CREATE TABLE {name} (LIKE {parent} INCLUDING ALL)").format(**names)
    yield composed.SQL("ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})").format(
        **names, first=first, end=end
    )


async def _expired(connection: database.Connection, retention_days: int) -> list[Partition]:
    now = await _calendar(connection)
    cursor = await connection.execute(SQL.open_days)
    open_days = {row[0] for row in await cursor.fetchall()}
    first_kept = now.today - timedelta(days=retention_days)
    return [
        each
        for each in now.partitions
        if not each.is_attached
        or each.is_detaching
        or (each.day < first_kept and not (each.parent == "events" and each.day in open_days))
    ]


async def _drop(connection: database.Connection, each: Partition) -> bool:
    """Each statement commits by itself; an interruption after any of them is gone on from by the next run."""
    names = {"name": composed.Identifier(each.name), "parent": composed.Identifier(each.parent)}
    if each.is_detaching:
        await connection.execute(composed.SQL("ALTER TABLE {parent} DETACH PARTITION {name} FINALIZE").format(**names))
    elif each.is_attached:
        await connection.execute(composed.SQL("ALTER TABLE {parent} DETACH PARTITION {name} CONCURRENTLY").format(**names))
    await connection.execute(composed.SQL("DROP TABLE {name}").format(**names))
    log.info("partitions.dropped", partition=each.name)
    return True
