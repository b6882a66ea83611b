"""Events are counted once each, by what was committed, and counting holds up nobody."""

import asyncio
import os
import pathlib
import sys
import uuid
from collections.abc import Sequence
from datetime import timedelta

import psycopg
import pytest
import rows

from hook0_server.model import errors
from hook0_server.store import database, publish, upkeep
from tests.ingest import writing

FULL: list[uuid.UUID] = []


async def store(hot: database.Hot, *events: publish.NewEvent, slot: int = 0) -> publish.Stored:
    ordered = sorted(events, key=lambda each: (each.day, each.key))
    return await publish.publish(hot, ordered, node=None, places=0, full=FULL, slot=slot)


async def counted(db: database.Database) -> dict[tuple[uuid.UUID, int], int]:
    """By application and slot; all of today."""
    today = b"day = (now() AT TIME ZONE 'UTC')::date"
    found = await db.fetch(b"SELECT application_id, slot, events, " + today + b" FROM event_counts")
    assert all(row[3] for row in found)
    return {(row[0], row[1]): row[2] for row in found}


def some(application_id: uuid.UUID, count: int) -> Sequence[publish.NewEvent]:
    return [writing.event(application_id) for _ in range(count)]


async def test_each_application_of_a_batch_is_counted_in_the_slot_of_its_writer(db: database.Database) -> None:
    one, other = await rows.application(db), await rows.application(db)
    hot = db.hot("test")
    await store(hot, *some(one, 3), *some(other, 1), slot=5)
    await store(hot, *some(one, 4), slot=5)
    await store(hot, *some(one, 2), slot=15)
    assert await counted(db) == {(one, 5): 7, (one, 15): 2, (other, 5): 1}


async def test_what_is_not_stored_is_not_counted(db: database.Database) -> None:
    application_id, hot = await rows.application(db), db.hot("test")
    once, keyed = writing.event(application_id), writing.event(application_id, event_id=uuid.uuid4())
    await store(hot, once, keyed)
    for _ in range(3):
        await store(hot, once, keyed, writing.event(application_id, event_type="nobody.made.it"))
    assert await counted(db) == {(application_id, 0): 2}


async def test_a_batch_of_duplicates_leaves_no_row(db: database.Database) -> None:
    application_id, hot = await rows.application(db), db.hot("test")
    await store(hot, writing.event(application_id, event_type="nobody.made.it"))
    assert await counted(db) == {}


async def test_what_is_rolled_back_is_not_counted(db: database.Database) -> None:
    application_id, hot = await rows.application(db), db.hot("test")
    outside = writing.event(application_id)
    outside.day -= timedelta(days=400)  # it has no partition
    with pytest.raises((errors.Refused, database.Unstorable, psycopg.Error)):
        await store(hot, *some(application_id, 5), outside)
    assert await counted(db) == {}
    with pytest.raises((errors.Refused, database.Unstorable, psycopg.Error)):
        await store(hot, writing.event(application_id, event_id=uuid.uuid4()), outside)
    assert await counted(db) == {}
    await store(hot, *some(application_id, 5))
    assert await counted(db) == {(application_id, 0): 5}


async def test_writers_of_different_slots_do_not_wait_for_each_others_commits(db: database.Database) -> None:
    application_id, hot, other = await rows.application(db), db.hot("one"), db.hot("other")
    await store(hot, *some(application_id, 1), slot=1)
    async with db.connection() as holding, holding.transaction():
        await holding.execute("SELECT 1 FROM event_counts WHERE slot = 1 FOR UPDATE")
        waiting = asyncio.ensure_future(store(other, *some(application_id, 1), slot=1))
        async with asyncio.timeout(10):
            await store(hot, *some(application_id, 1), slot=2)
        assert not waiting.done()  # so the lock was one that matters
    await waiting
    assert await counted(db) == {(application_id, 1): 2, (application_id, 2): 1}


@pytest.mark.parametrize("slots", [(0, 1), (3, 3)])
async def test_two_writers_with_the_same_events_count_each_once(db: database.Database, slots: tuple[int, int]) -> None:
    applications = [await rows.application(db) for _ in range(3)]
    hots = db.hot("one"), db.hot("other")
    for _ in range(20):
        events = [each for application_id in applications for each in some(application_id, 4)]
        async with asyncio.TaskGroup() as both:
            for hot, slot in zip(hots, slots, strict=True):
                both.create_task(store(hot, *events, slot=slot))
    sums = dict.fromkeys(applications, 0)
    for (application_id, _), count in (await counted(db)).items():
        sums[application_id] += count
    assert sums == dict.fromkeys(applications, 80)


async def test_two_processes_with_some_of_the_same_events_count_each_once(db: database.Database, dsn: str) -> None:
    application_id, ids = await rows.application(db), [str(rows.id7()) for _ in range(400)]
    here = pathlib.Path(__file__).resolve()
    path = os.pathsep.join(map(str, (here.parents[2], here.parents[1])))

    async def process(slot: int, given: list[str]) -> int:
        program = [sys.executable, str(here.with_name("counting_process.py")), dsn, str(slot), str(application_id), *given]
        started = await asyncio.create_subprocess_exec(*program, env={**os.environ, "PYTHONPATH": path})
        return await started.wait()

    assert await asyncio.gather(process(0, ids[:300]), process(2, ids[100:])) == [0, 0]
    found = await counted(db)
    assert sum(found.values()) == 400
    assert set(found) == {(application_id, slot) for slot in (0, 2)}


async def test_adding_up_leaves_the_table_as_small_as_it_is(db: database.Database) -> None:
    application_id, hot = await rows.application(db), db.hot("test")
    for _ in range(1000):
        await store(hot, writing.event(application_id))
    [(pages,)] = await db.fetch(b"SELECT pg_relation_size('event_counts') / 8192")
    assert pages <= 3
    assert await counted(db) == {(application_id, 0): 1000}


async def test_counts_end_with_the_retention(db: database.Database) -> None:
    application_id = await rows.application(db)
    for age in (0, 5, 6, 40):
        day = (await db.fetch(b"SELECT (now() AT TIME ZONE 'UTC')::date"))[0][0] - timedelta(days=age)
        await rows.insert(db, "event_counts", application_id=application_id, day=day, slot=age % 16, events=age)
    assert (await upkeep.forget(db, retention_days=5))["event_counts"] == 2
    assert await db.fetch(b"SELECT events FROM event_counts ORDER BY 1") == [(0,), (5,)]
