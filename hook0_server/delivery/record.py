"""Writes down what came of attempts, in batches of what waits: one statement in flight, about 2 ms of linger.

An outcome stays here until the database has it: an outage only makes it wait. What was fenced (somebody else holds the
delivery by now) leaves no trace.
"""

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from hook0_server.delivery import answer
from hook0_server.model import ending, errors, histogram, outcome
from hook0_server.store import database, record

log = structlog.get_logger(__name__)

BATCH = 500
_LINGER_SECONDS = 0.002
_LONG_LINGER_SECONDS = 0.01  # where the CPU is short, a batch of 100 costs half of what five of 20 do
_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)
_UNSTORABLE = "The receiver's answer holds something that cannot be stored."


class Recorder:
    """`put` what is finished; `recorded(batch, due_again)` is called after each commit.

    `fenced` is called when some of a batch was not this node's any more, or had been recorded though that answer was lost.
    `turn` is held while a statement runs: whoever changes this node's number takes it first.
    """

    def __init__(
        self,
        db: database.Database,
        *,
        node: Callable[[], int],
        recorded: Callable[[Sequence[record.Finished], int], None],
        fenced: Callable[[], None] = lambda: None,
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        self._hot = db.hot("recorder")
        self._node, self._recorded, self._tell_fenced = node, recorded, fenced
        self._is_short = is_short
        self._waiting: deque[record.Finished] = deque()
        self._writing = 0
        self._any = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.turn = asyncio.Lock()
        self.batches, self.fenced = histogram.Histogram(histogram.SIZES), 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether more may be sent: what is sent and not recorded is sent again after a kill, so it is one batch at most."""
        return len(self._waiting) + self._writing < BATCH

    def put(self, finished: record.Finished) -> None:
        """Bounded by what the scheduler holds: each delivery there has one outcome at most."""
        self._waiting.append(finished)
        self._any.set()
        self._idle.clear()

    async def drained(self) -> None:
        """Everything that was put is recorded."""
        await self._idle.wait()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            recording = tasks.create_task(self._run(), name="delivery.record")
            try:
                yield
            finally:
                await ending.end([recording])

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._idle.set()
                self._any.clear()
                await self._any.wait()
            await asyncio.sleep(_LONG_LINGER_SECONDS if self._is_short() else _LINGER_SECONDS)
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
            self._writing = len(batch)
            await self._until_recorded(batch)
            self._writing = 0

    async def _until_recorded(self, batch: list[record.Finished]) -> None:
        for tried in range(1_000_000_000):
            try:
                await self._record(batch)
                return
            except errors.Unavailable:
                wait = _RETRY_SECONDS[min(tried, len(_RETRY_SECONDS) - 1)]
                log.warning("record.waits", attempts=len(batch), seconds=wait)
                await asyncio.sleep(wait)

    async def _record(self, batch: list[record.Finished]) -> None:
        try:
            async with self.turn:
                recorded, due_again = await record.record(self._hot, self._node(), batch)
        except database.Unstorable as failure:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._until_recorded(batch[:half])
                await self._until_recorded(batch[half:])
                return
            log.error("record.unstorable", error=str(failure), attempt_id=str(batch[0].attempt_id))
            if (less := _lessened(batch[0])) is not None:
                await self._until_recorded([less])
            return  # or it stays held, and is not sent again as long as this process lives
        if recorded < len(batch):
            log.warning("record.fenced", attempts=len(batch) - recorded)
            self.fenced += len(batch) - recorded
            self._tell_fenced()
        self.batches.add(len(batch))
        self._recorded(batch, due_again)


def _lessened(finished: record.Finished) -> record.Finished | None:
    """The same attempt with less that may be refused: nothing from outside, then no next attempt. None: nothing is left."""
    if finished.outcome != outcome.Outcome.PROTOCOL_ERROR or finished.error_message != _UNSTORABLE:
        return _without_text(finished)
    if finished.delay is not None:
        return dataclasses.replace(
            finished, delay=None, next_attempt_id=None, parked=False, dead=True, reason="retries_exhausted"
        )
    return None


def _without_text(finished: record.Finished) -> record.Finished:
    """The same attempt with nothing from outside in it."""
    return dataclasses.replace(
        finished,
        outcome=int(outcome.Outcome.PROTOCOL_ERROR),
        error_message=answer.storable(_UNSTORABLE),
        headers=None,
        body=None,
        headers_truncated=True,
        body_truncated=True,
    )
