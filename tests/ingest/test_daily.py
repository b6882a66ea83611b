"""The quota of a day: who has reached it is known within a moment, from the counters, at no cost where nobody has one."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import rows
from psycopg.types.json import Jsonb
from structlog import testing

from hook0_server.ingest import daily, notices
from hook0_server.model import errors, ids
from hook0_server.store import database, usage


@contextlib.contextmanager
def statements(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Those that run in the block."""
    seen: list[bytes] = []
    fetch = db.fetch

    async def listening(statement: bytes, parameters: Any = None) -> list[database.Row]:
        seen.append(statement)
        return await fetch(statement, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(db, "fetch", listening)
        yield seen


def opened(db: database.Database, instance: int | None = None) -> daily.Daily:
    return daily.Daily(db, instance, notices.Notices(lambda: db.clock.now()))  # tests replace it


async def publish(db: database.Database, application_id: uuid.UUID, events: int, slot: int = 0) -> None:
    await rows.insert(db, "event_counts", application_id=application_id, day=await today(db), slot=slot, events=events)


async def today(db: database.Database) -> Any:
    return (await db.fetch(b"SELECT (now() AT TIME ZONE 'UTC')::date"))[0][0]


async def limit(db: database.Database, table: str, most: int | None, **key: uuid.UUID) -> None:
    [(column, value)] = key.items()
    given = {} if most is None else {"events_per_day": most}
    await db.fetch(
        f"UPDATE {table} SET quotas = %(given)s WHERE {column} = %(id)s".encode(), {"given": Jsonb(given), "id": value}
    )


async def organization_of(db: database.Database, application_id: uuid.UUID) -> uuid.UUID:
    found = await db.fetch(b"SELECT organization_id FROM applications WHERE application_id = %(id)s", {"id": application_id})
    return uuid.UUID(str(found[0][0]))


def refused(counted: daily.Daily, application_id: uuid.UUID, events: int = 1) -> errors.QuotaExceeded:
    refusal = counted.refusal(application_id, events)
    assert refusal is not None
    return refusal


async def test_the_sum_of_all_slots_is_what_counts(db: database.Database) -> None:
    application_id, counted = await rows.application(db), opened(db, 10)
    await publish(db, application_id, 6, slot=3)
    assert counted.refusal(application_id, 1) is None
    await counted.look()
    assert counted.refusal(application_id, 1) is None
    await publish(db, application_id, 4, slot=4)
    await counted.look()
    refusal = refused(counted, application_id)
    assert (refusal.reason, refusal.metadata) == ("QUOTA_EXCEEDED", {"quota": "events_per_day", "limit": "10"})
    assert refusal.retry_after is not None
    left = 86_400 - db.clock.now() % 86_400
    assert abs(refusal.retry_after - left) < 5


async def test_the_narrowest_limit_that_is_set_holds(db: database.Database) -> None:
    application_id, counted = await rows.application(db), opened(db, 100)
    organization_id = await organization_of(db, application_id)
    await publish(db, application_id, 50)

    async def limit_now() -> str | None:
        counted.refusal(application_id, 1)
        await counted.look()
        refusal = counted.refusal(application_id, 1)
        return refusal and refusal.metadata["limit"]

    assert await limit_now() is None
    await limit(db, "organizations", 40, organization_id=organization_id)
    assert await limit_now() == "40"
    await limit(db, "applications", 60, application_id=application_id)
    assert await limit_now() is None
    await limit(db, "applications", 0, application_id=application_id)
    assert await limit_now() == "0"
    await limit(db, "applications", None, application_id=application_id)
    assert await limit_now() == "40"


async def test_a_limit_that_is_raised_opens_again_and_one_elsewhere_says_nothing(db: database.Database) -> None:
    application_id, other, counted = await rows.application(db), await rows.application(db), opened(db)
    await limit(db, "applications", 5, application_id=application_id)
    for each in (application_id, other):
        await publish(db, each, 5)
        counted.refusal(each, 1)
    await counted.look()
    assert counted.refusal(other, 1) is None
    refused(counted, application_id)
    await limit(db, "applications", 6, application_id=application_id)
    await counted.look()
    assert counted.refusal(application_id, 1) is None


async def test_where_nobody_has_a_limit_one_short_question_is_asked_and_none_while_nobody_publishes(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id, counted = await rows.application(db), opened(db)
    await publish(db, application_id, 5)
    with statements(db, monkeypatch) as seen:
        await counted.look()
        assert seen == []
        counted.refusal(application_id, 1)
        for _ in range(4):
            await counted.look()
    assert seen == [usage.SQL.is_limited_by_day] * 2  # once more, as what was given last may be committed after a look


async def test_what_is_committed_after_a_look_is_seen_by_the_next(db: database.Database) -> None:
    application_id, counted = await rows.application(db), opened(db, 5)
    counted.refusal(application_id, 5)
    await counted.look()
    await publish(db, application_id, 5)
    await counted.look()
    refused(counted, application_id)


async def test_a_day_that_ends_opens_at_once_and_is_forgotten_by_the_next_look(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id, counted = await rows.application(db), opened(db, 5)
    await publish(db, application_id, 5)
    counted.refusal(application_id, 1)
    await counted.look()
    refusal = refused(counted, application_id)
    assert refusal.retry_after is not None
    midnight = db.clock.now() + refusal.retry_after
    monkeypatch.setattr(db.clock, "now", lambda: midnight - 0.5)
    assert 0 < (refused(counted, application_id).retry_after or 0) <= 0.6
    assert counted.near == 1
    monkeypatch.setattr(db.clock, "now", lambda: midnight + 0.1)
    assert counted.refusal(application_id, 1) is None
    assert counted.near == 0
    await db.fetch(b"UPDATE event_counts SET day = day - 1")  # as it looks on the next day
    await counted.look()
    assert counted.near == 0
    assert not counted._reached


async def test_what_is_refused_and_who_is_near_is_counted(db: database.Database) -> None:
    told = notices.Notices(db.clock.now)
    counted = daily.Daily(db, 10, told)
    for events in (7, 8, 10):
        application_id = await rows.application(db)
        await publish(db, application_id, events)
        counted.refusal(application_id, 1)
    await counted.look()
    assert counted.near == 2
    refused(counted, application_id, 3)
    refused(counted, application_id)
    assert told.refused == {"events_per_day": 4}


async def test_near_and_reached_are_logged_once_a_day(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application_id, counted = await rows.application(db), opened(db, 10)
    shown = {"quota": "events_per_day", "limit": 10, "application_id": str(application_id)}
    with testing.capture_logs() as lines:
        for slot, events in enumerate((7, 1, 0, 2, 5)):
            await publish(db, application_id, events, slot)
            counted.refusal(application_id, 1)
            await counted.look()
    assert [(line["event"], line["used"]) for line in lines] == [("quota.near", 8), ("quota.reached", 10)]
    assert all(shown.items() <= line.items() for line in lines)
    tomorrow = db.clock.now() + 86_400
    monkeypatch.setattr(db.clock, "now", lambda: tomorrow)
    with testing.capture_logs() as lines:
        await counted.look()
        await counted.look()
    assert [line["event"] for line in lines] == ["quota.reached"]


async def test_while_the_database_is_away_what_was_known_holds_and_nobody_is_forgotten(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id, other, counted = await rows.application(db), await rows.application(db), opened(db, 5)
    await publish(db, application_id, 5)
    await publish(db, other, 5)
    counted.refusal(application_id, 1)
    await counted.look()

    async def away(*_: Any) -> None:
        raise errors.Unavailable("DATABASE_UNAVAILABLE", "Away.")

    with monkeypatch.context() as broken:
        broken.setattr(db, "fetch", away)
        counted.refusal(other, 1)
        with pytest.raises(errors.Unavailable):
            await counted.look()
        refused(counted, application_id)
    await counted.look()
    refused(counted, other)


async def test_looking_goes_on_after_a_fault_and_ends_with_the_block(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    await publish(db, application_id, 5)
    counted = daily.Daily(db, 5, notices.Notices(db.clock.now), look_seconds=0.01)
    today_of, faults = usage.today, [KeyError("a fault"), errors.Unavailable("DATABASE_UNAVAILABLE", "Away.")]

    async def faulty(*given: Any) -> list[usage.Today]:
        if faults:
            raise faults.pop()
        return await today_of(*given)

    monkeypatch.setattr(usage, "today", faulty)
    async with counted.running():
        for _ in range(500):
            if counted.refusal(application_id, 1):
                break
            await asyncio.sleep(0.01)
    refused(counted, application_id)
    assert faults == []


def test_notices_are_bounded() -> None:
    told = notices.Notices(lambda: 0.0)
    with testing.capture_logs():
        for _ in range(notices._MOST + 5):
            told.seen("subscriptions", ids.uuid7(0.0, uuid.uuid4().int >> 48), 1, 1)
    assert len(told._seen) <= notices._MOST
    assert len(told._untold) <= notices._MOST


async def test_of_several_processes_one_tells_and_one_that_could_not_tells_later(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes, application_id = [notices.Notices(db.clock.now) for _ in range(2)], uuid.uuid4()
    for each in processes:
        each.seen("event_types", application_id, 5, 5)
    begin, faults = usage.begin_notices, [errors.Unavailable("DATABASE_UNAVAILABLE", "Away.")]

    async def faulty(*given: Any) -> set[usage.Notice]:
        if faults:
            raise faults.pop()
        return await begin(*given)

    monkeypatch.setattr(usage, "begin_notices", faulty)
    with testing.capture_logs() as lines:
        with pytest.raises(errors.Unavailable):
            await processes[0].tell(db)
        for each in (*processes, *processes):
            await each.tell(db)
    assert [(line["event"], line["application_id"]) for line in lines] == [("quota.reached", str(application_id))]
