"""A watch that is cut again and again, beside slow transactions and over midnight, sees every attempt exactly once."""

import asyncio
import contextlib
import dataclasses
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import proxies
import psycopg
import pytest
import workbench
from psycopg import sql

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from tests import conftest, feed_rows

QUICK, SLOW, LAST = "user.account.created", "user.account.delayed", "user.account.closed"
EVENTS, BATCH, PACE_SECONDS = 5000, 100, 0.1
_LOOK_SECONDS = 0.05
_ALL = "SELECT count(*) FROM attempts WHERE application_id = %(application_id)s"


@dataclasses.dataclass
class Bench:
    """Two servers on one database, a proxy in front of both, an application, and a connection to look at the database."""

    masters: list[hook0_client.Client]
    proxy: proxies.DyingProxy
    made: workbench.Application
    database: psycopg.AsyncConnection[Any]
    receiver: workbench.Receiver

    @property
    def key(self) -> dict[str, uuid.UUID]:
        return {"application_id": uuid.UUID(self.made.application_id)}

    async def publish(self, server: int, count: int = 1, event_type: str = QUICK) -> None:
        events = [v1.NewEvent(event_type=event_type, payload_text="{}") for _ in range(count)]
        request = v1.PublishEventsRequest(application_id=self.made.application_id, events=events)
        answer = await self.masters[server].ingestion.PublishEvents(request)
        assert all(result.WhichOneof("result") == "published" for result in answer.results)

    async def one(self, statement: str, **values: object) -> Any:
        cursor = await self.database.execute(statement.encode(), self.key | values)
        row = await cursor.fetchone()
        return row[0] if row else None

    async def until(self, statement: str, value: object, **values: object) -> None:
        """Until the statement answers the value."""
        async with asyncio.timeout(30):
            while await self.one(statement, **values) != value:  # noqa: ASYNC110  # the database does not tell
                await asyncio.sleep(_LOOK_SECONDS)

    async def feed(self) -> list[str]:
        """The ids of all attempts, in the order in which they have to be seen."""
        statement = (
            b"SELECT attempt_id FROM attempts WHERE application_id = %(application_id)s ORDER BY recorded_xid, attempt_id"
        )
        return [str(row[0]) for row in await (await self.database.execute(statement, self.key)).fetchall()]


@pytest.fixture
async def bench(settings: server_settings.Settings, dsn: str) -> AsyncIterator[Bench]:
    given = dataclasses.replace(settings, stop_grace=1.0)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(app.serving(given, dsn)) for _ in range(2)]
        masters = [
            await stack.enter_async_context(hook0_client.connect(server.grpc, token=conftest.MASTER_KEY)) for server in servers
        ]
        proxy = await stack.enter_async_context(proxies.before([server.grpc for server in servers]))
        receiver = await stack.enter_async_context(workbench.receiving())
        made = await workbench.application(masters[0], QUICK, SLOW, LAST)
        await workbench.subscribe(masters[0], made.application_id, receiver.url)
        database = await stack.enter_async_context(feed_rows.connected(dsn))
        yield Bench(masters, proxy, made, database, receiver)


@dataclasses.dataclass
class Watched:
    """What a watcher saw, and how often it was interrupted."""

    seen: list[str] = dataclasses.field(default_factory=list)
    interruptions: int = 0

    def interrupted(self, _: hook0_client.Hook0Error) -> None:
        self.interruptions += 1


@contextlib.asynccontextmanager
async def _watching(bench: Bench, cursor: str) -> AsyncIterator[tuple[Watched, "asyncio.Task[None]"]]:
    """A watcher behind the proxy; its task ends with the attempt of a LAST event."""
    watched = Watched()

    async def watch(client: hook0_client.Client) -> None:
        async with client.watch(cursor=cursor, heartbeat_interval=1, on_interruption=watched.interrupted) as attempts:
            async for attempt in attempts:
                watched.seen.append(attempt.attempt_id)
                if attempt.event_type == LAST:
                    return

    made = bench.made
    async with (
        hook0_client.connect(bench.proxy.address, token=made.secret, application_id=made.application_id) as client,
        asyncio.TaskGroup() as tasks,
    ):
        task = tasks.create_task(watch(client), name="watcher")
        try:
            yield watched, task
        finally:
            task.cancel()


async def _now(bench: Bench) -> str:
    listed = await bench.masters[0].attempts.ListAttempts(v1.ListAttemptsRequest(application_id=bench.made.application_id))
    assert listed.watch_cursor
    return listed.watch_cursor


async def _hold_a_transaction(bench: Bench, dsn: str, seconds: float) -> None:
    """Attempts at the begin and at the end of a transaction that others overtake."""
    async with feed_rows.connected(dsn, autocommit=False) as slow:
        await feed_rows.record(slow, bench.key["application_id"], 20)
        await asyncio.sleep(seconds)
        await feed_rows.record(slow, bench.key["application_id"], 20)
        await slow.commit()


async def test_a_watch_that_is_cut_every_second_sees_every_attempt_exactly_once(bench: Bench, dsn: str) -> None:
    async with _watching(bench, await _now(bench)) as (watched, watcher), asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        async with bench.proxy.dying(every=1.0):
            for at in range(EVENTS // BATCH):
                if at == EVENTS // BATCH // 3:
                    tasks.create_task(_hold_a_transaction(bench, dsn, 2.0), name="slow transaction")
                await asyncio.gather(bench.publish(at % 2, BATCH), asyncio.sleep(PACE_SECONDS))
            await bench.until(f"{_ALL} AND recorded_xid < pg_snapshot_xmin(pg_current_snapshot())", EVENTS + 40)
            recorded = time.perf_counter()
            await bench.publish(0, event_type=LAST)
            await asyncio.wait_for(watcher, 20)
        seen = time.perf_counter()
    print(
        f"{len(watched.seen)} attempts; all recorded after {recorded - began:.1f} s, the last seen {seen - recorded:.2f} s "
        f"later; {bench.proxy.cuts} cuts, {watched.interruptions} interruptions, {bench.proxy.opened} connections"
    )
    assert watched.seen == await bench.feed()
    assert len(watched.seen) == EVENTS + 40 + 1
    assert min(bench.proxy.cuts, watched.interruptions) >= 4
    assert len(bench.receiver.counts) == EVENTS + 1


async def _soon(bench: Bench) -> timedelta:
    """Long enough for an attempt to begin to be recorded, however slow this machine is just now."""
    other = dataclasses.replace(bench, made=await workbench.application(bench.masters[0], QUICK))
    await workbench.subscribe(bench.masters[0], other.made.application_id, bench.receiver.url)
    began = time.perf_counter()
    await other.publish(0)
    await other.until(_ALL, 1)
    return timedelta(seconds=0.5 + 10 * (time.perf_counter() - began))


async def _midnight(bench: Bench, after: timedelta) -> datetime:
    """Move midnight: today's partition ends `after` now, and another one begins.

    What midnight is to the feed is the border between two partitions, which is all that can be brought to any hour of a day.
    """
    now = datetime.now(UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = day + timedelta(days=1)
    border, name = now + after, sql.Identifier(f"attempts_{day:%Y%m%d}")
    if border >= end:
        return end  # the real one comes by itself
    statements = [
        sql.SQL("ALTER TABLE attempts DETACH PARTITION {name}; DROP TABLE {name}").format(name=name),
        sql.SQL("CREATE TABLE {name} PARTITION OF attempts FOR VALUES FROM ({day}) TO ({border})").format(
            name=name, day=sql.Literal(day), border=sql.Literal(border)
        ),
        sql.SQL("CREATE TABLE {name} PARTITION OF attempts FOR VALUES FROM ({border}) TO ({end})").format(
            name=sql.Identifier(f"attempts_after_{day:%Y%m%d}"),
            border=sql.Literal(border),
            end=sql.Literal(end),
        ),
    ]
    async with bench.database.transaction():
        for statement in statements:
            await bench.database.execute(statement)
    return border


# Not by waiting for the lock: that would end by the recorder's lock_timeout.
_GATED = """
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN WHILE NOT pg_try_advisory_xact_lock(7) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NEW; END $$;
CREATE TRIGGER gate BEFORE INSERT ON attempts FOR EACH ROW
  WHEN (NEW.event_type = 'user.account.delayed') EXECUTE FUNCTION gate()"""
_WAITING_SINCE = """
SELECT min(xact_start) FROM pg_stat_activity
 WHERE datname = current_database() AND backend_xid IS NOT NULL AND wait_event = 'PgSleep'"""
_AFTER = f"{_ALL} AND recorded_at >= %(border)s"


async def test_a_recording_that_is_delayed_over_midnight_is_seen(bench: Bench) -> None:
    """One server's recorder begins its transaction before midnight and is held; the other one records on after midnight."""
    before, soon = await _now(bench), await _soon(bench)
    await bench.database.execute(_GATED.encode())
    border = await _midnight(bench, soon)
    async with _watching(bench, before) as (watched, watcher):
        await bench.one("SELECT pg_advisory_lock(7)")
        await bench.publish(0, event_type=SLOW)
        await bench.until(f"SELECT ({_WAITING_SINCE}) < %(border)s", True, border=border)
        await bench.one("SELECT pg_sleep_until(%(border)s)", border=border)
        await bench.publish(1, 20)
        await bench.until(_AFTER, 20, border=border)
        bench.proxy.cut()
        await bench.until("SELECT clock_timestamp() > %(then)s", True, then=datetime.now(UTC) + timedelta(seconds=1))
        assert watched.seen == [], "what a running transaction precedes is not shown yet"
        await bench.one("SELECT pg_advisory_unlock(7)")
        await bench.until(_ALL, 21)
        await bench.publish(1, event_type=LAST)
        await asyncio.wait_for(watcher, 20)
    async with _watching(bench, before) as (again, watcher):
        await asyncio.wait_for(watcher, 20)
    assert await bench.one(_AFTER, border=border) == 21, "the delayed one is before midnight, all others are after it"
    assert watched.seen == again.seen == await bench.feed()
    assert len(watched.seen) == 22
