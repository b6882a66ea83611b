"""Reads the end of one application's feed, each page once, for all who watch it in this process."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from hook0_server.model import cursors, errors
from hook0_server.store import feed
from hook0_server.watch import ring

Begin = Callable[[], Awaitable[ring.Ring]]
Read = Callable[[cursors.Cursor], Awaitable[feed.Page]]

PAGE_ROWS = 500

_GAP_SECONDS = 0.005  # between two reads: under load one read takes what 5 ms bring
_GAP_FOR_EACH_SECONDS = 0.0005  # the same for each watcher, where they are many: every page is a message to each of them
_LONGEST_GAP_SECONDS = 0.1
_HIDDEN_SECONDS = (0.005, 0.05)  # first and longest wait for rows that a running transaction hides
_RETRY_SECONDS = 0.2


class Outage:
    """Since when something cannot be read; it is borne for `patience` seconds, then it is said."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None
        self._failure: errors.Unavailable | None = None

    @property
    def is_over(self) -> bool:
        return self._failure is None

    def failed(self, failure: errors.Unavailable) -> None:
        self._failure = failure
        if self._since is None:
            self._since = time.monotonic()

    def ended(self) -> None:
        self._since = self._failure = None

    def judge(self) -> None:
        """Raise what failed when it has failed for longer than it is borne."""
        if self._failure is not None and self._since is not None and time.monotonic() - self._since >= self._patience:
            raise self._failure


class Tail:
    """The end of the feed of one application. `run` is a task of the hub; `watchers` are told of every change."""

    def __init__(self, begin: Begin, read: Read, poll_seconds: Callable[[], float], patience: float) -> None:
        self._begin, self._read, self._poll_seconds = begin, read, poll_seconds
        self.outage = Outage(patience)
        self.ring: ring.Ring | None = None  # None: not begun
        self.page: feed.Page | None = None  # the last one; None: nothing was read yet
        self.watchers: set[asyncio.Event] = set()
        self.failure: Exception | None = None  # it ended with this; so do its watchers
        self._wake = asyncio.Event()
        self._is_ended = False

    @property
    def is_caught_up(self) -> bool:
        return self.page is not None and self.page.is_caught_up and self.outage.is_over

    def wake(self) -> None:
        """Something was recorded, perhaps: look now."""
        self._wake.set()

    def end(self) -> None:
        """Nobody watches any more: `run` returns after the read that it is in."""
        self._is_ended = True
        self._wake.set()

    async def run(self) -> None:
        """Read until the end, or until something fails that waiting does not heal."""
        hidden_for = _HIDDEN_SECONDS[0]
        while not self._is_ended and self.failure is None:
            self._wake.clear()
            page = await self._next()
            self._tell()
            if page is None:
                await asyncio.sleep(_RETRY_SECONDS)
            elif page.hidden:
                hidden_for = _HIDDEN_SECONDS[0] if page.attempts else min(hidden_for * 2, _HIDDEN_SECONDS[1])
                await asyncio.sleep(hidden_for)
            elif page.reached:
                await asyncio.sleep(self._gap_seconds())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_seconds())

    def _gap_seconds(self) -> float:
        return min(max(_GAP_SECONDS, len(self.watchers) * _GAP_FOR_EACH_SECONDS), _LONGEST_GAP_SECONDS)

    async def _next(self) -> feed.Page | None:
        """The next page, taken into the ring; None when there is none now."""
        try:
            if self.ring is None:
                self.ring = await self._begin()
            page = await self._read(self.ring.end)
        except errors.Unavailable as failure:
            self.outage.failed(failure)
            return None
        except Exception as failure:  # a refusal (another cluster), or a defect: its watchers end with it
            self.failure = failure
            return None
        self.outage.ended()
        self.ring.add(page.attempts, page.cursor)
        self.page = page
        return page

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher.set()
