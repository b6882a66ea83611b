"""Events that wait for a writer: bounded, and taken in turn by application."""

import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

from hook0_server.model import errors
from hook0_server.store import publish

BATCH_EVENTS = 500
BATCH_BYTES = 4 * 1024 * 1024
BATCH_DELIVERIES = 5000  # a batch that fans out widely is cut shorter, so that it holds nobody's acknowledgement for long
QUEUE_EVENTS = 20_000
QUEUE_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 0.5


@dataclass(slots=True)
class Group:
    """Events of one application that were given together, and whoever waits for their results."""

    application_id: uuid.UUID
    events: list[publish.NewEvent]
    size: int  # bytes of payload
    done: "asyncio.Future[list[object]]"
    put_at: float = field(default_factory=time.perf_counter)


class Queue:
    """Groups by application. `take` gives the next batch: one group of each application in turn."""

    def __init__(self) -> None:
        self._groups: dict[uuid.UUID, deque[Group]] = {}
        self._turns: deque[uuid.UUID] = deque()
        self._events = self._bytes = 0
        self._fan_out: dict[uuid.UUID, float] = {}
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.any = asyncio.Event()
        self.crowded = asyncio.Event()  # as many wait as one batch takes, or a writer says so

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return self._events

    @property
    def is_full(self) -> bool:
        return self._events >= QUEUE_EVENTS or self._bytes >= QUEUE_BYTES

    async def room(self) -> None:
        """Wait until the queue takes more: what a stream does instead of being refused."""
        while self.is_full:
            self._room.clear()
            await self._room.wait()

    async def drained(self) -> None:
        """Wait until nothing waits."""
        await self._empty.wait()

    def put(self, *groups: Group) -> None:
        """One request, whole. Raises QuotaExceeded when the queue is full already."""
        if self.is_full:
            raise errors.QuotaExceeded(
                "INGESTION_QUEUE_FULL",
                f"{self._events} events are waiting to be stored; come back in {RETRY_SECONDS} s.",
                retry_after=RETRY_SECONDS,
            )
        for group in groups:
            self._put(group)
        self.any.set()
        self._empty.clear()
        if self._events >= BATCH_EVENTS or self._bytes >= BATCH_BYTES:
            self.crowded.set()

    def _put(self, group: Group) -> None:
        groups = self._groups.get(group.application_id)
        if groups is None:
            groups = self._groups[group.application_id] = deque()
            self._turns.append(group.application_id)
        groups.append(group)
        self._events += len(group.events)
        self._bytes += group.size

    def take(self) -> list[Group]:
        """The next batch; empty when nothing waits."""
        batch: list[Group] = []
        events = size = 0
        deliveries = 0.0
        while self._turns:
            application_id = self._turns[0]
            groups = self._groups[application_id]
            group = groups[0]
            events += len(group.events)
            size += group.size
            deliveries += len(group.events) * self._fan_out.get(application_id, 1.0)
            if batch and (events > BATCH_EVENTS or size > BATCH_BYTES or deliveries > BATCH_DELIVERIES):
                break
            batch.append(groups.popleft())
            self._turns.popleft()
            if groups:
                self._turns.append(application_id)
            else:
                del self._groups[application_id]
        self._taken(batch)
        return batch

    def _taken(self, batch: list[Group]) -> None:
        for group in batch:
            self._events -= len(group.events)
            self._bytes -= group.size
        if self._events < BATCH_EVENTS and self._bytes < BATCH_BYTES:
            self.crowded.clear()
        if not self._turns:
            self.any.clear()
            self._empty.set()
        if not self.is_full:
            self._room.set()

    def learn(self, application_id: uuid.UUID, events: int, deliveries: int) -> None:
        """How widely an application's events fan out, as a moving average."""
        if len(self._fan_out) > 10_000:
            self._fan_out.clear()
        before = self._fan_out.get(application_id, 1.0)
        self._fan_out[application_id] = before + 0.3 * (deliveries / events - before)
