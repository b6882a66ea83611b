"""The feed: an application's attempts in the order in which their transactions began to write, without loss or repetition.

A page holds only what no running transaction precedes (below the snapshot's xmin), so a transaction that commits late is
never passed by. What is already committed but hidden behind a running one is counted, so that a reader knows to look
again at once. Positions are model.cursors.Cursor.
"""

import asyncio
import contextlib
import dataclasses
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from hook0_server.model import cursors, errors, event_types
from hook0_server.store import attempts, database, sql

SQL = sql.beside(__file__)

SCAN_ROWS = 2000
PRUNING_SLACK = timedelta(hours=1)  # an attempt that follows a position was recorded at most so long before it
ALL = attempts.Filter()

_HIDDEN_ROWS = 200  # as many hidden rows are looked at to tell how old the oldest is
_LONGEST_WRITE = timedelta(seconds=10)  # the statement timeout: so long after its start a transaction may begin to write
_START_SLACK = timedelta(minutes=1)
_NOT_READY_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Clock:
    """Taken before a page is read: nothing will be recorded any more with a time before `horizon_at`."""

    horizon_at: datetime
    now: datetime
    is_same_cluster: bool  # False: the database was moved while this server ran; feed_epoch.open is due


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What follows a position. Attempts come without their responses (attempts.read gives them)."""

    attempts: tuple[attempts.Attempt, ...]
    cursor: cursors.Cursor  # after everything that was looked at, matched or not
    reached: bool  # all that can be seen was looked at
    hidden: bool  # more is recorded, but a running transaction precedes it
    horizon_at: datetime  # everything recorded before it was looked at

    @property
    def is_caught_up(self) -> bool:
        return self.reached and not self.hidden


class Source(Protocol):
    """Where statements are run: a Feed, whose plans are fixed, or a Database."""

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> list[database.Row]: ...


class Feed:
    """Reads pages for everybody in this process over a few kept connections."""

    def __init__(self, db: database.Database, *, connections: int = 3) -> None:
        self._connections: asyncio.Queue[database.Hot] = asyncio.Queue(connections)
        for _ in range(connections):
            self._connections.put_nowait(db.hot("feed"))

    async def clock(self) -> Clock:
        """How far the feed can be known to be complete. Raises errors.Unavailable."""
        rows = await self.fetch(SQL.clock)
        if not rows:
            raise _not_ready()
        return Clock(*rows[0])

    async def page(
        self,
        after: cursors.Cursor,
        clock: Clock,
        wanted: attempts.Filter = ALL,
        *,
        scan: int = SCAN_ROWS,
        take: int = SCAN_ROWS,
    ) -> Page:
        """The next attempts that match: of at most `scan` rows, `take` at most.

        Raises OutOfRange CURSOR_EXPIRED when the cluster changed since, errors.Unavailable when the database is away.
        """
        rows = await self.fetch(SQL.page, _parameters(after, wanted, scan, take))
        if not rows or not rows[0][1]:
            raise _not_ready()
        if rows[0][0] != after.feed_epoch:
            raise expired(await oldest(self))
        found = tuple(attempts.Attempt(*row[8:]) for row in rows if row[8] is not None)
        return _page(after, clock, _Head(*rows[0][2:8]), found, scan, take)

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> list[database.Row]:
        """The rows of one statement, when a connection is free. Raises errors.Unavailable."""
        async with self._turn() as connection:
            return await connection.fetch(statement, parameters)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[database.Hot]:
        connection = await self._connections.get()
        try:
            yield connection
        finally:
            self._connections.put_nowait(connection)


async def position(source: Source, application_id: uuid.UUID) -> cursors.Cursor:
    """Now: every attempt up to it can be seen by a snapshot that is taken later, every other one follows it.

    Raises errors.Unavailable when the database is away or the feed is not ready.
    """
    return (await _now(source, application_id))[0]


async def starting_at(source: Source, application_id: uuid.UUID, at: datetime) -> cursors.Cursor:
    """Before the first attempt recorded at `at` or later. Raises OutOfRange CURSOR_EXPIRED, errors.Unavailable."""
    now = await position(source, application_id)
    kept_from = await oldest(source)
    if at < kept_from:
        raise expired(kept_from)
    if at > now.recorded_at:
        return dataclasses.replace(now, not_before=at)
    early = max(at - _START_SLACK, kept_from)
    first_day = datetime(early.year, early.month, early.day, tzinfo=UTC)
    rows = await source.fetch(SQL.start, {"application_id": application_id, "at": early, "first_day": first_day})
    return dataclasses.replace(now, xid=rows[0][0], attempt_id=cursors.BEGINNING, recorded_at=early, not_before=at)


async def resuming(source: Source, cursor: cursors.Cursor) -> cursors.Cursor:
    """The same cursor, when what follows it is still there. Raises OutOfRange CURSOR_EXPIRED, errors.Unavailable."""
    now, next_xid = await _now(source, cursor.application_id)
    kept_from = await oldest(source)
    # A transaction that is still to come: one that a restored backup does not have.
    if cursor.feed_epoch != now.feed_epoch or cursor.xid >= next_xid or cursor.recorded_at < kept_from:
        raise expired(kept_from)
    return cursor


async def _now(source: Source, application_id: uuid.UUID) -> tuple[cursors.Cursor, int]:
    """The position, and the first transaction that can still record something."""
    rows = await source.fetch(SQL.position, {"application_id": application_id})
    if not rows or not rows[0][1]:
        raise _not_ready()
    epoch, _, now, next_xid, xid, attempt_id = rows[0]
    return cursors.Cursor(application_id, epoch, xid or 0, attempt_id or cursors.BEGINNING, now), next_xid


async def oldest(source: Source) -> datetime:
    """From when on attempts are kept. Raises errors.Unavailable."""
    rows = await source.fetch(SQL.oldest)
    if rows[0][0] is None:
        raise _not_ready()
    kept_from: datetime = rows[0][0]
    return kept_from


def expired(kept_from: datetime) -> errors.OutOfRange:
    """The refusal of a position before what is kept, or of another life of the database."""
    text = kept_from.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return errors.OutOfRange(
        "CURSOR_EXPIRED",
        f"What follows this position is not kept any more; watch with start_at {text} or later.",
        metadata={"oldest_at": text},
    )


def passing(after: cursors.Cursor, attempt: attempts.Attempt) -> cursors.Cursor:
    """The position after an attempt that follows `after`."""
    return _moved(after, attempt.recorded_xid, attempt.attempt_id, attempt.recorded_at)


def types_expression(patterns: Sequence[str]) -> str:
    """The patterns of event types as one regular expression, the same for PostgreSQL and Python."""
    return "^(" + "|".join(map(_type_expression, patterns)) + ")$"


@dataclasses.dataclass(frozen=True, slots=True)
class _Head:
    """What a page says besides its attempts: names as in feed.sql."""

    last_xid: int | None
    last_attempt_id: uuid.UUID
    last_recorded_at: datetime
    scanned: int
    ahead: int
    ahead_since: datetime | None


def _page(after: cursors.Cursor, clock: Clock, head: _Head, found: tuple[attempts.Attempt, ...], scan: int, take: int) -> Page:
    if len(found) == take:
        cursor = passing(after, found[-1])
    elif head.last_xid is not None:
        cursor = _moved(after, head.last_xid, head.last_attempt_id, head.last_recorded_at)
    else:
        cursor = after
    if len(found) == take or head.scanned == scan:
        return Page(found, cursor, False, False, min(cursor.recorded_at - _LONGEST_WRITE, clock.horizon_at))
    horizon_at = clock.horizon_at if head.ahead_since is None else min(clock.horizon_at, head.ahead_since)
    if head.ahead == _HIDDEN_ROWS:
        horizon_at -= _LONGEST_WRITE  # those that were not looked at may be older by as much
    return Page(found, dataclasses.replace(cursor, recorded_at=horizon_at), True, head.ahead > 0, horizon_at)


def _moved(after: cursors.Cursor, xid: int, attempt_id: uuid.UUID, recorded_at: datetime) -> cursors.Cursor:
    if not xid:  # of a cluster before: ordered by attempt only, so their times may not move the bound that prunes days
        return dataclasses.replace(after, xid=xid, attempt_id=attempt_id)
    not_before = after.not_before
    if not_before is not None and recorded_at - PRUNING_SLACK > not_before:
        not_before = None
    return dataclasses.replace(after, xid=xid, attempt_id=attempt_id, recorded_at=recorded_at, not_before=not_before)


def _parameters(after: cursors.Cursor, wanted: attempts.Filter, scan: int, take: int) -> dict[str, Any]:
    return {
        "application_id": after.application_id,
        "xid": str(after.xid),
        "attempt_id": after.attempt_id,
        "since": after.recorded_at - PRUNING_SLACK,
        "scan": scan,
        "take": take,
        "ahead": _HIDDEN_ROWS,
        "subscription_ids": list(wanted.subscription_ids) or None,
        "event_ids": list(wanted.event_ids) or None,
        "delivery_ids": list(wanted.delivery_ids) or None,
        "event_types": types_expression(wanted.event_types) if wanted.event_types else None,
        "outcomes": list(wanted.outcomes) or None,
        "only_final": wanted.only_final,
        "finished_after": wanted.finished_after,
        "finished_before": wanted.finished_before,
        "not_before": after.not_before,
    }


def _type_expression(pattern: str) -> str:
    stands_for = {event_types.ANY_SEGMENT: "[^.]+", event_types.ANY_REST: ".+"}
    segments = r"\.".join(stands_for.get(segment) or re.escape(segment) for segment in pattern.split("."))
    return rf"(?!{event_types.RESERVED}\.){segments}" if event_types.has_wildcard(pattern[0]) else segments


def _not_ready() -> errors.Unavailable:
    return errors.Unavailable(
        "DATABASE_UNAVAILABLE", "The feed is being prepared for this database; retry.", retry_after=_NOT_READY_SECONDS
    )
