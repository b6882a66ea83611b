"""The feed loses nothing and repeats nothing, whatever commits late; and a page costs what it looks at."""

import dataclasses
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, strategies as st

from hook0_server.model import event_types
from hook0_server.store import attempts, database, feed, partitions
from tests import feed_rows

APPLICATION = uuid.UUID("018f3c5e-7a2b-7c11-8d4e-0123456789ab")


async def test_attempts_come_in_order_once_and_the_cursor_stands_after_them(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    start = await feed.position(db, APPLICATION)
    first = await feed_rows.record(writer, APPLICATION, 3)
    await feed_rows.record(writer, uuid.uuid4(), 2)
    second = await feed_rows.record(writer, APPLICATION, 2)
    found = await feed_rows.page(reader, start)
    assert [each.attempt_id for each in found.attempts] == first + second
    assert found.is_caught_up
    again = await feed_rows.page(reader, found.cursor)
    assert again.attempts == ()
    assert again.cursor.position == (found.attempts[-1].recorded_xid, second[-1])


async def test_what_commits_late_is_not_passed_by_and_comes_in_its_place(
    db: database.Database,
    reader: feed.Feed,
    writer: psycopg.AsyncConnection[Any],
    slow_writer: psycopg.AsyncConnection[Any],
) -> None:
    cursor = await feed.position(db, APPLICATION)
    early = await feed_rows.record(slow_writer, APPLICATION)
    later = await feed_rows.record(writer, APPLICATION, 2)
    held = await feed_rows.page(reader, cursor)
    assert held.attempts == ()
    assert not held.is_caught_up
    assert held.hidden
    await slow_writer.commit()
    found = await feed_rows.page(reader, held.cursor)
    assert [each.attempt_id for each in found.attempts] == early + later
    assert found.is_caught_up


async def test_the_horizon_is_held_by_an_open_writing_transaction_and_its_start_is_known(
    db: database.Database,
    reader: feed.Feed,
    writer: psycopg.AsyncConnection[Any],
    slow_writer: psycopg.AsyncConnection[Any],
) -> None:
    cursor = await feed.position(db, APPLICATION)
    begun = await (await slow_writer.execute("SELECT now() FROM pg_current_xact_id()")).fetchone()
    [attempt_id] = await feed_rows.record(writer, APPLICATION)
    held = await feed_rows.page(reader, cursor)
    assert begun is not None
    assert held.horizon_at <= begun[0]
    await slow_writer.commit()
    found = await feed_rows.page(reader, cursor)
    assert [each.attempt_id for each in found.attempts] == [attempt_id]
    assert begun[0] < found.attempts[0].recorded_at < found.horizon_at + timedelta(seconds=1)


async def test_the_horizon_is_before_what_a_transaction_without_an_id_yet_will_record(
    db: database.Database, reader: feed.Feed, dsn: str
) -> None:
    cursor = await feed.position(db, APPLICATION)
    async with await psycopg.AsyncConnection.connect(dsn, application_name="hook0 record") as recorder:
        begun = await (await recorder.execute("SELECT now()")).fetchone()
        assert begun is not None
        assert (await feed_rows.page(reader, cursor)).horizon_at < begun[0]


async def test_the_horizon_is_before_what_is_recorded_but_hidden(
    db: database.Database, reader: feed.Feed, slow_writer: psycopg.AsyncConnection[Any], dsn: str
) -> None:
    cursor = await feed.position(db, APPLICATION)
    async with feed_rows.connected(dsn, autocommit=False) as early:
        begun = await (await early.execute("SELECT now()")).fetchone()  # begins first, writes last, commits first
        await slow_writer.execute("SELECT pg_current_xact_id()")
        await feed_rows.record(early, APPLICATION)
        await early.commit()
    held = await feed_rows.page(reader, cursor)
    assert held.hidden
    assert begun is not None
    assert held.horizon_at <= begun[0]


async def test_a_foreign_reading_transaction_holds_nothing(
    db: database.Database,
    reader: feed.Feed,
    writer: psycopg.AsyncConnection[Any],
    slow_writer: psycopg.AsyncConnection[Any],
) -> None:
    cursor = await feed.position(db, APPLICATION)
    await slow_writer.execute("SELECT count(*) FROM attempts")
    [attempt_id] = await feed_rows.record(writer, APPLICATION)
    found = await feed_rows.page(reader, cursor)
    assert [each.attempt_id for each in found.attempts] == [attempt_id]
    assert found.is_caught_up


async def test_a_filter_that_matches_nothing_moves_the_cursor(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    cursor = await feed.position(db, APPLICATION)
    ids = await feed_rows.record(writer, APPLICATION, 30)
    wanted = attempts.Filter(subscription_ids=[uuid.uuid4()])
    found = await feed_rows.page(reader, cursor, wanted, scan=20, take=5)
    assert (found.attempts, found.reached) == ((), False)
    assert found.cursor.attempt_id == ids[19]
    found = await feed_rows.page(reader, found.cursor, wanted, scan=20, take=5)
    assert found.is_caught_up
    assert found.cursor.attempt_id == ids[-1]


async def test_a_page_ends_with_the_last_match_it_may_take(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    cursor = await feed.position(db, APPLICATION)
    ids = await feed_rows.record(writer, APPLICATION, 7)
    seen: list[uuid.UUID] = []
    while not (found := await feed_rows.page(reader, cursor, scan=5, take=3)).reached:
        assert len(found.attempts) in (2, 3)
        seen += [each.attempt_id for each in found.attempts]
        cursor = found.cursor
    assert seen + [each.attempt_id for each in found.attempts] == ids


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (attempts.Filter(event_types=["user.*.created"]), {"user.account.created"}),
        (attempts.Filter(event_types=["user.**", "order.paid"]), {"user.account.created", "order.paid"}),
        (attempts.Filter(event_types=["**"]), {"user.account.created", "order.paid"}),
        (attempts.Filter(event_types=["hook0.**"]), {"hook0.test"}),
        (attempts.Filter(outcomes=[2, 3]), {"order.paid"}),
        (attempts.Filter(only_final=True), {"user.account.created", "hook0.test"}),
        (attempts.Filter(finished_after=datetime(2200, 1, 1, tzinfo=UTC)), set()),
        (attempts.Filter(finished_before=datetime(2000, 1, 1, tzinfo=UTC)), set()),
    ],
)
async def test_the_filter_answers_what_it_says(
    db: database.Database,
    reader: feed.Feed,
    writer: psycopg.AsyncConnection[Any],
    wanted: attempts.Filter,
    expected: set[str],
) -> None:
    cursor = await feed.position(db, APPLICATION)
    await feed_rows.record(writer, APPLICATION)
    await feed_rows.record(writer, APPLICATION, event_type="order.paid", outcome=2, final=False)
    await feed_rows.record(writer, APPLICATION, event_type="hook0.test")
    found = await feed_rows.page(reader, cursor, wanted)
    assert {each.event_type for each in found.attempts} == expected


SEGMENTS = st.sampled_from(["a", "b-1", "hook0", "x_Y", "*"])


@given(
    pattern=st.lists(SEGMENTS, min_size=1, max_size=4).map(".".join),
    is_open=st.booleans(),
    name=st.lists(SEGMENTS.filter(lambda each: each != "*"), min_size=2, max_size=5).map(".".join),
)
def test_patterns_mean_the_same_as_everywhere(pattern: str, is_open: bool, name: str) -> None:
    pattern = pattern + ".**" if is_open else pattern
    expression = feed.types_expression(["none.such", pattern])
    assert (re.search(expression, name) is not None) == event_types.matches(pattern, name)
    assert (re.search(feed.types_expression(["**"]), name) is not None) == event_types.matches("**", name)


async def test_an_attempt_recorded_after_midnight_and_one_of_the_next_days_are_seen(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any]
) -> None:
    today = (await partitions.calendar(db)).today
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    cursor = await feed.position(db, APPLICATION)
    before = await feed_rows.record(writer, APPLICATION, at=midnight - timedelta(microseconds=1))
    start = dataclasses.replace(cursor, recorded_at=midnight - timedelta(minutes=5))
    found = await feed_rows.page(reader, start)
    assert [each.attempt_id for each in found.attempts] == before
    after = await feed_rows.record(writer, APPLICATION, at=midnight)
    late = await feed_rows.record(writer, APPLICATION, at=midnight - timedelta(minutes=30))
    ahead = await feed_rows.record(writer, APPLICATION, at=midnight + timedelta(days=1))
    found = await feed_rows.page(reader, feed.passing(start, found.attempts[0]))
    assert [each.attempt_id for each in found.attempts] == after + late + ahead
