"""What the server does for itself from time to time. A round that fails is logged and tried again; it never ends the server."""

import asyncio
import contextlib
import dataclasses
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from hook0_server.model import ending, errors
from hook0_server.store import applications, audit_entries, database, partitions, unverified, upkeep

log = structlog.get_logger(__name__)

_VACUUM_STATEMENT_SECONDS = 60.0
_LONG_TRANSACTION_SECONDS = 30.0
AUDIT_DAYS = 365


@dataclasses.dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between rounds; tests shorten them."""

    retention: float = 3600.0
    vacuum: float = 5.0
    writers: float = 10.0
    clock: float = 10.0
    backlog: float = 15.0
    retry: float = 60.0  # at most, after a round that failed


class Upkeep:
    """`await upkeep.prepare()` before serving, then `async with upkeep.running():` for as long as the server lives."""

    def __init__(
        self,
        db: database.Database,
        *,
        retention_days: int,
        audit_days: int = AUDIT_DAYS,
        unverified_days: int = 0,
        intervals: Intervals | None = None,
    ) -> None:
        """`unverified_days` 0: accounts that were never verified are kept."""
        self._unverified_days = unverified_days
        self._db, self._retention_days, self._audit_kept = db, retention_days, datetime.timedelta(days=audit_days)
        self._intervals = intervals or Intervals()
        self._vacuuming = db.hot("vacuum", statement_seconds=_VACUUM_STATEMENT_SECONDS)
        self._oldest_writer: upkeep.Writer | None = None
        self.backlog: upkeep.Backlog | None = None  # None: the last look failed, or there was none yet

    @property
    def oldest_writer_seconds(self) -> float:
        """The age of the oldest open transaction that writes, when it was last looked at; 0 where there is none."""
        return (self._oldest_writer.seconds or 0.0) if self._oldest_writer else 0.0

    async def prepare(self) -> None:
        """Read the clock, and make the partitions that are missing: without today's nothing can be stored.

        Raises errors.Unavailable.
        """
        await self._read_clock()
        await partitions.ensure(self._db, retention_days=self._retention_days)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The rounds, each a task of its own; leaving the block ends them."""
        every = self._intervals
        rounds = [
            ("retention", every.retention, self._keep_days),
            ("vacuum", every.vacuum, self._vacuum),
            ("writers", every.writers, self._look_at_writers),
            ("clock", every.clock, self._read_clock),
            ("backlog", every.backlog, self._look_at_backlog),
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._repeated(name, seconds, work), name=f"upkeep.{name}") for name, seconds, work in rounds
            ]
            try:
                yield
            finally:
                await ending.end(tasks)

    async def _repeated(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            pause = seconds
            try:
                await work()
            except errors.Unavailable as failure:
                log.warning("upkeep.failed", round=name, reason=failure.reason)
                pause = min(seconds, self._intervals.retry)
            except Exception:
                log.exception("upkeep.failed", round=name)
                pause = min(seconds, self._intervals.retry)
            await asyncio.sleep(pause)

    async def _keep_days(self) -> None:
        await partitions.ensure(self._db, retention_days=self._retention_days)
        dropped = await partitions.drop_expired(self._db, retention_days=self._retention_days)
        forgotten = await upkeep.forget(self._db, retention_days=self._retention_days)
        forgotten["audit_entries"] = await audit_entries.forget(self._db, before=self._now() - self._audit_kept)
        if self._unverified_days:
            forgotten["unverified_accounts"] = await unverified.remove(self._db, days=self._unverified_days)
        unfinished = await applications.finish_deletions(self._db)
        log.info("upkeep.retention", dropped=dropped, unfinished_deletions=unfinished, **forgotten)

    def _now(self) -> datetime.datetime:
        """By the database's clock, of which the times in ids are."""
        return datetime.datetime.fromtimestamp(self._db.clock.now(), datetime.UTC)

    async def _read_clock(self) -> None:
        await self._db.clock.read(self._db)

    async def _vacuum(self) -> None:
        await upkeep.vacuum_deliveries(self._vacuuming)

    async def _look_at_writers(self) -> None:
        self._oldest_writer = await upkeep.oldest_writer(self._db)
        if self._oldest_writer is not None and self.oldest_writer_seconds >= _LONG_TRANSACTION_SECONDS:
            log.warning("upkeep.long_transaction", **dataclasses.asdict(self._oldest_writer))

    async def _look_at_backlog(self) -> None:
        try:
            self.backlog = await upkeep.backlog(self._db)
        except errors.Unavailable:
            self.backlog = None  # an old figure would look like a quiet queue
            raise
