"""Storing events, and judging those that were not stored."""

import collections
import itertools
import operator
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hook0_server.model import delivery
from hook0_server.store import arrays, database, sql

SQL = sql.beside(__file__)

SLOTS = 16  # of event_counts

_KIND = operator.attrgetter("application_id.int", "event_type", "labels")

EventKey = tuple[int, int]  # application_id, event_id as numbers: a UUID hashes and compares in Python
Owed = list[tuple[uuid.UUID, uuid.UUID, bool]]  # delivery_id, subscription_id, whether this node holds it


@dataclass(slots=True)
class NewEvent:
    """One event as its caller gave it, checked, with the place where it is kept. labels and metadata are JSON text."""

    application_id: uuid.UUID
    event_id: uuid.UUID
    event_id_text: str
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

    @property
    def key(self) -> EventKey:
        return self.application_id.int, self.event_id.int


@dataclass(slots=True)
class Stored:
    """What one statement stored, and what each event is owed; None: a broadcast."""

    received_at: datetime
    owed: dict[EventKey, Owed | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an event was not stored: duplicate, reused, unknown_type, or again (it could be stored now)."""

    verdict: str
    received_at: datetime | None


async def publish(
    hot: database.Hot, events: Sequence[NewEvent], *, node: int | None, places: int, full: list[uuid.UUID], slot: int = 0
) -> Stored:
    """Store the events that are new, each with its deliveries: one transaction. They must be distinct and sorted.

    `slot`: where they are counted, from 0 to SLOTS - 1. Writers with the same one wait for each other's commits.
    """
    how = {"node": node, "places": places if node is not None else 0, "full": full, "slot": slot}
    if any(event.keyed for event in events):
        return await _publish_keyed(hot, events, how)
    return _stored(events, await hot.fetch(SQL.publish, _publish_parameters(events, how)))


async def _publish_keyed(hot: database.Hot, events: Sequence[NewEvent], how: dict[str, Any]) -> Stored:
    """The same where ids do not carry their day: first who is first, in the same transaction."""
    keyed = [event for event in events if event.keyed]
    async with hot.transaction() as connection:
        taking = _keys(keyed) | {
            "day": arrays.dates([event.day for event in keyed]),
            "event_type": arrays.texts([event.event_type for event in keyed]),
            "own_day": arrays.dates([event.own_day for event in keyed]),
        }
        cursor = await connection.execute(SQL.take_keys, taking, binary=True)
        taken = [keyed[position - 1] for (position,) in await cursor.fetchall()]
        first = {event.key for event in taken}
        allowed = [event for event in events if not event.keyed or event.key in first]
        cursor = await connection.execute(SQL.publish, _publish_parameters(allowed, how), binary=True)
        stored = _stored(allowed, await cursor.fetchall())
        if lost := [event for event in taken if event.key not in stored.owed]:
            await connection.execute(SQL.drop_keys, _keys(lost), binary=True)
    return stored


def _publish_parameters(events: Sequence[NewEvent], how: dict[str, Any]) -> dict[str, Any]:
    return {
        **_content(events),
        **_kinds(events),
        **how,
        "event_id": arrays.uuids([event.event_id for event in events]),
        "payload_size": arrays.integers([len(event.payload) for event in events]),
        "source_ip": arrays.texts([event.source_ip for event in events]),
        "broadcast": delivery.BROADCAST_THRESHOLD,
        "time_and_version": f"{int(time.time() * 1000):012x}7{secrets.randbits(12):03x}",
        "seed": secrets.randbits(63),
    }


def _kinds(events: Sequence[NewEvent]) -> dict[str, Any]:
    """The kinds of events there are, numbered from 1: those of a kind have the same subscriptions.

    `kind` is that of each event. `by_kind` has their places, from 1: those of a kind from its `kind_first` to its `kind_last`.
    """
    numbers: collections.defaultdict[Any, int] = collections.defaultdict(itertools.count(1).__next__)
    kind = [numbers[key] for key in map(_KIND, events)]
    by_kind = sorted(range(len(kind)), key=kind.__getitem__)
    last = list(itertools.accumulate(map(collections.Counter(kind).__getitem__, numbers.values())))
    first = [0, *last[:-1]] if last else []
    examples = [events[by_kind[at]] for at in first]
    return {
        "kind": arrays.integers(kind),
        "by_kind": arrays.integers([at + 1 for at in by_kind]),
        "kind_application_id": arrays.uuids([event.application_id for event in examples]),
        "kind_event_type": arrays.texts([event.event_type for event in examples]),
        "kind_labels": arrays.texts([event.labels for event in examples]),
        "kind_first": arrays.integers([at + 1 for at in first]),
        "kind_last": arrays.integers(last),
    }


def _stored(events: Sequence[NewEvent], rows: Sequence[tuple[Any, ...]]) -> Stored:
    found: dict[EventKey, Owed | None] = {}
    received_at = None
    for place, delivery_id, subscription_id, held, at in rows:
        if place is None:
            received_at = at
            continue
        key = events[place - 1].key
        if subscription_id is None:
            found[key] = None if held else []
        elif (owed := found.get(key)) is None:
            found[key] = [(delivery_id, subscription_id, held)]
        else:
            owed.append((delivery_id, subscription_id, held))
    assert received_at is not None  # noqa: S101  # the statement always answers it
    return Stored(received_at, found)


async def classify(hot: database.Hot, events: Sequence[NewEvent]) -> list[Verdict]:
    """A verdict for each of the events, in order, as the database is now."""
    verdicts: list[Any] = [None] * len(events)
    parameters = {
        **_keys(events),
        **_content(events),
        "keyed": arrays.bools([event.keyed for event in events]),
        "own_day": arrays.dates([event.own_day for event in events]),
    }
    for position, verdict, received_at in await hot.fetch(SQL.classify, parameters):
        verdicts[position - 1] = Verdict(verdict, received_at)
    return verdicts


def _keys(events: Sequence[NewEvent]) -> dict[str, Any]:
    return {
        "application_id": arrays.uuids([event.application_id for event in events]),
        "event_id": arrays.uuids([event.event_id for event in events]),
    }


def _content(events: Sequence[NewEvent]) -> dict[str, Any]:
    """What makes an event what it is: two with the same key and the same values are duplicates."""
    return {
        "day": arrays.dates([event.day for event in events]),
        "event_type": arrays.texts([event.event_type for event in events]),
        "payload": arrays.byteas([event.payload for event in events]),
        "content_type": arrays.texts([event.content_type for event in events]),
        "labels": arrays.texts([event.labels for event in events]),
        "metadata": arrays.texts([None if event.metadata == "{}" else event.metadata for event in events]),  # null: not parsed
        "occurred_at": arrays.times([event.occurred_at for event in events]),
    }
