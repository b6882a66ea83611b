"""Day partitions: made ahead, made once, dropped only when nothing open refers to them."""

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from hook0_server.model import errors
from hook0_server.store import database, partitions

DELIVERY = b"""
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type,
  payload_size)
SELECT %(id)s, uuid_v7(), uuid_v7(), uuid_v7(), uuid_v7(), %(day)s, 'a.b', 1"""
ATTEMPT = b"""
INSERT INTO attempts (recorded_at, application_id, attempt_id, delivery_id, event_id, event_day, event_type,
  subscription_id, attempt_number, takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at,
  finished_at)
SELECT %(at)s, uuid_v7(), uuid_v7(), uuid_v7(), uuid_v7(), %(at)s::date, 'a.b', uuid_v7(), 1, 0, 1, 1, true,
       'succeeded', now(), now(), now()"""


async def names(db: database.Database) -> set[str]:
    return {each.name for each in (await partitions.calendar(db)).partitions}


async def today(db: database.Database) -> date:
    return (await partitions.calendar(db)).today


async def test_every_day_of_the_retention_and_three_ahead_exist(db: database.Database) -> None:
    await partitions.ensure(db, retention_days=7)
    now = await partitions.calendar(db)
    assert now.today == datetime.now(UTC).date()
    assert now.missing(now.today - timedelta(days=7), now.today + timedelta(days=3)) == {}
    assert all(each.is_attached for each in now.partitions)
    assert len(now.partitions) == 3 * 11


async def test_several_servers_may_make_the_same_days_at_once(db: database.Database) -> None:
    await asyncio.gather(*(partitions.ensure(db, retention_days=9) for _ in range(4)))
    assert len((await partitions.calendar(db)).partitions) == 3 * 13


async def test_rows_at_the_edges_of_a_utc_day_and_of_tomorrow_find_their_partition(db: database.Database) -> None:
    midnight = datetime.combine(await today(db), datetime.min.time(), UTC)
    for at in (
        midnight - timedelta(microseconds=1),
        midnight,
        midnight + timedelta(days=1),
        midnight + timedelta(days=4, microseconds=-1),
    ):
        await db.fetch(ATTEMPT, {"at": at})
    rows = await db.fetch(b"SELECT tableoid::regclass::text FROM attempts ORDER BY recorded_at")
    days = [midnight.date() + timedelta(days=days) for days in (-1, 0, 1, 3)]
    assert [row[0] for row in rows] == [f"attempts_{day:%Y%m%d}" for day in days]


async def test_a_partition_has_the_indexes_and_storage_of_its_parent(db: database.Database) -> None:
    await partitions.ensure(db, retention_days=6)
    day = await today(db) - timedelta(days=6)
    for parent in ("events", "attempts", "dead_letters"):
        indexes = "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass(%s) AND indisvalid"
        ours, theirs = [(await db.fetch_one(indexes.encode(), [name]) or [0])[0] for name in (parent, f"{parent}_{day:%Y%m%d}")]
        assert ours == theirs > 0
    storage = await db.fetch(
        b"SELECT attstorage::text FROM pg_attribute WHERE attname = 'payload' AND attrelid = to_regclass(%s)",
        [f"events_{day:%Y%m%d}"],
    )
    assert storage == [("e",)]


async def test_making_a_day_does_not_wait_for_a_writer_nor_make_one_wait(db: database.Database, dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as writer:
        await writer.execute(ATTEMPT, {"at": datetime.now(UTC)})
        await asyncio.wait_for(partitions.ensure(db, retention_days=6), 4)


async def test_a_locked_parent_is_asked_for_again(db: database.Database, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_ALWAYS", database._ALWAYS + "; SET lock_timeout = '50ms'")
    async with database.Database(dsn, pool_size=1) as impatient, await psycopg.AsyncConnection.connect(dsn) as locker:
        await locker.execute("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
        ensuring = asyncio.create_task(partitions.ensure(impatient, retention_days=6))
        await asyncio.sleep(0.3)
        assert not ensuring.done()
        await locker.rollback()
        await asyncio.wait_for(ensuring, 10)
    assert len((await partitions.calendar(db)).partitions) == 3 * 10


async def test_days_before_the_retention_are_dropped_and_the_others_stay(db: database.Database) -> None:
    day = await today(db)
    dropped = await partitions.drop_expired(db, retention_days=3)
    gone = [
        f"{parent}_{day - timedelta(days=ago):%Y%m%d}" for parent in ("attempts", "dead_letters", "events") for ago in (5, 4)
    ]
    assert sorted(dropped) == sorted(gone)
    assert not set(gone) & await names(db)
    assert (await partitions.calendar(db)).missing(day - timedelta(days=3), day + timedelta(days=3)) == {}
    assert await partitions.drop_expired(db, retention_days=3) == []


async def test_events_that_open_work_refers_to_stay(db: database.Database) -> None:
    day = await today(db)
    application_id = uuid.uuid4()
    await db.fetch(DELIVERY, {"id": application_id, "day": day - timedelta(days=5)})
    await db.fetch(
        b"INSERT INTO fanouts (fanout_id, application_id, event_id, event_day, event_type, payload_size) "
        b"SELECT uuid_v7(), uuid_v7(), uuid_v7(), %s, 'a.b', 1",
        [day - timedelta(days=4)],
    )
    assert not [name for name in await partitions.drop_expired(db, retention_days=3) if name.startswith("events_")]
    await db.fetch(b"DELETE FROM deliveries")
    await db.fetch(b"DELETE FROM fanouts")
    assert len(await partitions.drop_expired(db, retention_days=3)) == 2


async def test_a_drop_that_was_interrupted_after_the_detach_is_finished(db: database.Database) -> None:
    name = f"events_{await today(db) - timedelta(days=5):%Y%m%d}"
    await db.fetch(f"ALTER TABLE events DETACH PARTITION {name} CONCURRENTLY".encode())
    assert await partitions.drop_expired(db, retention_days=5) == [name]  # although the retention is longer now
    assert name not in await names(db)
    await partitions.ensure(db, retention_days=5)
    assert name in await names(db)


async def test_a_pending_detach_is_finished(db: database.Database, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"attempts_{await today(db) - timedelta(days=5):%Y%m%d}"
    monkeypatch.setattr(database, "_ALWAYS", database._ALWAYS + "; SET lock_timeout = '50ms'")
    async with database.Database(dsn, pool_size=1) as impatient, await psycopg.AsyncConnection.connect(dsn) as reader:
        await reader.execute("SELECT count(*) FROM attempts")
        with pytest.raises(errors.Unavailable):
            await partitions.drop_expired(impatient, retention_days=4)
        await reader.rollback()
        pending = {each.name for each in (await partitions.calendar(db)).partitions if each.is_detaching}
        assert pending == {name}
        assert await partitions.drop_expired(impatient, retention_days=5) == [name]


async def test_one_server_drops_at_a_time(db: database.Database, dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as other:
        await other.execute("SELECT pg_advisory_xact_lock(%s)", [partitions._OLD_DAYS_KEY])
        assert await partitions.drop_expired(db, retention_days=3) == []
    assert len(await partitions.drop_expired(db, retention_days=3)) == 6
