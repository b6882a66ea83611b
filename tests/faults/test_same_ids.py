"""The same event ids come in through two servers at once: each is stored once, and every caller is told the truth."""

import asyncio
import dataclasses
import itertools
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.model import ids
from hook0_server.store import database
from tests import conftest

REUSED = v1.ErrorReason.ERROR_REASON_EVENT_ID_REUSED
TYPE = "user.account.created"


@pytest.fixture
async def two(settings: server_settings.Settings, dsn: str) -> AsyncIterator[list[hook0_client.Client]]:
    """Clients of two servers on one database."""
    given = dataclasses.replace(settings, stop_grace=1.0)
    async with (
        app.serving(given, dsn) as one,
        app.serving(given, dsn) as other,
        hook0_client.connect(one.grpc, token=conftest.MASTER_KEY) as first,
        hook0_client.connect(other.grpc, token=conftest.MASTER_KEY) as second,
    ):
        yield [first, second]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one caller was told about one event."""

    event_id: str
    payload: str
    word: str  # stored, duplicate or reused
    received_at: datetime | None


async def _publish(client: hook0_client.Client, application_id: str, events: Sequence[tuple[str, str]]) -> list[Answer]:
    """One batch of (event_id, payload). Nothing is repeated: whatever surfaces fails the test."""
    given = [v1.NewEvent(event_id=each, event_type=TYPE, payload_text=payload) for each, payload in events]
    answer = await client.ingestion.PublishEvents(v1.PublishEventsRequest(application_id=application_id, events=given))
    return [_answer(*event, result) for event, result in zip(events, answer.results, strict=True)]


def _answer(event_id: str, payload: str, result: v1.PublishResult) -> Answer:
    if result.WhichOneof("result") == "error":
        assert (result.error.reason, result.error.field) == (REUSED, "event_id")
        return Answer(event_id, payload, "reused", None)
    assert result.published.event_id == event_id
    word = "duplicate" if result.published.duplicate else "stored"
    return Answer(event_id, payload, word, hook0_client.events.moment(result.published.received_at))


async def _stored(db: database.Database, application_id: str) -> dict[str, tuple[str, datetime]]:
    """What the database has: payload and received_at by event id; fails when there is one twice."""
    rows = await db.fetch(
        b"SELECT event_id, payload, received_at FROM events WHERE application_id = %(id)s", {"id": uuid.UUID(application_id)}
    )
    stored = {str(event_id): (payload.decode(), received_at) for event_id, payload, received_at in rows}
    assert len(stored) == len(rows), "an event is stored twice"
    return stored


async def _deadlocks(db: database.Database) -> int:
    [(count,)] = await db.fetch(b"SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(count)


def _judge(answers: Sequence[Answer], stored: dict[str, tuple[str, datetime]]) -> None:
    """Exactly one caller stored each event; equal content is a duplicate of it, other content is refused."""
    of: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        of[answer.event_id].append(answer)
    assert stored.keys() == of.keys()
    for event_id, told in of.items():
        payload, received_at = stored[event_id]
        assert [each.payload for each in told if each.word == "stored"] == [payload]
        for each in told:
            assert (each.word == "reused") == (each.payload != payload)
            assert each.received_at in (None, received_at), "received_at is the first one's"


def _young(random_bits: random.Random) -> str:
    return str(ids.uuid7(time.time() - random_bits.uniform(0, 3600), random_bits.getrandbits(80)))


def _old(random_bits: random.Random) -> str:
    return str(
        ids.uuid7(time.time() - timedelta(days=random_bits.choice((2, 3, 400))).total_seconds(), random_bits.getrandbits(80))
    )


def _version_4(random_bits: random.Random) -> str:
    return str(uuid.UUID(int=random_bits.getrandbits(128), version=4))


_MAKERS = {"young": (_young,), "version 4": (_version_4,), "old": (_old,), "all kinds": (_young, _version_4, _old)}


@pytest.mark.parametrize("makers", _MAKERS.values(), ids=_MAKERS.keys())
async def test_ids_that_race_through_two_servers_are_stored_once_and_told_truly(
    two: list[hook0_client.Client], db: database.Database, makers: tuple[object, ...]
) -> None:
    """Each id goes 6 times through each server: other orders, repeats within a batch, other content in a third of them."""
    seeded = random.Random(8)
    made = await workbench.application(two[0], TYPE)
    async with workbench.receiving() as receiver:
        await workbench.subscribe(two[0], made.application_id, receiver.url)
        event_ids = [makers[at % len(makers)](seeded) for at in range(300)]  # type: ignore[operator]
        batches = []
        for server, _ in itertools.product((0, 1), range(6)):
            order = seeded.sample(event_ids, len(event_ids))
            events = [(each, seeded.choice(('{"n":1}', '{"n":1}', '{"n":2}'))) for each in order]
            batches += [(server, (part := events[at : at + 75]) + part[:5]) for at in range(0, len(events), 75)]
        began = time.perf_counter()
        answers = await asyncio.gather(*(_publish(two[server], made.application_id, events) for server, events in batches))
        took = time.perf_counter() - began
        told = list(itertools.chain.from_iterable(answers))
        _judge(told, await _stored(db, made.application_id))
        await receiver.until_events(len(event_ids))
        print(
            f"{len(told)} answers in {took:.2f} s: {dict(Counter(each.word for each in told))}; "
            f"deadlocks: {await _deadlocks(db)}"
        )
        assert receiver.counts == dict.fromkeys(event_ids, 1)


async def test_an_id_that_many_applications_use_at_once_is_stored_for_each(
    two: list[hook0_client.Client], db: database.Database
) -> None:
    """An id is unique within its application only; they meet in one batch of a writer."""
    made = [await workbench.application(two[0], TYPE) for _ in range(16)]
    event_ids = [_young(random.Random(at)) for at in range(5)]
    events = [(each, "{}") for each in event_ids]
    answers = await asyncio.gather(*(_publish(two[at % 2], each.application_id, events) for at, each in enumerate(made)))
    for each, told in zip(made, answers, strict=True):
        assert [answer.word for answer in told] == ["stored"] * len(events)
        _judge(told, await _stored(db, each.application_id))


async def test_a_young_id_is_known_again_when_it_has_become_an_old_one(
    two: list[hook0_client.Client], db: database.Database
) -> None:
    """Published yesterday under its own day; today it is more than 24 h old and would be kept by its key."""
    made = await workbench.application(two[0], TYPE)
    event_id = str(ids.uuid7(time.time() - timedelta(hours=23.5).total_seconds(), random.getrandbits(80)))
    [first] = await _publish(two[0], made.application_id, [(event_id, "{}")])
    old = str(ids.uuid7(time.time() - timedelta(hours=30).total_seconds(), random.getrandbits(80)))
    await db.fetch(  # as if 6.5 h had passed since it was stored
        b"UPDATE events SET event_id = %(old)s, day = %(day)s WHERE event_id = %(id)s",
        {"old": uuid.UUID(old), "day": ids.day_of(uuid.UUID(old)), "id": uuid.UUID(event_id)},
    )
    both = await asyncio.gather(*(_publish(client, made.application_id, [(old, "{}"), (old, "[]")]) for client in two))
    for same, other in both:
        assert (same.word, same.received_at, other.word) == ("duplicate", first.received_at, "reused")
