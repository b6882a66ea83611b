"""Reading deliveries: one list over the three places where they can stand."""

import uuid
from typing import Any

import pytest
import rows

from hook0_server.store import attempts, database, deliveries_read, keyset

WAITING, IN_FLIGHT, SUCCEEDED, DEAD, CANCELLED = 1, 2, 3, 4, 5


async def all_pages(
    db: database.Database, application_id: uuid.UUID, wanted: deliveries_read.Filter, size: int
) -> list[deliveries_read.Delivery]:
    seen: list[deliveries_read.Delivery] = []
    position: uuid.UUID | None = None
    for _ in range(200):
        page = await deliveries_read.find(db, application_id, wanted, size=size, below=position)
        assert len(page.rows) <= size
        seen += page.rows
        if page.next is None:
            return seen
        assert position is None or page.next < position
        position = page.next
    raise AssertionError("the list has no end")


async def found(db: database.Database, application_id: uuid.UUID, size: int = 3, **wanted: Any) -> list[uuid.UUID]:
    listed = await all_pages(db, application_id, deliveries_read.Filter(**wanted), size)
    assert listed == sorted(listed, key=lambda each: each.delivery_id, reverse=True)
    return [each.delivery_id for each in listed]


@pytest.fixture
async def application_id(db: database.Database) -> uuid.UUID:
    return await rows.application(db)


async def one_of_each(db: database.Database, application_id: uuid.UUID, **over: Any) -> dict[str, uuid.UUID]:
    """A delivery in every state, the dead one and a revived one with a history."""
    made = {
        "scheduled": await rows.delivery(db, application_id, **over),
        "retrying": await rows.delivery(db, application_id, attempt_number=3, **over),
        "parked": await rows.delivery(db, application_id, owner=0, **over),
        "held": await rows.delivery(db, application_id, owner=7, attempt_number=2, takeover_count=1, **over),
        "dead": await rows.dead_letter(db, application_id, rows.ago(hours=30), attempt_number=4, **over),
        "revived": await rows.delivery(db, application_id, rows.ago(hours=40), attempt_number=5, trigger=2, **over),
    }
    dead_once = {"attempt_number": 4, "dead": True, "outcome": 2, "reason": "retries_exhausted", **over}
    for name, at in (("succeeded", rows.ago(hours=50)), ("cancelled", rows.ago(minutes=1))):
        made[name] = rows.id7(at)
        outcome = 1 if name == "succeeded" else 10
        await rows.attempt(
            db, application_id, at, delivery_id=made[name], outcome=outcome, reason=name, attempt_number=5, **over
        )
        await rows.attempt(db, application_id, at, delivery_id=made[name], final=False, outcome=2, reason="retrying", **over)
    for name in ("succeeded", "revived"):
        await rows.attempt(db, application_id, rows.ago(hours=49), delivery_id=made[name], **dead_once)
    return made


STATES = {
    "scheduled": (WAITING, "scheduled", 0),
    "retrying": (WAITING, "retrying", 2),
    "parked": (WAITING, "subscription_disabled", 0),
    "held": (IN_FLIGHT, "held", 1),
    "dead": (DEAD, "retries_exhausted", 4),
    "revived": (WAITING, "retrying", 4),
    "succeeded": (SUCCEEDED, "succeeded", 5),
    "cancelled": (CANCELLED, "cancelled", 5),
}


async def test_each_place_tells_its_state(db: database.Database, application_id: uuid.UUID) -> None:
    for name, delivery_id in (await one_of_each(db, application_id)).items():
        read = await deliveries_read.get(db, application_id, delivery_id)
        assert read is not None, name
        assert (read.delivery_id, read.state, read.reason, read.attempt_count) == (delivery_id, *STATES[name])
        is_ended = read.state in (SUCCEEDED, DEAD, CANCELLED)
        assert (read.finished_at is not None) == is_ended
        assert (read.next_attempt_at is not None) == (name in ("scheduled", "retrying", "revived"))


@pytest.mark.parametrize(
    "absent", [uuid.uuid4(), rows.id7(), uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), keyset.HIGHEST]
)
async def test_an_unknown_id_is_no_delivery(db: database.Database, application_id: uuid.UUID, absent: uuid.UUID) -> None:
    await one_of_each(db, application_id)
    assert await deliveries_read.get(db, application_id, absent) is None


async def test_a_delivery_of_another_application_is_not_there(db: database.Database, application_id: uuid.UUID) -> None:
    for delivery_id in (await one_of_each(db, await rows.application(db))).values():
        assert await deliveries_read.get(db, application_id, delivery_id) is None
    assert await found(db, application_id) == []


@pytest.mark.parametrize("size", [1, 2, 5, 500])
async def test_the_pages_together_give_every_delivery_once(db: database.Database, application_id: uuid.UUID, size: int) -> None:
    made = await one_of_each(db, application_id)
    assert await found(db, application_id, size) == sorted(made.values(), reverse=True)


@pytest.mark.parametrize("state", [WAITING, IN_FLIGHT, SUCCEEDED, DEAD, CANCELLED])
async def test_a_list_of_one_state_holds_all_of_them_and_no_other(
    db: database.Database, application_id: uuid.UUID, state: int
) -> None:
    made = await one_of_each(db, application_id)
    expected = {made[name] for name, (its_state, _, _) in STATES.items() if its_state == state}
    assert set(await found(db, application_id, 1, states=[state])) == expected


@pytest.mark.parametrize("scan", [3, 5000])  # 3: more of the event ended than one look takes
async def test_events_subscriptions_types_and_times_filter(
    db: database.Database, application_id: uuid.UUID, scan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", scan)
    event_id, subscription_id = rows.id7(rows.ago(hours=60)), rows.id7()
    await rows.event_type(db, application_id, "user.account.created")
    await one_of_each(db, application_id, event_type="user.account.created")
    mine = set((await one_of_each(db, application_id, event_id=event_id, subscription_id=subscription_id)).values())
    assert set(await found(db, application_id, event_ids=[event_id])) == mine
    assert set(await found(db, application_id, subscription_ids=[subscription_id, rows.id7()])) == mine
    assert set(await found(db, application_id, event_ids=[event_id], subscription_ids=[rows.id7()])) == set()
    assert set(await found(db, application_id, event_types=["order.*"])) == mine
    assert len(await found(db, application_id, event_ids=[event_id], states=[DEAD])) == 1
    assert len(await found(db, application_id, subscription_ids=[subscription_id], states=[DEAD])) == 1
    old = await found(db, application_id, created_before=rows.ago(hours=35), event_ids=[event_id])
    new = await found(db, application_id, created_after=rows.ago(hours=35), event_ids=[event_id])
    assert (len(old), len(new)) == (2, 6)
    assert set(old) | set(new) == mine


async def test_a_filter_that_finds_little_looks_at_a_bounded_number_of_rows(
    db: database.Database, application_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", 5)
    wanted, subscription_id = rows.id7(rows.ago(hours=2)), rows.id7()
    await rows.attempt(db, application_id, delivery_id=wanted, subscription_id=subscription_id)
    for _ in range(12):
        await rows.attempt(db, application_id)
    page = await deliveries_read.find(db, application_id, deliveries_read.Filter(subscription_ids=[subscription_id]), size=5)
    assert page.rows == []
    assert page.next is not None
    assert await found(db, application_id, subscription_ids=[subscription_id]) == [wanted]


async def test_a_delivery_that_died_often_does_not_hold_up_the_list(
    db: database.Database, application_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", 2)
    often, other = rows.id7(), rows.id7(rows.ago(hours=1))
    for _ in range(6):
        await rows.attempt(db, application_id, delivery_id=often, dead=True, outcome=2)
    await rows.attempt(db, application_id, delivery_id=often)
    await rows.attempt(db, application_id, delivery_id=other)
    for wanted in ({}, {"states": [SUCCEEDED]}):
        assert await found(db, application_id, 1, **wanted) == [often, other]


async def test_a_row_that_moves_between_two_pages_is_neither_lost_nor_repeated(
    db: database.Database, application_id: uuid.UUID
) -> None:
    made = [await rows.delivery(db, application_id, rows.ago(minutes=minute), owner=1) for minute in range(6)]
    first = await deliveries_read.find(db, application_id, deliveries_read.Filter(), size=3)
    assert first.next is not None
    for delivery_id in made[1:5]:  # shown ones and ones to come end in between
        await db.fetch(b"DELETE FROM deliveries WHERE delivery_id = %(id)b", {"id": delivery_id})
        await rows.attempt(db, application_id, delivery_id=delivery_id)
    second = await deliveries_read.find(db, application_id, deliveries_read.Filter(), size=3, below=first.next)
    assert [each.delivery_id for each in (*first.rows, *second.rows)] == made
    assert second.next is None


async def test_the_last_attempt_is_the_one_that_ended_last(db: database.Database, application_id: uuid.UUID) -> None:
    event_id, delivery_id, other = rows.id7(), rows.id7(rows.ago(hours=30)), rows.id7(rows.ago(hours=30))
    for number, hours in ((1, 29), (3, 1), (2, 20)):
        for each in (delivery_id, other):
            await rows.attempt(
                db,
                application_id,
                rows.ago(hours=hours),
                delivery_id=each,
                event_id=event_id,
                attempt_number=number,
                final=False,
            )
    await rows.attempt(db, application_id, event_id=event_id, delivery_id=other, attempt_number=4)
    last = await attempts.last_of(db, application_id, [(delivery_id, event_id), (other, event_id), (rows.id7(), rows.id7())])
    assert {key: attempt.attempt_number for key, attempt in last.items()} == {delivery_id: 3, other: 4}


async def test_a_broadcasts_late_slice_is_found_by_the_time_of_the_broadcast(
    db: database.Database, application_id: uuid.UUID
) -> None:
    delivery_id = await rows.delivery(db, application_id, rows.ago(hours=20), delivery_id=rows.id7())
    assert await found(db, application_id, created_before=rows.ago(hours=19)) == [delivery_id]
