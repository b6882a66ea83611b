"""Group commit by natural batching: what waits becomes one statement in one transaction, acknowledged after the commit.

An idle server writes a single event at once, a busy one what has gathered meanwhile. Only where single events come faster
than one statement after the other takes them, the next one waits for more, 8 ms at most.
"""

import asyncio
import contextlib
import os
import random
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from hook0_server.ingest import counts, gathering, queue
from hook0_server.model import delivery, ending, errors
from hook0_server.store import database, publish

log = structlog.get_logger(__name__)

_LATE_SECONDS = 0.02  # one application's wide fan-out holds up nobody else for longer
_CONTENDED_TRIES = 6
_ROUNDS = 4  # a type that is created, or a winner that rolls back, between the two statements


@dataclass(slots=True)  # not frozen: made for every request, and freezing costs a microsecond
class Published:
    """delivery_count is None for a duplicate and for a broadcast."""

    event_id: str
    received_at: datetime
    duplicate: bool
    delivery_count: int | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why one event was not stored: an ErrorReason, one sentence, and the field of the event."""

    reason: str
    message: str
    field: str


Result = Published | Rejected


class Writer:
    """`async with writer.running():` then `submit`. Nothing is acknowledged before its commit."""

    def __init__(self, db: database.Database, hand_over: delivery.HandOver) -> None:
        self._hand_over = hand_over
        self.queue, self.counts = queue.Queue(), counts.Counts()
        # The second one helps where a whole batch waits or the first takes long: two that share less starve the batching.
        self._hots = {db.hot("writer 1"): self.queue.any, db.hot("writer 2"): self.queue.crowded}
        self._places = {hot: number for number, hot in enumerate(self._hots)}
        self._process: Callable[[], int] = os.getpid
        self._gathering = gathering.Gathering(self.queue, hand_over)
        self._writing = [asyncio.Lock() for _ in self._hots]

    @contextlib.asynccontextmanager
    async def running(self, process: Callable[[], int] = os.getpid) -> AsyncIterator[None]:
        """Writes until the block ends, and then what still waits; a second cancellation gives that up.

        `process`: a number that few others have. Those who share it count in the same rows, and wait for each other.
        """
        self._process = process
        async with asyncio.TaskGroup() as tasks:
            writers = [
                tasks.create_task(self._write_on(hot, work, turn), name=f"ingest.writer-{number}")
                for number, ((hot, work), turn) in enumerate(zip(self._hots.items(), self._writing, strict=True), 1)
            ]
            try:
                yield
                await self._written()
            finally:
                await ending.end(writers)

    async def _written(self) -> None:
        """Nothing waits, and what was taken is written too; whoever was about to submit has done so."""
        await asyncio.sleep(0)
        while self.queue.waiting or any(turn.locked() for turn in self._writing):
            await self.queue.drained()
            for turn in self._writing:
                async with turn:
                    pass

    async def breathe(self) -> None:
        """What a stream does before it reads on: sending what is in memory is cheaper than claiming it later."""
        await self._hand_over.breathe()

    async def submit(self, application_id: uuid.UUID, events: list[publish.NewEvent], *, patient: bool = False) -> list[Result]:
        """Store the events; a result for each, in order. Raises QuotaExceeded (queue full; `patient` waits) or Unavailable."""
        loop = asyncio.get_running_loop()
        groups = [
            queue.Group(application_id, part, sum(len(event.payload) for event in part), loop.create_future())
            for part in _parts(events)
        ]
        if patient:
            await self.queue.room()
        try:
            self.queue.put(*groups)
        except errors.QuotaExceeded:
            self.counts.refused += len(events)
            raise
        if len(groups) == 1:
            return await groups[0].done  # type: ignore[return-value]
        return [result for part in await asyncio.gather(*(each.done for each in groups)) for result in part]  # type: ignore[misc]

    async def _write_on(self, hot: database.Hot, work: asyncio.Event, turn: asyncio.Lock) -> None:
        """`turn` is held from taking a batch to answering it."""
        loop = asyncio.get_running_loop()
        while True:
            await work.wait()
            if wait := self._gathering.seconds():
                await asyncio.sleep(wait)
            async with turn:
                late = loop.call_later(_LATE_SECONDS, self.queue.crowded.set)
                await self._write(hot, self.queue.take())
                late.cancel()
                self._gathering.written()

    async def _write(self, hot: database.Hot, groups: list[queue.Group]) -> None:
        events = [event for group in groups for event in group.events]
        if not events:
            return  # the other writer took it
        self.counts.batches.add(len(events))
        try:
            results = await self._store(hot, events)
        except Exception as failure:
            if not isinstance(failure, errors.Refused):
                log.exception("ingest.failed", events=len(events))
            self.counts.failed += len(events)
            for group in groups:
                if not group.done.done():
                    group.done.set_exception(failure)
            return
        self.counts.answered(groups, time.perf_counter())
        at = 0
        for group in groups:
            part = results[at : at + len(group.events)]
            at += len(group.events)
            if group.done.done():
                continue
            away = next((each for each in part if isinstance(each, errors.Unavailable)), None)
            if away is not None:
                group.done.set_exception(away)
            else:
                group.done.set_result(part)  # type: ignore[arg-type]

    async def _store(self, hot: database.Hot, events: list[publish.NewEvent]) -> Sequence[Result | errors.Unavailable]:
        """A result for each event. Event ids may repeat: the first of each goes first, the others are judged after it."""
        results: list[Any] = [None] * len(events)
        pending = list(range(len(events)))
        for _ in range(_ROUNDS):
            firsts = {events[at].key: at for at in reversed(pending)}
            # One order for every writer of every process: else two batches with the same ids deadlock.
            batch = sorted(firsts.items(), key=lambda first: (events[first[1]].day, first[0]))
            await self._insert(hot, events, batch, results)
            pending = await self._judge(hot, events, [at for at in pending if results[at] is None], results)
            if not pending:
                break
        self.counts.failed += len(pending)
        for at in pending:  # their callers alone are told to come back
            results[at] = errors.Unavailable(
                "DATABASE_UNAVAILABLE", "The event could not be stored now; retry.", retry_after=1.0
            )
        return results

    async def _insert(
        self,
        hot: database.Hot,
        events: list[publish.NewEvent],
        batch: list[tuple[publish.EventKey, int]],
        results: list[Result | None],
    ) -> None:
        rows = [events[at] for _, at in batch]
        try:
            stored, node = await self._publish(hot, rows)
        except database.Unstorable as failure:
            if len(batch) == 1:
                log.error("ingest.unstorable", error=str(failure), event_id=str(rows[0].event_id))
                self.counts.rejected += 1
                results[batch[0][1]] = Rejected("FIELD_INVALID", "This event holds something that cannot be stored.", "event")
                return
            half = len(batch) // 2
            await self._insert(hot, events, batch[:half], results)
            await self._insert(hot, events, batch[half:], results)
            return
        settled = [(at, events[at], stored.owed[key]) for key, at in batch if key in stored.owed]
        self._handed_over([(event, owed) for _, event, owed in settled], stored.received_at.timestamp(), node)
        for at, event, owed in settled:
            results[at] = Published(event.event_id_text, stored.received_at, False, None if owed is None else len(owed))

    async def _publish(self, hot: database.Hot, rows: Sequence[publish.NewEvent]) -> tuple[publish.Stored, int | None]:
        for attempt in range(_CONTENDED_TRIES):
            node = self._hand_over.node_id()
            places = self._hand_over.places(sum(len(row.payload) for row in rows))
            slot = (self._process() * len(self._places) + self._places[hot]) % publish.SLOTS
            try:
                full = self._hand_over.full()
                return await publish.publish(hot, rows, node=node, places=places, full=full, slot=slot), node
            except database.ResultUnknown:
                self._hand_over.result_unknown()
                raise
            except errors.Unavailable:  # a deadlock or a lock that was not given: nothing was stored
                if attempt == _CONTENDED_TRIES - 1:
                    raise
                await asyncio.sleep(random.uniform(0.001, 0.02) * (attempt + 1))  # noqa: S311  # jitter, not a secret
        raise AssertionError("unreachable")

    def _handed_over(
        self, settled: list[tuple[publish.NewEvent, publish.Owed | None]], created_at: float, node: int | None
    ) -> None:
        taken: list[delivery.Delivery] = []
        counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        unowned = broadcast = False
        for event, owed in settled:
            if owed is None:
                broadcast = True
                continue
            count = counts[event.application_id.int]
            count[0] += 1
            count[1] += len(owed)
            for delivery_id, subscription_id, held in owed:
                if held and node is not None:
                    taken.append(
                        delivery.Delivery(
                            event.application_id, delivery_id, delivery_id, subscription_id, event.event_id,
                            event.event_id_text, event.event_type, event.content_type, event.payload, node, created_at,
                        )
                    )  # fmt: skip
                else:
                    unowned = True
        if taken:
            self._hand_over.take(taken)
        if unowned:
            self._hand_over.left_unowned()
        if broadcast:
            self._hand_over.broadcast()
        self.counts.stored += len(settled)
        for application, (events, deliveries) in counts.items():
            self.queue.learn(uuid.UUID(int=application), events, deliveries)

    async def _judge(
        self, hot: database.Hot, events: list[publish.NewEvent], unstored: list[int], results: list[Result | None]
    ) -> list[int]:
        """Why these were not stored; answers the positions that could be stored now."""
        again: list[int] = []
        if not unstored:
            return again
        verdicts = await publish.classify(hot, [events[at] for at in unstored])
        for at, verdict in zip(unstored, verdicts, strict=True):
            if verdict.verdict == "again":
                again.append(at)
            else:
                results[at] = judged = _judged(events[at], verdict)
                if isinstance(judged, Published):
                    self.counts.duplicate += 1
                else:
                    self.counts.rejected += 1
        return again


def _judged(event: publish.NewEvent, verdict: publish.Verdict) -> Result:
    if verdict.verdict == "duplicate" and verdict.received_at is not None:
        return Published(event.event_id_text, verdict.received_at, True, None)
    if verdict.verdict == "reused":
        return Rejected(
            "EVENT_ID_REUSED",
            "This event_id was used for an event with other content; give each event its own id.",
            "event_id",
        )
    return Rejected(
        "EVENT_TYPE_NOT_FOUND",
        f"The application has no active event type {errors.excerpt(event.event_type)}; create it first.",
        "event_type",
    )


def _parts(events: list[publish.NewEvent]) -> Iterable[list[publish.NewEvent]]:
    """Parts that fit a batch; one event is always less than its limit."""
    part: list[publish.NewEvent] = []
    size = 0
    for event in events:
        if part and (len(part) == queue.BATCH_EVENTS or size + len(event.payload) > queue.BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event.payload)
    yield part
