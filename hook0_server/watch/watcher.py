"""One watch: a position that moves on, through the ring where it can and through the feed where it fell behind."""

import asyncio
import contextlib
import dataclasses
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from hook0_server.model import cursors, errors
from hook0_server.store import attempts, feed
from hook0_server.watch import matching, ring, tail

CatchUp = Callable[[cursors.Cursor, attempts.Filter, int], Awaitable[feed.Page]]

_LOOK_ROWS = 1000  # of the ring, before others get their turn
_RETRY_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """What followed: attempts in feed order (without responses), the position after all that was looked at."""

    attempts: tuple[attempts.Attempt, ...]
    cursor: cursors.Cursor
    is_caught_up: bool  # everything that is recorded was looked at
    horizon_at: datetime  # everything recorded before it was looked at


class Watcher:
    """Made by the hub. Its owner calls `next` again and again; `wake` makes it look at once."""

    def __init__(
        self,
        joined: tail.Tail,
        catch_up: CatchUp,
        start: cursors.Cursor,
        wanted: attempts.Filter,
        most: int,
        patience: float,
    ) -> None:
        self.wake = asyncio.Event()
        self._tail, self._catch_up, self._wanted, self._most = joined, catch_up, wanted, most
        self._matches = matching.matcher(wanted)
        self._outage = tail.Outage(patience)
        self._now = Batch((), start, False, start.recorded_at - feed.PRUNING_SLACK)
        self._has_looked = self._is_interrupted = False
        self._told_caught_up: bool | None = None  # None: nothing was told

    @property
    def now(self) -> Batch:
        """Where it stands, for a heartbeat: no attempts."""
        return self._now

    def interrupt(self) -> None:
        """`next` returns as soon as it can, now and from now on."""
        self._is_interrupted = True
        self.wake.set()

    async def next(self, seconds: float) -> Batch | None:
        """The next batch with attempts; None when there is none within `seconds`.

        An empty batch comes at first, when nothing follows the start yet, and when everything has been caught up with.
        Raises OutOfRange CURSOR_EXPIRED, and errors.Unavailable when nothing could be read for longer than is borne.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.wake.clear()
            is_at_end = await self._look()
            if self._is_news():
                return self._told()
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._is_interrupted:
                return None
            if is_at_end:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), remaining)
            else:
                await asyncio.sleep(0)

    def _is_news(self) -> bool:
        if self._now.attempts:
            return True
        return self._has_looked and (self._told_caught_up is None or self._now.is_caught_up > self._told_caught_up)

    def _told(self) -> Batch:
        told = self._now
        self._told_caught_up = told.is_caught_up
        self._now = dataclasses.replace(told, attempts=())
        return told

    async def _look(self) -> bool:
        """Move on; answers whether nothing more can be done before somebody wakes it."""
        if self._tail.failure is not None:
            raise self._tail.failure.with_traceback(None)  # the same one for every watcher
        if self._tail.ring is None or self._tail.page is None:
            self._tail.outage.judge()
            return True
        self._has_looked = True
        rows = self._tail.ring.after(self._now.cursor.position, _LOOK_ROWS)
        if rows is None:
            await self._look_back(self._tail.ring.begin)
            return False
        return self._look_ahead(rows, self._tail.ring, self._tail.page)

    def _look_ahead(self, rows: list[attempts.Attempt], shared: ring.Ring, page: feed.Page) -> bool:
        """Through what the ring holds."""
        found, last = self._picked(rows)
        cursor = self._now.cursor if last is None else feed.passing(self._now.cursor, last)
        if cursor.position < shared.end.position:
            oldest = shared.oldest_after(cursor.position)
            self._move(found, cursor, False, page.horizon_at if oldest is None else min(page.horizon_at, oldest))
            return False
        self._tail.outage.judge()
        cursor = dataclasses.replace(cursor, recorded_at=shared.end.recorded_at)
        self._move(found, cursor, self._tail.is_caught_up, page.horizon_at)
        return True

    def _picked(self, rows: list[attempts.Attempt]) -> tuple[list[attempts.Attempt], attempts.Attempt | None]:
        """Those that match, as many as a batch holds, and the last one that was looked at."""
        found: list[attempts.Attempt] = []
        last, not_before = None, self._now.cursor.not_before
        for last in rows:
            if self._matches(last) and (not_before is None or last.recorded_at >= not_before):
                found.append(last)
                if len(found) == self._most:
                    break
        return found, last

    async def _look_back(self, begin: tuple[int, uuid.UUID]) -> None:
        """Through the feed itself, from where the ring holds no more: its `begin`, before this reads."""
        try:
            page = await self._catch_up(self._now.cursor, self._wanted, self._most)
        except errors.Unavailable as failure:
            self._outage.failed(failure)
            self._outage.judge()
            await asyncio.sleep(_RETRY_SECONDS)
            return
        self._outage.ended()
        cursor = page.cursor
        if page.reached and cursor.position < begin:  # up to `begin` there is nothing, or nothing any more
            cursor = dataclasses.replace(cursor, xid=begin[0], attempt_id=begin[1])
        self._move(page.attempts, cursor, False, page.horizon_at)

    def _move(
        self, found: Sequence[attempts.Attempt], cursor: cursors.Cursor, is_caught_up: bool, horizon_at: datetime
    ) -> None:
        """What has been seen stays seen: the horizon never goes back."""
        self._now = Batch(tuple(found), cursor, is_caught_up, max(horizon_at, self._now.horizon_at))
