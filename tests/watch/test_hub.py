"""Many watchers, one reader: each sees every attempt once and in order, at its own speed."""

import asyncio
import contextlib
import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import watching as reading

from hook0_server.model import cursors
from hook0_server.store import attempts, database, feed
from hook0_server.watch import hub
from tests import feed_rows


async def test_the_first_batch_comes_at_once_and_empty(watches: hub.Hub) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        batch = await watching.next(reading.SECONDS)
        assert batch is not None
        assert batch.attempts == ()
        assert batch.is_caught_up
        assert await watching.next(0.05) is None


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """None that anybody here could wait for."""
    monkeypatch.setattr(hub, "_POLL_SECONDS", 10 * reading.SECONDS)


@pytest.mark.usefixtures("no_poll")
async def test_what_is_recorded_here_arrives_without_waiting_for_the_poll(watches: hub.Hub, record: reading.Record) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        for _ in range(5):
            [attempt_id] = await record()
            assert await reading.until(watching, 1) == [attempt_id]


async def test_the_poll_finds_what_nobody_told(watches: hub.Hub, writer: psycopg.AsyncConnection[Any]) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        recorded = await feed_rows.record(writer, reading.APPLICATION)
        assert await reading.until(watching, 1) == recorded


@pytest.mark.usefixtures("no_poll")
@pytest.mark.parametrize(
    "payload",
    [f"018f3c5e-7a2b-7c11-8d4e-000000000000,{reading.APPLICATION}", "", f"garbage,{reading.APPLICATION}"],
    ids=["two", "none", "garbage"],
)
async def test_a_hint_from_another_process_wakes(watches: hub.Hub, writer: psycopg.AsyncConnection[Any], payload: str) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        for _ in range(4):
            recorded = await feed_rows.record(writer, reading.APPLICATION)
            watches.heard(payload)
            assert await reading.until(watching, 1) == recorded


@pytest.mark.usefixtures("no_poll")
async def test_what_is_hidden_is_looked_for_again_at_once(watches: hub.Hub, record: reading.Record, dsn: str) -> None:
    async with (
        feed_rows.connected(dsn, autocommit=False) as slow,
        watches.watching(await watches.from_now(reading.APPLICATION)) as watching,
    ):
        await watching.next(reading.SECONDS)
        late = await feed_rows.record(slow, reading.APPLICATION)
        early = await record(2)
        assert await watching.next(0.3) is None
        assert not watching.now.is_caught_up
        assert watches.lag_seconds >= 0.2
        await slow.commit()  # nobody tells the hub
        assert await reading.until(watching, 3) == late + early
        await reading.until_caught_up(watching)


async def test_three_watchers_at_different_speeds_each_see_everything_once(
    db: database.Database, writer: psycopg.AsyncConnection[Any]
) -> None:
    watches = hub.Hub(db, ring_rows=40)
    async with watches.running(), contextlib.AsyncExitStack() as stack:
        start = await watches.from_now(reading.APPLICATION)
        fast, slow, stalled = [await stack.enter_async_context(watches.watching(start, most=most)) for most in (100, 3, 7)]
        expected: list[uuid.UUID] = []
        seen: list[uuid.UUID] = []
        dawdling: list[uuid.UUID] = []
        for _ in range(12):
            expected += await feed_rows.record(writer, reading.APPLICATION, 10)
            watches.recorded([reading.APPLICATION])
            seen += await reading.until(fast, 10)
            dawdling += await reading.until(slow, 1)
        assert seen == expected
        dawdling += await reading.until(slow, len(expected) - len(dawdling))
        assert dawdling == expected
        assert await reading.until(stalled, len(expected)) == expected
        assert await reading.until_caught_up(stalled) == []


async def test_a_watch_resumes_from_each_cursor_exactly_once_also_in_another_process(
    db: database.Database, watches: hub.Hub, record: reading.Record
) -> None:
    cursor = await watches.from_now(reading.APPLICATION)
    expected: list[uuid.UUID] = []
    seen: list[uuid.UUID] = []
    for turn in range(6):
        expected += await record(7)
        restarted = hub.Hub(db)
        async with restarted.running():
            again = cursors.decode(cursors.encode(cursor), reading.APPLICATION)
            async with restarted.watching(await restarted.from_cursor(again), most=3 + turn) as watching:
                for _ in range(2):
                    batch = await watching.next(reading.SECONDS)
                    if batch is not None:
                        seen += [each.attempt_id for each in batch.attempts]
                        cursor = batch.cursor
    async with watches.watching(cursor) as watching:
        seen += await reading.until_caught_up(watching)
    assert seen == expected


async def test_a_filter_moves_the_cursor_and_means_the_same_in_the_ring_and_in_the_feed(
    db: database.Database, watches: hub.Hub, record: reading.Record
) -> None:
    start = await watches.from_now(reading.APPLICATION)
    subscription_id = uuid.uuid4()
    filters = [
        attempts.Filter(subscription_ids=[subscription_id]),
        attempts.Filter(event_types=["user.*.created"]),
        attempts.Filter(outcomes=[2]),
        attempts.Filter(only_final=True),
        attempts.Filter(event_ids=[uuid.uuid4()]),
        attempts.Filter(delivery_ids=[uuid.uuid4()]),
        attempts.Filter(finished_before=start.recorded_at),
        attempts.Filter(finished_after=start.recorded_at),
    ]
    async with contextlib.AsyncExitStack() as stack:
        live = [await stack.enter_async_context(watches.watching(start, wanted)) for wanted in filters]
        for watching in live:
            await watching.next(reading.SECONDS)
        await record(2)
        await record(2, subscription_id=subscription_id, outcome=2)
        last = await record(2, event_type="order.paid", final=False)
        reader = feed.Feed(db, connections=1)
        for wanted, watching in zip(filters, live, strict=True):
            page = await reader.page(start, await reader.clock(), wanted)
            expected = [each.attempt_id for each in page.attempts]
            seen: list[uuid.UUID] = []
            async with asyncio.timeout(reading.SECONDS):
                while watching.now.cursor.attempt_id != last[-1]:
                    batch = await watching.next(0.02)
                    seen += [each.attempt_id for each in batch.attempts] if batch else []
            assert seen == expected
            assert watching.now.is_caught_up


async def test_the_bound_of_start_at_holds_in_the_ring_too(watches: hub.Hub, record: reading.Record) -> None:
    start = await watches.from_now(reading.APPLICATION)
    soon = await watches.from_time(reading.APPLICATION, start.recorded_at + timedelta(days=365))
    async with watches.watching(soon) as watching:
        await watching.next(reading.SECONDS)
        [attempt_id] = await record()
        async with asyncio.timeout(reading.SECONDS):
            while watching.now.cursor.attempt_id != attempt_id:
                assert await watching.next(0.02) is None


async def test_a_tail_lives_from_the_first_watcher_of_an_application_to_the_last(watches: hub.Hub) -> None:
    start = await watches.from_now(reading.APPLICATION)
    async with watches.watching(start) as first:
        await first.next(reading.SECONDS)
        async with watches.watching(start), watches.watching(await watches.from_now(uuid.uuid4())):
            assert watches.applications == 2
        assert watches.applications == 1
        assert {task.get_name() for task in asyncio.all_tasks() if "tail" in task.get_name()} >= {
            f"watch.tail {reading.APPLICATION}"
        }
    assert watches.applications == 0
    async with asyncio.timeout(reading.SECONDS):
        await asyncio.gather(*(task for task in asyncio.all_tasks() if "tail" in task.get_name()))


async def test_one_reader_reads_for_all(watches: hub.Hub, record: reading.Record, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[int] = []
    read = feed.Feed.page

    async def counting(reader: feed.Feed, *given: Any, **named: Any) -> feed.Page:
        page = await read(reader, *given, **named)
        pages.append(len(page.attempts))
        return page

    monkeypatch.setattr(feed.Feed, "page", counting)
    start = await watches.from_now(reading.APPLICATION)
    async with contextlib.AsyncExitStack() as stack:
        watchings = [await stack.enter_async_context(watches.watching(start)) for _ in range(20)]
        for watching in watchings:
            await watching.next(reading.SECONDS)
        expected = await record(5)
        assert all([await reading.until(watching, 5) == expected for watching in watchings])
    assert sum(pages) == 5


async def test_an_interrupted_watch_returns_at_once(watches: hub.Hub) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        waiting = asyncio.create_task(watching.next(reading.SECONDS))
        await asyncio.sleep(0)
        watching.interrupt()
        assert await asyncio.wait_for(waiting, 2) is None
