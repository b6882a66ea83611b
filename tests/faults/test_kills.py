"""kill -9 in the middle of 5,000 events: what was acknowledged arrives, and little of it twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import processes
import psycopg
import pytest
import workbench

import hook0_client
from hook0_server import app

EVENTS = 5_000
CONCURRENCY = 100  # requests that may be open at once
FIRST = 1_000  # arrived when the blow falls


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of it."""

    acknowledged_before: int  # when the blow fell
    open_then: int  # requests that were open then
    repeats: int
    seconds: float  # from the blow to the last event


@pytest.fixture
async def killable() -> AsyncIterator[processes.Server]:
    """A server process with an embedded PostgreSQL of its own."""
    async with processes.serving("kill") as running:
        yield running


async def publish_all(client: hook0_client.Client, acknowledged: set[str]) -> None:
    """Publish them through one publisher, which sends again what was not acknowledged; raises what was refused."""
    async with client.publisher() as publisher, asyncio.TaskGroup() as tasks:

        async def one(number: int) -> None:
            published = await publisher.publish("user.account.created", {"number": number})
            acknowledged.add(published.event_id)

        for number in range(EVENTS):
            tasks.create_task(one(number), name=f"publish {number}")


async def subscribed(server: processes.Server | app.Server, url: str) -> workbench.Application:
    async with hook0_client.connect(server.grpc, token=processes.MASTER_KEY) as master:
        made = await workbench.application(master)
        options = hook0_client.v1.DeliveryOptions(max_concurrency=CONCURRENCY)
        await workbench.subscribe(master, made.application_id, url, delivery_options=options)
    return made


async def strike(server: processes.Server, blow: Callable[[], Awaitable[None]]) -> Counted:
    """Publish 5,000 events, let the blow fall among them, and wait until all of them have arrived and are recorded."""
    acknowledged: set[str] = set()
    async with processes.receiving(delay=0.02) as receiver:
        made = await subscribed(server, receiver.url)
        connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)
        async with connected as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(publish_all(client, acknowledged), name="publishing")
            await receiver.until(FIRST, 30)
            acknowledged_before, open_then, began = len(acknowledged), receiver.open, time.monotonic()
            await blow()
        await receiver.until(EVENTS, 40)
        seconds = time.monotonic() - began
        assert set(receiver.counts) == acknowledged
        await all_recorded(server.embedded_dsn())
        counted = Counted(acknowledged_before, open_then, receiver.repeats, round(seconds, 1))
    print(counted)
    return counted


async def all_recorded(dsn: str) -> None:
    """Nothing is open any more; every attempt id is in one row, every delivery ended once."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection, asyncio.timeout(20):
        while await value(connection, "SELECT count(*) FROM deliveries"):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
        assert await value(connection, "SELECT count(*) FROM attempts") == EVENTS
        assert await value(connection, "SELECT count(DISTINCT attempt_id) FROM attempts WHERE final AND outcome = 1") == EVENTS


async def value(connection: psycopg.AsyncConnection, query: str) -> int:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])


async def test_all_that_was_acknowledged_arrives_after_the_server_was_killed(killable: processes.Server) -> None:
    async def kill_and_start_again() -> None:
        await killable.kill()
        await killable.start()

    counted = await strike(killable, kill_and_start_again)
    assert counted.acknowledged_before > FIRST, "the blow fell too early to prove anything"
    assert counted.repeats <= CONCURRENCY + processes.RECORD_BATCH


async def test_all_that_was_acknowledged_arrives_after_postgresql_was_killed(killable: processes.Server) -> None:
    async def kill_postgresql() -> None:
        assert killable.kill_embedded() > 5

    counted = await strike(killable, kill_postgresql)
    assert killable.logged("embedded_postgresql_started_again")
    assert not killable.logged("node.took_over", "node.buried")
    assert counted.repeats == 0, "a server that lives knows what it has sent"


async def test_little_is_sent_that_cannot_be_recorded(server: app.Server, dsn: str) -> None:
    """What is sent and not recorded is what would arrive twice after a kill."""
    most = CONCURRENCY + processes.RECORD_BATCH
    async with processes.receiving(delay=0.005) as receiver:
        made = await subscribed(server, receiver.url)
        connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)
        async with connected as client, await psycopg.AsyncConnection.connect(dsn) as connection:
            async with connection.transaction():
                await connection.execute("LOCK TABLE attempts IN SHARE MODE")
                await publish_all(client, set())
                await receiver.until(processes.RECORD_BATCH, 10)
                await asyncio.sleep(0.5)  # more would come now
                assert len(receiver.counts) <= most
            await receiver.until(EVENTS, 20)
        await all_recorded(dsn)
        assert receiver.repeats == 0
