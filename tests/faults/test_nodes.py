"""Two servers on one database: one is killed, one is frozen and woken, and both lose the database for a while."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import processes
import psycopg
import pytest
import workbench

import hook0_client

FROZEN_SECONDS = 20.0
OUTAGE_SECONDS = 30.0
CONCURRENCY = 16


@contextlib.asynccontextmanager
async def two_servers(dsn: str) -> AsyncIterator[tuple[processes.Server, processes.Server]]:
    async with contextlib.AsyncExitStack() as running:
        first = await running.enter_async_context(processes.serving("first", DATABASE_URL=dsn))
        second = await running.enter_async_context(processes.serving("second", DATABASE_URL=dsn))
        yield first, second


async def prepare(server: processes.Server, url: str) -> workbench.Application:
    async with hook0_client.connect(server.grpc, token=processes.MASTER_KEY) as master:
        made = await workbench.application(master)
        options = hook0_client.v1.DeliveryOptions(max_concurrency=CONCURRENCY)
        await workbench.subscribe(master, made.application_id, url, delivery_options=options)
    return made


async def publish(server: processes.Server, made: workbench.Application, events: int, pause: float = 0.0) -> set[str]:
    """The ids of so many acknowledged events, one every `pause` seconds."""
    ids: set[str] = set()

    async def one(publisher: hook0_client.Publisher, number: int) -> None:
        ids.add((await publisher.publish("user.account.created", {"number": number})).event_id)

    connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)
    async with connected as client, client.publisher() as publisher, asyncio.TaskGroup() as tasks:
        for number in range(events):
            tasks.create_task(one(publisher, number), name=f"publish {number}")
            await asyncio.sleep(pause)
    return ids


async def rows(dsn: str, query: str) -> list[tuple[int, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def finished(dsn: str, events: int) -> int:
    """Wait until nothing is open; every attempt id is in one row and every delivery ended once. The highest takeover_count."""
    async with asyncio.timeout(30):
        while await rows(dsn, "SELECT FROM deliveries LIMIT 1"):
            await asyncio.sleep(0.05)  # noqa: ASYNC110  another process
    [(attempts, distinct, ended, takeovers)] = await rows(
        dsn,
        "SELECT count(*), count(DISTINCT attempt_id), count(DISTINCT delivery_id) FILTER (WHERE final AND outcome = 1),"
        " max(takeover_count) FROM attempts",
    )
    assert (attempts, distinct, ended) == (events, events, events)
    return takeovers


async def taken_over(dsn: str, seconds: float) -> int:
    """Wait until somebody living holds what a dead server had held; how many deliveries that is."""
    async with asyncio.timeout(seconds):
        while not (held := await rows(dsn, "SELECT FROM deliveries WHERE takeover_count > 0 AND owner > 0")):
            await asyncio.sleep(0.05)  # noqa: ASYNC110  another process
    return len(held)


async def test_two_servers_finish_what_a_killed_and_a_frozen_one_held(dsn: str) -> None:
    each = 2_500
    async with processes.receiving(delay=0.2) as receiver, two_servers(dsn) as (killed, frozen):
        made = await prepare(killed, receiver.url)
        published = await publish(killed, made, each) | await publish(frozen, made, each)
        began, open_at_freeze = time.monotonic(), receiver.open
        frozen.signal(processes.signal.SIGSTOP)
        left = await taken_over(dsn, FROZEN_SECONDS)
        taken_after, open_at_kill = time.monotonic() - began, receiver.open
        await killed.kill()
        await asyncio.sleep(FROZEN_SECONDS - (time.monotonic() - began))  # it is frozen for as long as the claim says
        receiver.delay = 0.005
        frozen.signal(processes.signal.SIGCONT)
        await receiver.until(each * 2, 30)
        takeovers = await finished(dsn, each * 2)
        assert set(receiver.counts) == published
        assert killed.logged("node.buried")
        assert frozen.logged("node.reborn")
        assert len(frozen.logged("node.took_over")) == 1
        assert takeovers == 2
        print(
            f"{left} taken over after {taken_after:.1f} s; arrived twice {receiver.repeats};"
            f" open: {open_at_freeze} at the freeze, {open_at_kill} at the kill; done after {time.monotonic() - began:.1f} s"
        )
        assert receiver.repeats <= 2 * CONCURRENCY + 2 * processes.RECORD_BATCH


async def test_nobody_is_taken_over_while_the_database_is_away(dsn: str) -> None:
    events = 3_000
    async with processes.receiving(delay=0.05) as receiver, processes.proxied(dsn) as outage:
        async with two_servers(outage.dsn) as servers:
            made = await prepare(servers[0], receiver.url)
            async with asyncio.TaskGroup() as tasks:
                publishing = [
                    tasks.create_task(publish(server, made, events // 2, 0.001), name="publish") for server in servers
                ]
                await receiver.until(events // 10, 20)
                began, arrived = time.monotonic(), len(receiver.counts)
                await outage.away(OUTAGE_SECONDS)
            await receiver.until(events, 30)
            assert set(receiver.counts) == publishing[0].result() | publishing[1].result()
            takeovers = await finished(dsn, events)
            print(
                f"{arrived} had arrived when it went; all done {time.monotonic() - began - OUTAGE_SECONDS:.1f} s after it came back"
            )
            assert takeovers == 0
            assert [server.logged("node.buried", "node.took_over") for server in servers] == [[], []]
            assert receiver.repeats == 0
