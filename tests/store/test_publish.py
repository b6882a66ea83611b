"""A batch is fanned out by kinds of events: each event gets what it would get alone."""

import asyncio
import dataclasses
import random
import uuid
from collections import Counter
from collections.abc import Sequence

import orjson
import pytest
import rows

from hook0_server.model import delivery, event_types
from hook0_server.store import database, publish
from tests.ingest import writing

NODE, THRESHOLD = 7, 3
TYPES = ["order.paid", "order.sent", "order.gone", "order.never_made"]
LABELS = [{}, {"tenant": "acme"}, {"tenant": "acme", "region": "eu"}, {"region": "eu", "tenant": "acme"}, {"tenant": "zeta"}]
WANTED = [{}, {}, {"tenant": "acme"}, {"tenant": "acme", "region": "eu"}, {"tenant": "nobody"}]
PATTERNS = ["**", "order.*", "order.paid", "order.sent", "order.gone"]


@dataclasses.dataclass(frozen=True)
class Wish:
    """A subscription, as the rules put it."""

    application_id: uuid.UUID
    subscription_id: uuid.UUID
    pattern: str
    labels: dict[str, str]

    def is_for(self, event: publish.NewEvent) -> bool:
        return (
            event.application_id == self.application_id
            and event_types.matches(self.pattern, event.event_type)
            and self.labels.items() <= orjson.loads(event.labels).items()
        )


async def shop(db: database.Database, dice: random.Random) -> tuple[uuid.UUID, list[Wish]]:
    """An application with three types, one of which is deactivated, and subscriptions of all sorts."""
    application_id = await rows.application(db)
    for name in ("order.sent", "order.gone"):
        await rows.event_type(db, application_id, name)
    await db.fetch(b"UPDATE event_types SET deactivated_at = now() WHERE event_type = 'order.gone'")
    wishes = []
    for _ in range(dice.randint(0, 7)):
        pattern, labels = dice.choice(PATTERNS), dice.choice(WANTED)
        enabled = dice.random() < 0.8
        made = await rows.subscription(db, application_id, patterns=(pattern,), labels=labels, is_enabled=enabled)
        wishes += [Wish(application_id, made, pattern, labels)] if enabled else []
    return application_id, wishes


def mixed(dice: random.Random, applications: Sequence[uuid.UUID], count: int) -> list[publish.NewEvent]:
    return [
        writing.event(
            dice.choice(applications),
            event_type=dice.choice(TYPES),
            labels=orjson.dumps(dice.choice(LABELS)).decode(),
            payload=b"x" * dice.randint(2, 90),
        )
        for _ in range(count)
    ]


async def store(hot: database.Hot, events: Sequence[publish.NewEvent], *, places: int = 10_000) -> publish.Stored:
    ordered = sorted(events, key=lambda each: (each.day, each.key))
    return await publish.publish(hot, ordered, node=NODE, places=places, full=[])


async def test_each_event_of_a_mixed_batch_gets_what_it_would_get_alone(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several applications, types (one deactivated, one that is none), labels, repeats, broadcasts, in any mixture."""
    monkeypatch.setattr(delivery, "BROADCAST_THRESHOLD", THRESHOLD)
    dice, hot = random.Random(7), db.hot("test")  # the same batches in every run
    shops = [await shop(db, dice) for _ in range(6)]
    applications, wishes = [each[0] for each in shops], [wish for each in shops for wish in each[1]]
    kept: dict[publish.EventKey, publish.NewEvent] = {}
    expected: dict[publish.EventKey, set[uuid.UUID]] = {}
    for count in (1, 2, 5, 60, 60, 60):
        new = mixed(dice, applications[: 1 + count // 10], count)
        good = {event.key: event for event in new if event.event_type in ("order.paid", "order.sent")}
        repeats = dice.sample(list(kept.values()), min(len(kept), count // 4))
        stored = await store(hot, [*new, *repeats])
        wanted = {key: {wish.subscription_id for wish in wishes if wish.is_for(event)} for key, event in good.items()}
        assert {key: None if owed is None else {each[1] for each in owed} for key, owed in stored.owed.items()} == {
            key: None if len(wants) > THRESHOLD else wants for key, wants in wanted.items()
        }
        kept |= good
        expected |= wanted
    assert {len(wants) for wants in expected.values()} >= {0, 1, THRESHOLD, THRESHOLD + 1}
    await _holds(db, kept, expected)


async def _holds(
    db: database.Database, kept: dict[publish.EventKey, publish.NewEvent], expected: dict[publish.EventKey, set[uuid.UUID]]
) -> None:
    """The tables have each event as it was given, and its deliveries or its fan-out, each once."""
    events = await db.fetch(b"SELECT application_id, event_id, day, event_type, payload, labels, metadata FROM events")
    assert {(row[0].int, row[1].int): row[2:] for row in events} == {
        key: (each.day, each.event_type, each.payload, orjson.loads(each.labels), {}) for key, each in kept.items()
    }
    columns = b"application_id, event_id, event_day, event_type, payload_size"
    deliveries = await db.fetch(b"SELECT %b, subscription_id, attempt_id = delivery_id FROM deliveries" % columns)
    fanouts = await db.fetch(b"SELECT %b FROM fanouts" % columns)
    shown = {
        key: (each.application_id, each.event_id, each.day, each.event_type, len(each.payload)) for key, each in kept.items()
    }
    assert Counter(deliveries) == Counter(
        (*shown[key], wish, True) for key, wants in expected.items() if len(wants) <= THRESHOLD for wish in wants
    )
    assert Counter(fanouts) == Counter(shown[key] for key, wants in expected.items() if len(wants) > THRESHOLD)


async def test_places_are_for_deliveries_only(db: database.Database) -> None:
    """Events that nobody wants take none, also those that come first."""
    other, wanted = await rows.application(db), await rows.application(db)
    await rows.subscription(db, wanted)
    events = [writing.event(each) for _ in range(5) for each in (other, wanted)]
    stored = await store(db.hot("test"), events, places=4)
    held = [is_held for owed in stored.owed.values() for _, _, is_held in owed or ()]
    assert sorted(held) == [False, True, True, True, True]
    assert all(owed == [] for (application, _), owed in stored.owed.items() if application == other.int)
    assert sorted(await db.fetch(b"SELECT count(*), owner FROM deliveries GROUP BY owner")) == [(1, None), (4, NODE)]


async def test_counts_are_locked_last(db: database.Database) -> None:
    """Who waits for another writer's counts has done all else: rows that all writers share are held for the commit alone."""
    application_id, hot = await rows.application(db), db.hot("test")
    await rows.subscription(db, application_id)
    await store(hot, [writing.event(application_id)])
    [(pid,)] = await hot.fetch(b"SELECT pg_backend_pid()")
    async with db.connection() as holding, holding.transaction():
        await holding.execute("SELECT 1 FROM event_counts FOR UPDATE")
        waiting = asyncio.ensure_future(store(hot, [writing.event(application_id)]))
        blocked = b"SELECT 1 FROM pg_locks WHERE pid = %(pid)b::int AND NOT granted"
        async with asyncio.timeout(5):
            while not await db.fetch(blocked, {"pid": pid}):  # noqa: ASYNC110 - it is PostgreSQL that is asked
                await asyncio.sleep(0.01)
        opened = b"SELECT relation::regclass::text FROM pg_locks WHERE pid = %(pid)b::int AND mode = 'RowExclusiveLock'"
        assert ("deliveries_pkey",) in await db.fetch(opened, {"pid": pid})  # an index is opened by the first row
    await waiting
