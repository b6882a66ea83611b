"""An event id is the event's identity: the same content again is a duplicate, other content is refused."""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from publishing import Publishing, event, publishing

import hook0_client
from hook0_client import v1
from hook0_server import app
from hook0_server.ingest import identity
from hook0_server.model import ids

DAY = 86_400.0
HOURS = (0.0, 2.0, 22.9, 23.5, 24.5, 25.5, 26.5, 30.0, 24 * 400.0)


@pytest.fixture
async def into(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Publishing]:
    async with publishing(server, master) as opened:
        yield opened


def id7(hours_old: float) -> str:
    return str(ids.uuid7(time.time() - hours_old * 3600, secrets.randbits(80)))


def some_ids() -> list[str]:
    return [*map(id7, HOURS), str(uuid.uuid4()), str(uuid.uuid5(uuid.NAMESPACE_DNS, "a.b")), str(uuid.UUID(int=0))]


async def test_the_same_content_again_is_a_duplicate_with_the_first_ones_time(into: Publishing) -> None:
    for event_id in some_ids():
        given = event(event_id=event_id, labels={"a": "1", "b": "2"}, metadata={"m": "1"}, occurred_at=Timestamp(seconds=5))
        first, again = await into.one(given), await into.one(given)
        assert (first.duplicate, again.duplicate) == (False, True)
        assert first.event_id == again.event_id == event_id
        assert first.received_at == again.received_at
        assert first.delivery_count == 0
        assert not again.HasField("delivery_count")
    assert await into.stored() == len(some_ids())


OTHERS: list[dict[str, Any]] = [
    {"payload_text": "{ }"},
    {"payload_content_type": "text/plain"},
    {"labels": {"a": "2"}},
    {"labels": {}},
    {"metadata": {"m": "2"}},
    {"occurred_at": Timestamp(seconds=6)},
    {"event_type": "user.account.other"},
]


async def test_other_content_under_the_same_id_is_refused(into: Publishing, master: hook0_client.Client) -> None:
    other_type = v1.EventType(application_id=into.application_id, event_type="user.account.other")
    await master.event_types.CreateEventType(v1.CreateEventTypeRequest(event_type=other_type))
    for event_id in (id7(0), id7(25), id7(40), str(uuid.uuid4())):
        given = {"event_id": event_id, "labels": {"a": "1"}, "metadata": {"m": "1"}, "occurred_at": Timestamp(seconds=5)}
        await into.one(event(**given))
        for other in OTHERS:
            refusal = await into.refused(event(**{**given, **other}))
            assert isinstance(refusal, hook0_client.AlreadyExists), other
            assert refusal.reason == "EVENT_ID_REUSED"
        assert (await into.one(event(**given))).duplicate


async def test_a_time_that_was_given_differs_from_one_that_was_not(into: Publishing) -> None:
    event_id = id7(0)
    first = await into.one(event(event_id=event_id))
    with pytest.raises(hook0_client.AlreadyExists):
        await into.one(event(event_id=event_id, occurred_at=first.received_at))
    assert (await into.one(event(event_id=event_id))).duplicate


async def test_repeats_within_one_batch_are_judged_as_if_published_twice(into: Publishing) -> None:
    for event_id in (id7(0), id7(30), str(uuid.uuid4())):
        given, other = event(event_id=event_id), event(event_id=event_id, payload_text="[]")
        results = await into.batch([given, event(), given, other, given])
        assert [each.published.duplicate for each in results] == [False, False, True, False, True]
        assert [each.HasField("error") for each in results] == [False, False, False, True, False]
        assert results[3].error.reason == v1.ErrorReason.ERROR_REASON_EVENT_ID_REUSED
        assert results[3].error.field == "event_id"
    assert await into.stored() == 6


async def test_an_id_is_only_its_applications_own(into: Publishing, server: app.Server, master: hook0_client.Client) -> None:
    async with publishing(server, master) as elsewhere:
        for event_id in some_ids():
            here = await into.one(event(event_id=event_id))
            there = await elsewhere.one(event(event_id=event_id, payload_text="[]"))
            assert (here.duplicate, there.duplicate) == (False, False)


async def test_a_version_7_of_more_than_a_day_ahead_is_refused(into: Publishing) -> None:
    refusal = await into.refused(event(event_id=id7(-24.1)))
    assert (refusal.reason, refusal.field) == ("EVENT_ID_IN_FUTURE", "event.event_id")
    assert not (await into.one(event(event_id=id7(-23.9)))).duplicate


async def test_an_id_is_found_again_however_old_it_has_become(into: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same events published hour after hour, by a clock that walks across both limits, forwards and back."""
    place, shift = identity.place, 0.0
    monkeypatch.setattr(identity, "place", lambda event_id, now: place(event_id, now + shift))
    given = [event(event_id=id7(age)) for age in (0.0, 1.0, 20.0)] + [event(event_id=str(uuid.uuid4()))]
    assert not any(each.published.duplicate for each in await into.batch(given))
    for hours in (3.5, 4.5, 5.5, 6.5, 23.5, 24.5, 25.5, 26.5, 47.0, 24.2, 3.7):
        shift = hours * 3600
        results = await into.batch(given)
        assert [each.published.duplicate for each in results] == [True] * len(given), hours
    assert await into.stored() == len(given)


async def test_an_id_first_seen_when_old_is_found_by_a_server_whose_clock_is_behind(
    into: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, shift = identity.place, 0.0
    monkeypatch.setattr(identity, "place", lambda event_id, now: place(event_id, now + shift))
    for age in (24.2, 25.9, 26.2, 27.0):
        given, shift = event(event_id=id7(age)), 0.0
        assert not (await into.one(given)).duplicate
        shift = -3600.0
        assert (await into.one(given)).duplicate, age
        shift = 3600.0
        assert (await into.one(given)).duplicate, age


async def test_the_same_events_from_many_callers_at_once_are_stored_once_and_everybody_is_told_the_truth(
    into: Publishing,
) -> None:
    given = [event(event_id=event_id) for event_id in some_ids() for _ in range(3)]
    orders = [given[at:] + given[:at] for at in range(0, len(given), 4)] + [given[::-1]]
    answers = await asyncio.gather(*map(into.batch, orders))
    results = [each for answer in answers for each in answer]
    assert all(each.HasField("published") for each in results)
    firsts = [each.published.event_id for each in results if not each.published.duplicate]
    assert sorted(firsts) == sorted({each.event_id for each in given})
    received: dict[str, set[int]] = {}
    for each in results:
        received.setdefault(each.published.event_id, set()).add(each.published.received_at.ToNanoseconds())
    assert all(len(times) == 1 for times in received.values())


async def test_a_lost_type_turns_a_repeat_into_neither_error_nor_second_event(
    into: Publishing, master: hook0_client.Client
) -> None:
    given = event(event_id=id7(0))
    await into.one(given)
    await master.event_types.DeleteEventType(
        v1.DeleteEventTypeRequest(application_id=into.application_id, event_type=given.event_type)
    )
    assert (await into.one(given)).duplicate
