"""Storing events, and judging those that were not stored."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hook0_server.model import delivery
from hook0_server.store import database, sql

SQL = sql.beside(__file__)


@dataclass(slots=True)
class NewEvent:
    """One event as its caller gave it, checked, with the place where it is kept. labels and metadata are JSON text."""

    application_id: uuid.UUID
    event_id: uuid.UUID
    day: date
    keyed: bool
    own_day: date | None
    event_type: str
    payload: bytes
    content_type: str
    labels: str
    metadata: str
    source_ip: str | None
    occurred_at: datetime | None


@dataclass(slots=True)
class Stored:
    """What one statement stored: by event id, the (delivery_id, subscription_id, held) of each delivery; None: a broadcast."""

    received_at: datetime
    deliveries: dict[uuid.UUID, list[tuple[uuid.UUID, uuid.UUID, bool]] | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an event was not stored: duplicate, reused, unknown_type, or again (it could be stored now)."""

    verdict: str
    received_at: datetime | None


async def publish(
    hot: database.Hot, events: Sequence[NewEvent], *, node: int | None, places: int, full: list[uuid.UUID]
) -> Stored:
    """Store the events that are new, each with its deliveries: one transaction. Event ids must be distinct and `events` sorted."""
    parameters = _columns(events)
    parameters["source_ip"] = [event.source_ip for event in events]
    parameters |= {
        "node": node,
        "places": places if node is not None else 0,
        "full": full,
        "broadcast": delivery.BROADCAST_THRESHOLD,
        "time48": int(time.time() * 1000).to_bytes(6, "big"),
    }
    found: dict[uuid.UUID, list[tuple[uuid.UUID, uuid.UUID, bool]] | None] = {}
    received_at = None
    for event_id, delivery_id, subscription_id, held, at in await hot.fetch(SQL.publish, parameters):
        if event_id is None:
            received_at = at
        elif delivery_id is None:
            found[event_id] = None if held else []
        else:
            row = (delivery_id, subscription_id, held)
            owed = found.get(event_id)
            if owed is None:
                found[event_id] = [row]
            else:
                owed.append(row)
    assert received_at is not None  # noqa: S101  # the statement always answers it
    return Stored(received_at, found)


async def classify(hot: database.Hot, events: Sequence[NewEvent]) -> list[Verdict]:
    """A verdict for each of the events, in order, as the database is now."""
    verdicts: list[Any] = [None] * len(events)
    for position, verdict, received_at in await hot.fetch(SQL.classify, _columns(events)):
        verdicts[position - 1] = Verdict(verdict, received_at)
    return verdicts


def _columns(events: Sequence[NewEvent]) -> dict[str, Any]:
    return {
        "day": [event.day for event in events],
        "application_id": [event.application_id for event in events],
        "event_id": [event.event_id for event in events],
        "event_type": [event.event_type for event in events],
        "payload": [event.payload for event in events],
        "content_type": [event.content_type for event in events],
        "labels": [event.labels for event in events],
        "metadata": [event.metadata for event in events],
        "occurred_at": [event.occurred_at for event in events],
        "keyed": [event.keyed for event in events],
        "own_day": [event.own_day for event in events],
    }
