"""Where a watch can begin: a cursor, a time, now; and where it cannot."""

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hook0_server.model import errors
from hook0_server.store import database, feed, feed_epoch, partitions
from tests import feed_rows

APPLICATION = uuid.UUID("018f3c5e-7a2b-7c11-8d4e-0123456789ab")


async def test_start_at_begins_with_the_first_attempt_recorded_then(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(minutes=minutes) for minutes in (200, 130, 61, 59, 30, 2, 1)]
    ids = [(await feed_rows.record(writer, APPLICATION, at=at))[0] for at in times]
    for at, expected in ((times[3], ids[3:]), (times[3] + timedelta(microseconds=1), ids[4:]), (times[0], ids), (now, [])):
        start = await feed.starting_at(reader, APPLICATION, at)
        found = await feed_rows.page(reader, start)
        assert [each.attempt_id for each in found.attempts] == expected
    from_now = await feed.starting_at(reader, APPLICATION, now + timedelta(days=1))
    await feed_rows.record(writer, APPLICATION)
    assert (await feed_rows.page(reader, from_now)).attempts == ()


async def test_start_at_does_not_read_the_whole_day(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    now = datetime.now(UTC)
    for ago in range(60, 0, -1):
        await feed_rows.record(writer, APPLICATION, at=now - timedelta(minutes=ago))
    start = await feed.starting_at(reader, APPLICATION, now - timedelta(minutes=10, seconds=30))
    found = await feed_rows.page(reader, dataclasses.replace(start, not_before=None))
    assert len(found.attempts) in (11, 12)


async def test_the_bound_of_start_at_travels_with_the_cursor_until_it_is_past(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    now = datetime.now(UTC)
    await feed_rows.record(writer, APPLICATION, at=now - timedelta(seconds=40))
    start = await feed.starting_at(reader, APPLICATION, now - timedelta(seconds=30))
    found = await feed_rows.page(reader, start)
    assert found.attempts == ()
    assert found.cursor.not_before == start.not_before
    await feed_rows.record(writer, APPLICATION, at=now + timedelta(hours=2))
    found = await feed_rows.page(reader, found.cursor)
    assert len(found.attempts) == 1
    assert found.cursor.not_before is None


async def test_a_start_before_what_is_kept_is_refused_with_the_oldest_time(db: database.Database, reader: feed.Feed) -> None:
    kept_from = await feed.oldest(db)
    today = (await partitions.calendar(db)).today
    assert kept_from == datetime(today.year, today.month, today.day, tzinfo=UTC) - timedelta(days=5)
    with pytest.raises(errors.OutOfRange) as refused:
        await feed.starting_at(db, APPLICATION, kept_from - timedelta(seconds=1))
    assert refused.value.reason == "CURSOR_EXPIRED"
    assert datetime.fromisoformat(refused.value.metadata["oldest_at"]) == kept_from
    assert refused.value.metadata["oldest_at"] in refused.value.message
    await feed.starting_at(db, APPLICATION, kept_from)


async def test_a_cursor_whose_day_was_dropped_is_expired(db: database.Database, reader: feed.Feed) -> None:
    old = dataclasses.replace(await feed.position(db, APPLICATION), recorded_at=datetime.now(UTC) - timedelta(days=4, hours=23))
    assert await feed.resuming(db, old) == old
    await partitions.drop_expired(db, retention_days=2)
    with pytest.raises(errors.OutOfRange) as refused:
        await feed.resuming(db, old)
    assert refused.value.reason == "CURSOR_EXPIRED"


async def test_a_cursor_of_a_time_line_that_was_lost_is_expired(db: database.Database, reader: feed.Feed) -> None:
    row = await db.fetch_one(b"SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    assert row is not None
    ahead = dataclasses.replace(await feed.position(db, APPLICATION), xid=row[0] + 1000)
    with pytest.raises(errors.OutOfRange, match="not kept"):
        await feed.resuming(db, ahead)


async def test_positions_are_attempts_because_transaction_ids_may_be_given_again_after_a_crash(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    [attempt_id] = await feed_rows.record(writer, APPLICATION)
    for _ in range(3):
        await writer.execute("SELECT pg_current_xact_id()")
    cursor = await feed.position(db, APPLICATION)
    assert cursor.attempt_id == attempt_id
    assert (await feed_rows.page(reader, cursor)).cursor.position == cursor.position


async def test_after_a_move_to_another_cluster_older_attempts_precede_and_old_cursors_are_expired(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    old = await feed.position(db, APPLICATION)
    ids = await feed_rows.record(writer, APPLICATION, 30)
    ids += await feed_rows.record(writer, APPLICATION, 20, at=datetime.now(UTC) - timedelta(hours=3))
    await db.fetch(b"UPDATE attempts SET recorded_xid = '9000000000000000000'")
    await db.fetch(b"UPDATE instance SET system_identifier = 1")
    assert not (await reader.clock()).is_same_cluster
    await feed_epoch.open(db)
    assert (await reader.clock()).is_same_cluster
    with pytest.raises(errors.OutOfRange) as refused:
        await feed_rows.page(reader, old)
    assert refused.value.reason == "CURSOR_EXPIRED"
    with pytest.raises(errors.OutOfRange):
        await feed.resuming(db, old)
    now = await feed.position(db, APPLICATION)
    new = await feed_rows.record(writer, APPLICATION, 2)
    assert [each.attempt_id for each in (await feed_rows.page(reader, now)).attempts] == new
    start = await feed.starting_at(reader, APPLICATION, datetime.now(UTC) - timedelta(hours=4))
    found = await feed_rows.page(reader, start)
    # Without transactions to go by, the older ones come in the order of their ids.
    assert [each.attempt_id for each in found.attempts] == sorted(ids) + new
    seen = []
    cursor = start
    while not (found := await feed_rows.page(reader, cursor, scan=20, take=20)).reached:
        seen += [each.attempt_id for each in found.attempts]
        cursor = found.cursor
    assert seen + [each.attempt_id for each in found.attempts] == sorted(ids) + new


async def test_while_older_attempts_are_rewritten_no_position_is_given(db: database.Database, reader: feed.Feed) -> None:
    cursor = await feed.position(db, APPLICATION)
    await db.fetch(b"UPDATE instance SET feed_ready = false")
    with pytest.raises(errors.Unavailable):
        await feed.position(db, APPLICATION)
    with pytest.raises(errors.Unavailable):
        await feed_rows.page(reader, cursor)
    await feed_epoch.open(db)
    assert await feed_rows.page(reader, cursor)


async def test_an_ordinary_user_of_the_database_can_read_the_feed(db: database.Database, dsn: str, reader: feed.Feed) -> None:
    role = f"plain_{uuid.uuid4().hex}"
    await db.fetch(f"CREATE ROLE {role} LOGIN PASSWORD 'plain'".encode())
    await db.fetch(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(f"SET ROLE {role}".encode())
            for statement in (feed.SQL.clock, feed.SQL.oldest, feed_epoch.SQL.is_open):
                assert await (await connection.execute(statement)).fetchone()
    finally:
        await db.fetch(f"DROP OWNED BY {role}".encode())
        await db.fetch(f"DROP ROLE {role}".encode())
