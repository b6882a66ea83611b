"""The connections that are open, and those of them that wait to be used again.

What is kept is bounded, in total and per key, and for a time; what is in use is bounded by how many requests the sender
has in flight, so that nobody ever waits here behind a receiver that hangs.
"""

import asyncio
import collections
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from hook0_server.delivery import connection
from hook0_server.model import targets

_CLOSE_SECONDS = 1.0


class Connections:
    """Use as an async context manager: leaving it closes every connection, in use or not."""

    def __init__(self, *, idle_total: int, idle_per_key: int, idle_seconds: float) -> None:
        self._idle_total = idle_total
        self._idle_per_key = idle_per_key
        self._idle_seconds = idle_seconds
        self._open: set[connection.Connection] = set()
        # Newest last in both: a stack for each key, so that as few as possible stay warm; and all, in order of age.
        self._stacks: dict[connection.Key, list[connection.Connection]] = {}
        self._idle_since: collections.OrderedDict[connection.Connection, float] = collections.OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None
        self._wanted: dict[connection.Key, dict[asyncio.Future[connection.Connection | None], None]] = {}

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        closing = [kept.closed for kept in self._open]
        for kept in tuple(self._open):
            kept.abort()
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_SECONDS)

    def __len__(self) -> int:
        """How many are open, in use and kept."""
        return len(self._open)

    @property
    def idle(self) -> int:
        """How many are kept for another request."""
        return len(self._idle_since)

    def add(self, opened: connection.Connection) -> None:
        """Remember a new connection, so that it is closed in the end."""
        if not opened.closed.done():
            self._open.add(opened)

    def take(self, scheme: str, host: str, port: int, addresses: Sequence[targets.Address]) -> connection.Connection | None:
        """The most recently used connection to any of these addresses that is still good; the caller owns it then."""
        for address in addresses:
            stack = self._stacks.get((scheme, host, port, address.packed))
            while stack:
                kept = stack.pop()
                del self._idle_since[kept]
                if kept.is_quiet():
                    return kept
                kept.abort()
        return None

    def want(self, key: connection.Key, waiting: "asyncio.Future[connection.Connection | None]") -> None:
        """The next one of this key that is given back becomes the future's result; say `want_no_more` in any case."""
        self._wanted.setdefault(key, {})[waiting] = None

    def want_no_more(self, key: connection.Key, waiting: "asyncio.Future[connection.Connection | None]") -> None:
        wanting = self._wanted.get(key)
        if wanting is not None:
            wanting.pop(waiting, None)
            if not wanting:
                del self._wanted[key]

    def give_back(self, used: connection.Connection) -> None:
        """Hand it to somebody who waits, or keep it where it may be and there is room; close it otherwise."""
        if not used.may_be_kept():
            used.abort()
            return
        for waiting in self._wanted.get(used.key, ()):
            if not waiting.done():
                if used.is_quiet():
                    waiting.set_result(used)
                else:
                    used.abort()
                return
        stack = self._stacks.setdefault(used.key, [])
        if len(stack) >= self._idle_per_key:
            used.abort()
            return
        stack.append(used)
        self._idle_since[used] = self._loop.time()
        if len(self._idle_since) > self._idle_total:
            self._drop(next(iter(self._idle_since)))
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._idle_seconds, self._sweep)

    def forget(self, lost: connection.Connection) -> None:
        """The connection is closed."""
        self._open.discard(lost)
        if lost in self._idle_since:
            self._drop(lost)
        elif not self._stacks.get(lost.key, True):
            del self._stacks[lost.key]

    def _drop(self, kept: connection.Connection) -> None:
        del self._idle_since[kept]
        stack = self._stacks[kept.key]
        stack.remove(kept)
        if not stack:
            del self._stacks[kept.key]
        kept.abort()

    def _sweep(self) -> None:
        """Close what has waited too long; look again when the oldest of the rest will have."""
        self._sweeper = None
        now = self._loop.time()
        while self._idle_since:
            oldest, since = next(iter(self._idle_since.items()))
            if now - since < self._idle_seconds:
                self._sweeper = self._loop.call_later(since + self._idle_seconds - now, self._sweep)
                return
            self._drop(oldest)
