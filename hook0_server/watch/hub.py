"""Who watches what: one tail for each application that is watched, from its first watcher to its last.

A watcher holds only a position. Where the tail's ring still has what follows, it takes it from there; where it fell
behind, it reads the feed itself, as fast as its client takes it. So a slow client costs no memory and is never dropped.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

import structlog

from hook0_server.model import cursors, ending, errors, ids
from hook0_server.store import attempts, database, feed, feed_epoch
from hook0_server.watch import ring, tail, watcher

log = structlog.get_logger(__name__)

_CLOCK_SECONDS = 0.1
_POLL_SECONDS = 1.0
_POLLS_PER_SECOND = 500
_PREPARE_SECONDS = 1.0
_START_SECONDS = 2.0
_SAFE_FROM_DROPPING = timedelta(days=1)  # the shortest retention is two


class Hub:
    """The watches of one process. `async with hub.running():` around everything that watches."""

    def __init__(
        self,
        db: database.Database,
        *,
        patience: float = 5.0,
        ring_rows: int = ring.MOST_ROWS,
        ring_bytes: int = ring.MOST_BYTES,
    ) -> None:
        self._db = db
        self._patience, self._ring_rows, self._ring_bytes = patience, ring_rows, ring_bytes
        # Those who catch up do not stand in the way of those who are at the end.
        self._live, self._back = feed.Feed(db, connections=2), feed.Feed(db, connections=2)
        self._tails: dict[uuid.UUID, tail.Tail] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._clock: feed.Clock | None = None
        self._clock_at, self._clock_turn = 0.0, asyncio.Lock()
        self._prepared, self._moved = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Leaving it ends the tails; streams are expected to have ended."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            keeper = tasks.create_task(self._prepare(), name="watch.prepare")
            try:
                with contextlib.suppress(TimeoutError):  # it may take long after a move: until then watches are refused
                    await asyncio.wait_for(self._prepared.wait(), _START_SECONDS)
                yield
            finally:
                for each in self._tails.values():
                    each.end()
                await ending.end([keeper])

    @property
    def applications(self) -> int:
        """How many are watched now."""
        return len(self._tails)

    @property
    def streams(self) -> int:
        """How many watch now."""
        return sum(len(each.watchers) for each in self._tails.values())

    @property
    def lag_seconds(self) -> float:
        """How far the feed was behind now when it was last looked at; 0 while nobody watches."""
        clock = self._clock if self._tails else None
        return (clock.now - clock.horizon_at).total_seconds() if clock else 0.0

    def recorded(self, application_ids: Iterable[uuid.UUID]) -> None:
        """Attempts of these applications were committed in this process."""
        for application_id in application_ids:
            if found := self._tails.get(application_id):
                found.wake()

    def heard(self, payload: str) -> None:
        """A hint from another process (wake.ATTEMPTS): application ids separated by commas; '' may mean any."""
        if payload:
            self.recorded(application_id for text in payload.split(",") if (application_id := ids.parse(text)))
        else:
            self.recorded(list(self._tails))

    async def from_now(self, application_id: uuid.UUID) -> cursors.Cursor:
        return await feed.position(self._back, application_id)

    async def from_time(self, application_id: uuid.UUID, at: datetime) -> cursors.Cursor:
        """Raises OutOfRange CURSOR_EXPIRED."""
        return await feed.starting_at(self._back, application_id, at)

    async def from_cursor(self, cursor: cursors.Cursor) -> cursors.Cursor:
        """Raises OutOfRange CURSOR_EXPIRED."""
        return await feed.resuming(self._back, cursor)

    @contextlib.asynccontextmanager
    async def watching(
        self, start: cursors.Cursor, wanted: attempts.Filter = feed.ALL, *, most: int = 100
    ) -> AsyncIterator[watcher.Watcher]:
        """A watch from `start`, whose batches hold `most` attempts at most."""
        joined = self._joined(start.application_id)
        watching = watcher.Watcher(joined, self._catch_up, start, wanted, most, self._patience)
        joined.watchers.add(watching.wake)
        try:
            yield watching
        finally:
            joined.watchers.discard(watching.wake)
            if not joined.watchers:
                self._leave(start.application_id, joined)

    def _joined(self, application_id: uuid.UUID) -> tail.Tail:
        if self._tasks is None:
            raise RuntimeError("the hub is not running")
        found = self._tails.get(application_id)
        if found is None or found.failure is not None:
            found = tail.Tail(lambda: self._begin(application_id), self._read, self._poll_seconds, self._patience)
            self._tails[application_id] = found
            self._tasks.create_task(found.run(), name=f"watch.tail {application_id}")
        return found

    def _leave(self, application_id: uuid.UUID, left: tail.Tail) -> None:
        left.end()
        if self._tails.get(application_id) is left:
            del self._tails[application_id]

    async def _begin(self, application_id: uuid.UUID) -> ring.Ring:
        return ring.Ring(await feed.position(self._live, application_id), self._ring_rows, self._ring_bytes)

    def _poll_seconds(self) -> float:
        """Behind every hint; all tails together look 500 times a second at most."""
        return max(_POLL_SECONDS, len(self._tails) / _POLLS_PER_SECOND)

    async def _read(self, after: cursors.Cursor) -> feed.Page:
        return await self._live.page(after, await self._clock_now(), scan=tail.PAGE_ROWS, take=tail.PAGE_ROWS)

    async def _catch_up(self, after: cursors.Cursor, wanted: attempts.Filter, take: int) -> feed.Page:
        clock = await self._clock_now()
        page = await self._back.page(after, clock, wanted, take=take)
        if clock.now - after.recorded_at > _SAFE_FROM_DROPPING:
            await feed.resuming(self._back, after)  # afterwards: what was dropped meanwhile is noticed, not skipped
        return page

    async def _clock_now(self) -> feed.Clock:
        """A clock of the last 100 ms: an earlier one only says less. All readers share it."""
        async with self._clock_turn:
            asked_at = time.monotonic()
            if self._clock is None or asked_at - self._clock_at >= _CLOCK_SECONDS:
                self._clock, self._clock_at = await self._live.clock(), asked_at
            if not self._clock.is_same_cluster:
                self._moved.set()
                raise errors.Unavailable("DATABASE_UNAVAILABLE", "The database was moved; retry.", retry_after=_PREPARE_SECONDS)
            return self._clock

    async def _prepare(self) -> None:
        """Put older attempts first where the database was moved: at the start, and when it is noticed later."""
        while True:
            try:
                await feed_epoch.open(self._db)
                self._prepared.set()
                await self._moved.wait()
                self._moved.clear()
            except errors.Unavailable as failure:
                log.warning("watch.not_prepared", reason=failure.reason)
                await asyncio.sleep(_PREPARE_SECONDS)
