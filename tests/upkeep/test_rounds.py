"""The server tidies up after itself, in slices, alone, and whatever fails it goes on."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
import structlog

from hook0_server.model import errors
from hook0_server.store import database, partitions, upkeep
from hook0_server.upkeep import rounds
from tests import feed_rows, rows

SOON = rounds.Intervals(retention=0.05, vacuum=0.05, writers=0.05, retry=0.05)
KEYS = b"""INSERT INTO event_keys SELECT %(id)s, gen_random_uuid(), (now() AT TIME ZONE 'UTC')::date - %(ago)s::int
FROM generate_series(1, %(count)s)"""
ANSWERS = b"""INSERT INTO request_answers SELECT 'scope', gen_random_uuid(), '', '', now() - %(age)s::interval
FROM generate_series(1, %(count)s)"""
SESSIONS = b"""INSERT INTO sessions (session_id, user_id, refresh_token_id, expire_at)
SELECT gen_random_uuid(), %(user_id)b, gen_random_uuid(), now() - %(age)b::text::interval
  FROM generate_series(1, %(count)b::int)"""
DELIVERIES = b"""INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day,
  event_type, payload_size)
SELECT uuid_v7(), uuid_v7(), uuid_v7(), uuid_v7(), uuid_v7(), current_date, 'a.b', 1 FROM generate_series(1, 2000)"""


async def count(db: database.Database, table: str) -> int:
    row = await db.fetch_one(f"SELECT count(*) FROM {table}".encode())
    assert row is not None
    return int(row[0])


async def until(holds: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(15):
        while not await holds():  # noqa: ASYNC110 - the database is asked
            await asyncio.sleep(0.02)


async def test_keys_are_forgotten_with_their_day_and_not_before(db: database.Database) -> None:
    for ago, number in ((0, 3), (2, 4), (5, 5), (40, 1500)):
        await db.fetch(KEYS, {"id": uuid.uuid4(), "ago": ago, "count": number})
    assert (await upkeep.forget(db, retention_days=2))["event_keys"] == 1500  # day 5 is there still: open work may need it
    await partitions.drop_expired(db, retention_days=2)
    assert (await upkeep.forget(db, retention_days=2))["event_keys"] == 5
    assert await count(db, "event_keys") == 7


async def test_answers_are_kept_for_24_hours(db: database.Database) -> None:
    await db.fetch(ANSWERS, {"age": "23 hours 59 minutes", "count": 3})
    await db.fetch(ANSWERS, {"age": "24 hours 1 minute", "count": 2100})
    assert (await upkeep.forget(db, retention_days=2))["request_answers"] == 2100
    assert await count(db, "request_answers") == 3


async def test_notices_of_quotas_are_forgotten_when_their_day_is_over(db: database.Database) -> None:
    for ago in (0, 1, 2, 9):
        await rows.insert(
            db, "quota_notices", day=rows.ago(days=ago).date(), line="quota.near", quota="members", owner_id=uuid.uuid4()
        )
    assert (await upkeep.forget(db, retention_days=2))["quota_notices"] == 2
    assert await count(db, "quota_notices") == 2


async def test_a_subscription_is_forgotten_with_its_targets_when_no_attempt_of_it_is_kept(db: database.Database) -> None:
    application_id = await rows.application(db)
    kept = [
        await rows.subscription(db, application_id),
        await rows.subscription(db, application_id, is_enabled=False, deleted_at=rows.ago(days=2)),
    ]
    gone = await rows.subscription(db, application_id, is_enabled=False, deleted_at=rows.ago(days=4))
    for subscription_id in (*kept, gone, gone):
        revision = await count(db, "subscription_revisions") + 1
        await rows.insert(
            db,
            "subscription_revisions",
            application_id=application_id,
            subscription_id=subscription_id,
            revision=revision,
            target_encrypted=b"-",
        )
    assert (await upkeep.forget(db, retention_days=3))["subscriptions"] == 1
    for table in ("subscriptions", "subscription_revisions"):
        left = await db.fetch(f"SELECT subscription_id FROM {table} ORDER BY 1".encode())
        assert sorted(row[0] for row in left) == sorted(kept)


async def test_sessions_are_forgotten_an_hour_after_they_expired(db: database.Database) -> None:
    user_id = uuid.uuid4()
    await rows.insert(db, "users", user_id=user_id, email="owner@example.com", password_hash="-")
    await db.fetch(SESSIONS, {"user_id": user_id, "age": "59 minutes", "count": 3})
    await db.fetch(SESSIONS, {"user_id": user_id, "age": "61 minutes", "count": 1100})
    assert (await upkeep.forget(db, retention_days=2))["sessions"] == 1100
    assert await count(db, "sessions") == 3


async def test_a_row_that_somebody_holds_does_not_stop_the_others(db: database.Database, dsn: str) -> None:
    await db.fetch(ANSWERS, {"age": "2 days", "count": 5})
    async with await psycopg.AsyncConnection.connect(dsn) as holder:
        await holder.execute("SELECT * FROM request_answers LIMIT 1 FOR UPDATE")
        assert (await upkeep.forget(db, retention_days=2))["request_answers"] == 4


async def test_deliveries_are_vacuumed_when_enough_are_dead_and_by_one_server_at_a_time(
    db: database.Database, dsn: str
) -> None:
    hot = db.hot("vacuum")
    assert not await upkeep.vacuum_deliveries(hot)
    await db.fetch(DELIVERIES)
    await db.fetch(b"DELETE FROM deliveries")
    await db.fetch(b"SELECT pg_stat_force_next_flush()")

    async def dead() -> bool:
        row = await db.fetch_one(b"SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'deliveries'")
        return row is not None and row[0] >= 2000

    await until(dead)
    async with await psycopg.AsyncConnection.connect(dsn) as other:
        await other.execute("SELECT pg_advisory_xact_lock(%s)", [upkeep._VACUUM_KEY])
        assert not await upkeep.vacuum_deliveries(hot)
    assert await upkeep.vacuum_deliveries(hot)
    assert not await dead()
    assert not await upkeep.vacuum_deliveries(hot)


async def test_the_oldest_writer_is_known_and_a_reader_is_none(db: database.Database, dsn: str) -> None:
    server = rounds.Upkeep(db, retention_days=5, intervals=SOON)
    async with feed_rows.connected(dsn, autocommit=False) as writer:
        await writer.execute("SELECT count(*) FROM attempts")
        await writer.execute("SELECT pg_current_xact_id()")
        found = await upkeep.oldest_writer(db)
        assert found is not None
        assert found.seconds is not None
        async with server.running():
            async with asyncio.timeout(15):
                while server.oldest_writer_seconds == 0:  # noqa: ASYNC110 - a task of the server sets it
                    await asyncio.sleep(0.01)


async def test_days_are_made_before_serving_and_the_rounds_keep_them(db: database.Database) -> None:
    server = rounds.Upkeep(db, retention_days=7, intervals=SOON)
    await server.prepare()
    assert len((await partitions.calendar(db)).partitions) == 3 * 11
    await db.fetch(ANSWERS, {"age": "2 days", "count": 5})
    shorter = rounds.Upkeep(db, retention_days=2, intervals=SOON)
    async with shorter.running():

        async def tidied() -> bool:
            return len((await partitions.calendar(db)).partitions) == 3 * 6 and await count(db, "request_answers") == 0

        await until(tidied)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("upkeep.")]


@pytest.mark.parametrize("failure", [errors.Unavailable("DATABASE_UNAVAILABLE", "Away."), ValueError("a defect")])
async def test_a_round_that_fails_is_logged_and_tried_again(
    db: database.Database, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    again = asyncio.Event()
    failures = [failure]

    async def failing(*_: object, **__: object) -> None:
        if failures:
            raise failures.pop()
        again.set()

    monkeypatch.setattr(partitions, "ensure", failing)
    with structlog.testing.capture_logs() as logs:
        async with rounds.Upkeep(db, retention_days=5, intervals=SOON).running():
            await asyncio.wait_for(again.wait(), 15)
    assert [line["round"] for line in logs if line["event"] == "upkeep.failed"] == ["retention"]


AUDIT = b"""INSERT INTO audit_entries (audit_entry_id, action, operation, actor_kind, actor_id, credential_id, request_id,
  resource_type, resource_id, result)
SELECT overlay(gen_random_uuid()::text PLACING %(head)b::text FROM 1 FOR 13)::uuid, 'a:b', 'S/M', 'master', '-', '-', '-',
       'user', '-', 'OK'
  FROM generate_series(1, %(count)b::int)"""


async def test_entries_of_the_audit_log_are_kept_for_their_days(db: database.Database) -> None:
    for age, number in ((9, 3), (11, 1500)):
        await db.fetch(AUDIT, {"head": str(rows.id7(rows.ago(days=age)))[:13], "count": number})
    running = rounds.Upkeep(db, retention_days=2, audit_days=10, intervals=SOON)
    async with running.running():

        async def is_forgotten() -> bool:
            return await count(db, "audit_entries") == 3

        await until(is_forgotten)
