"""Reading attempts: by id, and newest first page by page whatever the filter walks."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import rows

from hook0_server.store import attempts, database, keyset


async def all_pages(db: database.Database, application_id: uuid.UUID, size: int = 3, **wanted: Any) -> list[uuid.UUID]:
    seen: list[uuid.UUID] = []
    position: uuid.UUID | None = None
    for _ in range(200):
        page = await attempts.find(db, application_id, attempts.Filter(**wanted), size=size, below=position)
        assert len(page.rows) <= size
        seen += [attempt_id for attempt_id, _ in page.rows]
        if page.next is None:
            assert seen == sorted(seen, reverse=True)
            return seen
        assert position is None or page.next < position
        position = page.next
    raise AssertionError("the list has no end")


@pytest.fixture
async def application_id(db: database.Database) -> uuid.UUID:
    return await rows.application(db)


async def test_every_column_is_read_into_the_field_of_its_name(db: database.Database, application_id: uuid.UUID) -> None:
    over = {
        "event_day": rows.ago(days=3).date(),
        "subscription_revision": 3,
        "attempt_number": 4,
        "takeover_count": 5,
        "trigger": 2,
        "outcome": 6,
        "dead": True,
        "reason": "max_age",
        "http_status": 503,
        "elapsed": 77,
        "delivery_created_at": rows.ago(hours=9),
        "created_at": rows.ago(hours=8),
        "picked_at": rows.ago(hours=7),
        "finished_at": rows.ago(hours=6),
        "next_attempt_at": rows.ago(hours=5),
        "error_message": "no",
        "response_body": b"\x00body",
        "headers_truncated": True,
        "body_truncated": False,
    }
    attempt_id = await rows.attempt(db, application_id, rows.ago(hours=2), headers={"a": "b"}, **over)
    found = await attempts.get(db, application_id, attempt_id)
    assert found is not None
    assert {name: getattr(found, name) for name in over} == over
    assert (found.application_id, found.attempt_id, found.response_headers) == (application_id, attempt_id, '{"a":"b"}')
    stored = await db.fetch_one(
        b"SELECT recorded_at, recorded_xid::text, delivery_id, event_id, event_type, subscription_id FROM attempts"
    )
    assert stored is not None
    assert stored == (
        found.recorded_at, str(found.recorded_xid), found.delivery_id, found.event_id, found.event_type, found.subscription_id
    )  # fmt: skip


async def test_an_attempt_that_was_recorded_days_after_it_was_made_is_found(
    db: database.Database, application_id: uuid.UUID
) -> None:
    attempt_id = await rows.attempt(db, application_id, attempt_id=rows.id7(rows.ago(days=4)))
    late_clock = await rows.attempt(db, application_id, attempt_id=rows.id7(rows.now() + timedelta(minutes=50)))
    for each in (attempt_id, late_clock):
        assert (await attempts.get(db, application_id, each)) is not None
    assert await all_pages(db, application_id) == [late_clock, attempt_id]


@pytest.mark.parametrize("absent", [uuid.uuid4(), rows.id7(), uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")])
async def test_an_unknown_id_is_no_attempt(db: database.Database, application_id: uuid.UUID, absent: uuid.UUID) -> None:
    await rows.attempt(db, application_id)
    await rows.attempt(db, await rows.application(db), attempt_id=absent if absent.version == 4 else rows.id7())
    assert await attempts.get(db, application_id, absent) is None


async def spread(db: database.Database, application_id: uuid.UUID, **over: Any) -> list[uuid.UUID]:
    """Attempts of four days, some recorded on a later day than they were made; newest first."""
    made = []
    for hours in (0, 3, 20, 25, 44, 70):
        at = rows.ago(hours=hours)
        made.append(await rows.attempt(db, application_id, at, **over))
        made.append(await rows.attempt(db, application_id, at, attempt_id=rows.id7(at - timedelta(hours=20)), **over))
    return sorted(made, reverse=True)


@pytest.mark.parametrize("size", [1, 5, 12, 500])
async def test_the_pages_together_give_every_attempt_once(db: database.Database, application_id: uuid.UUID, size: int) -> None:
    expected = await spread(db, application_id)
    await spread(db, await rows.application(db))
    assert await all_pages(db, application_id, size) == expected


WALKS: dict[str, Callable[[uuid.UUID, uuid.UUID, uuid.UUID], dict[str, Any]]] = {
    "event": lambda event, delivery, subscription: {"event_ids": [event, uuid.uuid4()]},
    "delivery": lambda event, delivery, subscription: {"delivery_ids": [delivery, uuid.uuid4()]},
    "subscription": lambda event, delivery, subscription: {"subscription_ids": [subscription, subscription, uuid.uuid4()]},
    "all of them": lambda event, delivery, subscription: {
        "event_ids": [event],
        "delivery_ids": [delivery],
        "subscription_ids": [subscription],
    },
    "no index": lambda event, delivery, subscription: {"outcomes": [4]},
}


@pytest.mark.parametrize("size", [2, 500])
@pytest.mark.parametrize("scan", [4, 5000])
@pytest.mark.parametrize("walk", WALKS)
async def test_whatever_is_walked_the_pages_together_give_every_match_once(
    db: database.Database, application_id: uuid.UUID, walk: str, scan: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", scan)
    monkeypatch.setattr(attempts, "LEAST_OF_EACH", 2)
    event_id, delivery_id, subscription_id = rows.id7(rows.ago(hours=100)), rows.id7(rows.ago(hours=99)), rows.id7()
    await spread(db, application_id)
    over = {"event_id": event_id, "subscription_id": subscription_id, "outcome": 4}
    expected = await spread(db, application_id, delivery_id=delivery_id, final=False, **over)
    await rows.delivery(db, application_id, delivery_id=delivery_id, event_id=event_id)
    assert await all_pages(db, application_id, size, **WALKS[walk](event_id, delivery_id, subscription_id)) == expected


async def test_types_finality_and_times_filter(db: database.Database, application_id: uuid.UUID) -> None:
    await rows.event_type(db, application_id, "user.account.created")
    old = await rows.attempt(db, application_id, rows.ago(hours=30), final=False)
    created = await rows.attempt(db, application_id, rows.ago(hours=20), event_type="user.account.created")
    new = await rows.attempt(db, application_id, rows.ago(hours=10))
    assert await all_pages(db, application_id, event_types=["user.**"]) == [created]
    assert await all_pages(db, application_id, event_types=["*.paid", "user.account.*"]) == [new, created, old]
    assert await all_pages(db, application_id, only_final=True) == [new, created]
    middle = await attempts.get(db, application_id, created)
    assert middle is not None
    assert await all_pages(db, application_id, finished_after=middle.finished_at) == [new, created]
    assert await all_pages(db, application_id, finished_before=middle.finished_at) == [old]


async def test_the_attempts_of_an_unknown_delivery_are_none(db: database.Database, application_id: uuid.UUID) -> None:
    await rows.attempt(db, application_id)
    assert await all_pages(db, application_id, delivery_ids=[rows.id7()]) == []


async def test_rows_are_cut_where_their_responses_exceed_what_fits(db: database.Database, application_id: uuid.UUID) -> None:
    for minute in range(4):
        await rows.attempt(db, application_id, rows.ago(minutes=minute), response_body=b"x" * 10_000, headers={"a": "b" * 3000})
    keys = (await attempts.find(db, application_id, attempts.Filter(), size=10)).rows
    full = await attempts.read(db, application_id, keys, full=True, most_bytes=30_000)
    assert [(each.attempt_id, len(each.response_body or b"")) for each in full] == [(key[0], 10_000) for key in keys[:2]]
    basic = await attempts.read(db, application_id, keys, full=False, most_bytes=30_000)
    assert [(each.response_body, each.response_headers) for each in basic] == [(None, None)] * 4


async def test_an_old_subscription_does_not_overtake_a_busy_one(
    db: database.Database, application_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", 4)
    monkeypatch.setattr(attempts, "LEAST_OF_EACH", 2)
    busy, old = rows.id7(), rows.id7()
    made = [await rows.attempt(db, application_id, rows.ago(minutes=at), subscription_id=busy) for at in range(5)]
    made += [await rows.attempt(db, application_id, rows.ago(hours=at), subscription_id=old) for at in range(1, 4)]
    assert await all_pages(db, application_id, 10, subscription_ids=[old, busy]) == made
