"""What a watcher notices of a database that is away, or that is another one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import watching as reading

from hook0_server.model import cursors, errors
from hook0_server.store import database, partitions
from hook0_server.watch import hub
from tests import feed_rows


async def test_an_outage_is_borne_for_a_while_then_said_and_a_new_watch_goes_on(
    watches: hub.Hub, record: reading.Record, dsn: str, postgres_dsn: str
) -> None:
    start = await watches.from_now(reading.APPLICATION)
    async with watches.watching(start) as watching:
        await watching.next(reading.SECONDS)
        expected = await record(2)
        assert await reading.until(watching, 2) == expected
        async with _away(postgres_dsn, dsn):
            with pytest.raises(errors.Unavailable) as said:
                await reading.until_refused(watching)
            assert said.value.retry_after
    async with watches.watching(await _patiently(watches, watching.now.cursor)) as watching:
        assert await reading.until_caught_up(watching) == []


async def test_a_short_outage_is_not_noticed_by_the_watcher(
    db: database.Database, writer: psycopg.AsyncConnection[Any], dsn: str, postgres_dsn: str
) -> None:
    watches = hub.Hub(db, patience=reading.SECONDS)
    async with watches.running(), watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        async with _away(postgres_dsn, dsn):
            async with asyncio.timeout(reading.SECONDS):
                while watching.now.is_caught_up:
                    assert await watching.next(0.1) is None
        async with feed_rows.connected(dsn) as again:
            recorded = await feed_rows.record(again, reading.APPLICATION)
        assert await reading.until(watching, 1) == recorded


async def test_a_move_to_another_cluster_ends_watches_as_expired(
    watches: hub.Hub, db: database.Database, record: reading.Record
) -> None:
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        await db.fetch(b"UPDATE instance SET system_identifier = 1")
        with pytest.raises(errors.OutOfRange) as expired:
            await reading.until_refused(watching)
        assert expired.value.reason == "CURSOR_EXPIRED"
        async with asyncio.timeout(reading.SECONDS):
            await asyncio.gather(*(task for task in asyncio.all_tasks() if "tail" in task.get_name()))
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as watching:
        await watching.next(reading.SECONDS)
        recorded = await record()
        assert await reading.until(watching, 1) == recorded


async def test_a_watch_catches_up_although_the_last_attempt_was_dropped(
    watches: hub.Hub, db: database.Database, record: reading.Record
) -> None:
    await record(2)
    async with watches.watching(await watches.from_now(reading.APPLICATION)) as first:
        await first.next(reading.SECONDS)
        await db.fetch(b"DELETE FROM attempts")
        async with watches.watching(await watches.from_now(reading.APPLICATION)) as second:
            assert await reading.until_caught_up(second) == []
            recorded = await record(2)
            assert await reading.until(second, 2) == recorded


async def test_days_that_are_dropped_while_somebody_reads_them_end_the_watch(
    watches: hub.Hub, db: database.Database, record: reading.Record
) -> None:
    now = datetime.now(UTC)
    await record(3, at=now - timedelta(days=4))
    async with watches.watching(await watches.from_time(reading.APPLICATION, now - timedelta(days=4, hours=1)), most=1) as slow:
        assert len(await reading.until(slow, 1)) == 1
        await partitions.drop_expired(db, retention_days=2)
        with pytest.raises(errors.OutOfRange) as expired:
            await reading.until_refused(slow)
    assert expired.value.reason == "CURSOR_EXPIRED"


@contextlib.asynccontextmanager
async def _away(postgres_dsn: str, dsn: str) -> AsyncIterator[None]:
    """The database refuses connections, and those there were are cut."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        try:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


async def _patiently(watches: hub.Hub, cursor: cursors.Cursor) -> cursors.Cursor:
    async with asyncio.timeout(reading.SECONDS):
        while True:
            with contextlib.suppress(errors.Unavailable):
                return await watches.from_cursor(cursor)
            await asyncio.sleep(0.05)
