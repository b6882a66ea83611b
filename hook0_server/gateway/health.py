"""Whether this server can take work: for load balancers and people."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from hook0_server.model import errors
from hook0_server.store import database

_KEPT_SECONDS = 0.5  # however often it is asked, the database is not
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Report:
    """What GET /health answers; `status` is "ok" or "unavailable"."""

    status: str
    ready: bool
    database: bool


class Health:
    """`ready` is the composition root's: true between the end of the start and the beginning of the stop."""

    def __init__(self, db: database.Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ready = False
        self._db, self._clock = db, clock
        self._turn = asyncio.Lock()
        self._looked_at = float("-inf")
        self._database = False

    async def report(self) -> Report:
        async with self._turn:
            if self._clock() - self._looked_at > _KEPT_SECONDS:
                self._database = await self._answers()
                self._looked_at = self._clock()
        return Report("ok" if self.ready and self._database else "unavailable", self.ready, self._database)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._db.fetch_one(b"SELECT 1") is not None
        except (TimeoutError, errors.Unavailable):
            return False
