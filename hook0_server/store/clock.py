"""The database's time, kept by this machine's steady clock: its wall clock may be wrong, or jump.

Days of events and ages of deliveries are compared with what the database wrote, so they are judged by its clock. A wall
clock that is a month ahead would refuse every event and expire every delivery.
"""

import functools
import time
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

READ = b"SELECT extract(epoch FROM clock_timestamp())::float8"
_SLOW_SECONDS = 1.0  # an answer that took longer says too little
_WRONG_SECONDS = 60.0  # signatures carry the wall clock's time, and receivers allow minutes

# Seconds that go on while the machine sleeps, where there is such a clock.
boottime = functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic


class _Asked(Protocol):
    async def fetch(self, statement: bytes) -> list[tuple[Any, ...]]: ...


class Clock:
    """`now()` is the wall clock's until the first `read`."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # of boottime

    def now(self) -> float:
        """Unix seconds."""
        return time.time() if self._ahead is None else boottime() + self._ahead

    async def read(self, database: _Asked) -> None:
        """Ask the database; call it from time to time, as its clock may be set. Raises errors.Unavailable."""
        asked = boottime()
        [(said,)] = await database.fetch(READ)
        took = boottime() - asked
        if took > _SLOW_SECONDS and self._ahead is not None:
            return
        self._ahead = said - asked - took / 2
        if abs(wrong := time.time() - self.now()) > _WRONG_SECONDS:
            log.warning(
                "clock.differs", seconds=round(wrong, 1), consequence="receivers may refuse signatures as too old or too new"
            )
