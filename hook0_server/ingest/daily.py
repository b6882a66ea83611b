"""The quota of events per day: counted where events are stored, read twice a second for those who publish.

So a publish costs a look into a dict, and nobody waits for a sum. The price is that a limit may be passed by what comes in
until the next look, in less than a second.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import structlog

from hook0_server.ingest import notices
from hook0_server.model import ending, errors, quotas
from hook0_server.store import database, usage

log = structlog.get_logger(__name__)

QUOTA = "events_per_day"
LOOK_SECONDS = 0.5


class Daily:
    """`async with daily.running():`; `instance` is the limit of applications that have none of their own."""

    def __init__(
        self, db: database.Database, instance: int | None, told: notices.Notices, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._db, self._instance, self._notices, self._look_seconds = db, instance, told, look_seconds
        self._publishing: set[uuid.UUID] = set()  # since the last look
        self._published: set[uuid.UUID] = set()  # before it: what they gave may have been committed after it
        self._reached: dict[uuid.UUID, usage.Today] = {}
        self._near: dict[uuid.UUID, usage.Today] = {}  # those who have reached it among them

    @property
    def near(self) -> int:
        """How many applications have used 80 % of their day or more, as far as this process published for them."""
        now = self._db.clock.now()
        return sum(each.ends_at > now for each in self._near.values())

    def refusal(self, application_id: uuid.UUID, events: int) -> errors.QuotaExceeded | None:
        """Why these events may not be stored; to be asked before each request is."""
        self._publishing.add(application_id)
        reached = self._reached.get(application_id)
        if reached is None or (left := reached.ends_at - self._db.clock.now()) <= 0:
            return None
        self._notices.refused[QUOTA] += events
        return quotas.refusal(QUOTA, reached.limit, retry_after=left)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._look_on(), name="ingest.daily")
            try:
                yield
            finally:
                await ending.end([looking])

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.look()
            except errors.Unavailable as failure:
                log.debug("quota.unknown", reason=failure.reason)  # then nothing can be stored either
            except Exception:
                log.exception("quota.failed")

    async def look(self) -> None:
        """Read the counters of those who published of late, and of those who are near; log who is. Raises Unavailable."""
        await self._read()
        await self._notices.tell(self._db)

    async def _read(self) -> None:
        publishing, self._publishing = self._publishing, set()
        asked = publishing | self._published | self._near.keys()
        if not asked:
            return
        try:
            found = await usage.today(self._db, asked, self._instance)
        except errors.Unavailable:
            self._publishing |= publishing
            raise
        self._published = publishing
        self._reached = {each.application_id: each for each in found if each.events >= each.limit}
        self._near = {each.application_id: each for each in found if quotas.is_near(each.events, each.limit)}
        for each in found:
            self._notices.seen(QUOTA, each.application_id, each.events, each.limit)
