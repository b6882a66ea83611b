"""A writer on a real database, with a hand over that only remembers, and a gate before the database."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import rows

from hook0_server.ingest import identity, queue, writer
from hook0_server.model import delivery
from hook0_server.store import database, publish

PUBLISH = publish.publish


@dataclass
class HandOver:
    """Delivery as ingest sees it."""

    node: int | None = 7
    free: int = 1000
    closed: list[uuid.UUID] = field(default_factory=list)
    taken: list[delivery.Delivery] = field(default_factory=list)
    unowned: int = 0
    broadcasts: int = 0
    unknown: int = 0

    def node_id(self) -> int | None:
        return self.node

    def is_short_of_cpu(self) -> bool:
        return False

    async def breathe(self) -> None:
        return

    def places(self, payload_bytes: int) -> int:
        return self.free

    def full(self) -> list[uuid.UUID]:
        return self.closed

    def take(self, deliveries: list[delivery.Delivery]) -> None:
        self.taken += deliveries

    def left_unowned(self) -> None:
        self.unowned += 1

    def broadcast(self) -> None:
        self.broadcasts += 1

    def result_unknown(self) -> None:
        self.unknown += 1


@dataclass
class Gate:
    """Every statement waits until it is opened; `batches` are what the statements were given."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[publish.NewEvent]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, hot: database.Hot, events: Sequence[publish.NewEvent], **options: Any) -> publish.Stored:
        self.batches.append(list(events))
        self.came.set()
        await self.open.wait()
        return await PUBLISH(hot, events, **options)

    async def until(self, count: int) -> None:
        """So many statements have come."""
        async with asyncio.timeout(5):
            while len(self.batches) < count:
                self.came.clear()
                await self.came.wait()


def gated(monkeypatch: pytest.MonkeyPatch, *, shut: bool = True) -> Gate:
    gate = Gate()
    if not shut:
        gate.open.set()
    monkeypatch.setattr(publish, "publish", gate.publish)
    return gate


def event(application_id: uuid.UUID, **over: Any) -> publish.NewEvent:
    event_id = over.pop("event_id", None) or rows.id7()
    place = identity.place(event_id, time.time())
    given = {
        "application_id": application_id,
        "event_id": event_id,
        "event_id_text": str(event_id),
        "day": place.day,
        "keyed": place.keyed,
        "own_day": place.own_day,
        "event_type": rows.EVENT_TYPE,
        "payload": b"{}",
        "content_type": "application/json",
        "labels": "{}",
        "metadata": "{}",
        "source_ip": None,
        "occurred_at": None,
        **over,
    }
    return publish.NewEvent(**given)


def group(application_id: uuid.UUID, count: int = 1, size: int = 0) -> queue.Group:
    """So many events of one application, of so many bytes in all."""
    events = [event(application_id, payload=b"x" * (size // count)) for _ in range(count)]
    return queue.Group(application_id, events, size, asyncio.get_running_loop().create_future())


@contextlib.asynccontextmanager
async def writing(db: database.Database, hand_over: HandOver | None = None) -> AsyncIterator[writer.Writer]:
    into = writer.Writer(db, hand_over or HandOver())
    async with into.running():
        yield into


async def stored(db: database.Database) -> set[uuid.UUID]:
    return {event_id for (event_id,) in await db.fetch(b"SELECT event_id FROM events")}
