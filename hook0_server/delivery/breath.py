"""Whether this process is short of CPU: how late the event loop wakes who asked to be woken.

A slow receiver makes nothing late, so nobody waits for one here. But where publishing and sending compete for the CPU, what
is published faster than it is sent has to be left to the database and claimed again, which costs both of them more.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from hook0_server.model import ending, histogram

_EVERY_SECONDS = 0.02
_LATE_SECONDS = 0.0025  # an idle loop is up to 1 ms late, by the resolution of its timers
_MUCH = 2000  # deliveries in memory
_LONGEST_SECONDS = 0.05
_STEP_SECONDS = 0.005


class Breath:
    """`held()`: how many deliveries are in memory."""

    def __init__(self, held: Callable[[], int]) -> None:
        self._held = held
        self._late = 0.0
        self.delays = histogram.Histogram(histogram.SECONDS)  # of all wake-ups

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            feeling = tasks.create_task(self._feel(), name="delivery.breath")
            try:
                yield
            finally:
                await ending.end([feeling])

    async def _feel(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            at = clock()
            await asyncio.sleep(_EVERY_SECONDS)
            late = max(0.0, clock() - at - _EVERY_SECONDS)
            self._late += 0.5 * (late - self._late)
            self.delays.add(late)

    @property
    def is_short(self) -> bool:
        """Short of CPU, with much to send: larger batches serve everybody better now than earlier ones."""
        return self._late > _LATE_SECONDS and self._held() > _MUCH

    async def take(self) -> None:
        """Wait while the loop is late and there is much to send, at most 50 ms."""
        clock = asyncio.get_running_loop().time
        until = clock() + _LONGEST_SECONDS
        while self.is_short and clock() < until:  # noqa: ASYNC110  # what is waited for is not an event
            await asyncio.sleep(_STEP_SECONDS)
