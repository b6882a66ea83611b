"""Two servers on one database: one is killed, one is frozen and woken, and both lose the database for a while."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import outages
import processes
import psycopg
import pytest
import workbench

import hook0_client
from hook0_server import app, settings
from hook0_server.delivery import nodes
from hook0_server.model import errors
from hook0_server.store import database


@dataclass(frozen=True, slots=True)
class Pace:
    """In the suite servers notice a death within 4 s, so that nobody waits for longer; the soak takes the real ones."""

    program: tuple[str, ...]
    frozen_seconds: float
    outage_seconds: float
    afterwards_seconds: float  # one that stood still would be declared dead by then


PACES = [
    pytest.param(Pace(processes.QUICK, 4.5, 4.5, 4.0), id="quick"),
    pytest.param(Pace(processes.SERVE, 20.0, 30.0, 9.0), id="real", marks=pytest.mark.soak),
]
CONCURRENCY = 16
HELD_AGAIN = "SELECT FROM deliveries WHERE takeover_count > 0 AND owner > 0"


@contextlib.asynccontextmanager
async def serving(dsn: str, count: int, pace: Pace) -> AsyncIterator[list[processes.Server]]:
    """So many servers on one database."""
    async with contextlib.AsyncExitStack() as running:
        async with asyncio.TaskGroup() as tasks:
            starting = [
                tasks.create_task(running.enter_async_context(processes.serving(f"node{at}", pace.program, DATABASE_URL=dsn)))
                for at in range(count)
            ]
        yield [each.result() for each in starting]


async def prepare(server: processes.Server | app.Server, url: str) -> workbench.Application:
    async with hook0_client.connect(server.grpc, token=processes.MASTER_KEY) as master:
        made = await workbench.application(master)
        options = hook0_client.v1.DeliveryOptions(max_concurrency=CONCURRENCY)
        await workbench.subscribe(master, made.application_id, url, delivery_options=options)
    return made


async def publish(
    server: processes.Server | app.Server, made: workbench.Application, events: int, pause: float = 0.0
) -> set[str]:
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
        while await rows(dsn, "SELECT FROM deliveries LIMIT 1"):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
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
        while not (held := await rows(dsn, HELD_AGAIN)):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
    return len(held)


@pytest.mark.parametrize("pace", PACES)
async def test_two_servers_finish_what_a_killed_and_a_frozen_one_held(dsn: str, pace: Pace) -> None:
    each = 2_500
    async with processes.receiving(delay=0.2) as receiver, serving(dsn, 2, pace) as (killed, frozen):
        made = await prepare(killed, receiver.url)
        published = await publish(killed, made, each) | await publish(frozen, made, each)
        began, open_at_freeze = time.monotonic(), receiver.open
        frozen.freeze()
        left = await taken_over(dsn, pace.frozen_seconds + 10)
        taken_after, open_at_kill = time.monotonic() - began, receiver.open
        await killed.kill()
        await asyncio.sleep(pace.frozen_seconds - (time.monotonic() - began))  # it is frozen for as long as the claim says
        receiver.delay = 0.005
        frozen.wake()
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


@pytest.mark.parametrize("pace", PACES)
async def test_nobody_is_taken_over_while_the_database_is_away(dsn: str, pace: Pace) -> None:
    each = 1_250
    async with contextlib.AsyncExitStack() as opened:
        receiver = await opened.enter_async_context(processes.receiving(delay=0.05))
        outage = await opened.enter_async_context(outages.proxied(dsn))
        servers = await opened.enter_async_context(serving(outage.dsn, 2, pace))
        made = await prepare(servers[0], receiver.url)
        async with asyncio.TaskGroup() as tasks:
            publishing = [tasks.create_task(publish(server, made, each, 0.001), name="publish") for server in servers]
            await receiver.until(each // 4, 20)
            began, arrived_before = time.monotonic(), len(receiver.counts)
            await outage.away(pace.outage_seconds)
            arrived_away = len(receiver.counts)
        await receiver.until(each * 2, 30)
        assert set(receiver.counts) == publishing[0].result() | publishing[1].result()
        assert await finished(dsn, each * 2) == 0  # takeovers
        done = time.monotonic() - began - pace.outage_seconds
        print(f"arrived: {arrived_before} before it went, {arrived_away - arrived_before} meanwhile; done {done:.1f} s later")
        await asyncio.sleep(pace.afterwards_seconds - done)
        assert [server.logged("node.buried", "node.took_over") for server in servers] == [[], []]
        assert receiver.repeats == 0


@pytest.mark.parametrize("pace", PACES[1:])
async def test_the_last_of_three_servers_finishes_what_two_held_that_were_killed_in_turn(dsn: str, pace: Pace) -> None:
    each = 2_500
    async with processes.receiving(delay=0.2) as receiver, serving(dsn, 3, pace) as servers:
        made = await prepare(servers[0], receiver.url)
        published: set[str] = set()
        for server in servers:
            published |= await publish(server, made, each)
        open_then, taken = 0, []
        for server in servers[:2]:
            open_then += receiver.open
            await server.kill()
            taken.append(await taken_over(dsn, 30))
        receiver.delay = 0.005
        await receiver.until(each * 3, 60)
        takeovers = await finished(dsn, each * 3)
        last = servers[2]
        assert set(receiver.counts) == published
        assert len(last.logged("node.buried")) + len(servers[1].logged("node.buried")) == 2
        print(f"held again after each kill: {taken}; taken over {takeovers} times at most; arrived twice {receiver.repeats}")
        assert receiver.repeats <= open_then + 2 * processes.RECORD_BATCH


async def slow_beats(dsn: str, seconds: float, times: int) -> None:
    """Let so many beats wait so long each, one after the other."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for _ in range(times):
            async with connection.transaction():
                await connection.execute("LOCK TABLE nodes IN EXCLUSIVE MODE")
                while not await rows(dsn, "SELECT FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  another connection
                    await asyncio.sleep(0.01)
                await asyncio.sleep(seconds)


async def test_a_server_whose_beats_were_late_goes_on_sending(settings: settings.Settings, dsn: str) -> None:
    events = 800
    timings = app.Timings(node=nodes.Timing(beat=0.1, silent=2.0, dead=4.0))
    serving = app.serving(settings, dsn, timings=timings)
    async with processes.receiving(delay=0.1) as receiver, serving as server:
        assert server.stage is not None
        made, node = await prepare(server, receiver.url), server.stage.node.number
        await publish(server, made, events)
        # The second is answered 2.7 s after the first was sent, though each was sent 1.4 s after the one before it.
        await slow_beats(dsn, 1.3, 2)
        assert len(receiver.counts) < events, "it had sent everything before: it proves nothing"
        await receiver.until(events, 15)
        assert server.stage.node.number == node, "it was born again: it proves nothing about late beats"


async def test_requests_find_the_database_as_soon_as_it_is_back(dsn: str) -> None:
    back = asyncio.Event()

    async def ask(db: database.Database) -> float:
        """Ask all the time; how long after its return it answers."""
        while True:
            with contextlib.suppress(errors.Unavailable):
                await db.fetch(b"SELECT 1")
                if back.is_set():
                    return time.monotonic()
            await asyncio.sleep(0.05)

    async with outages.proxied(dsn) as outage, database.Database(outage.dsn) as db, asyncio.TaskGroup() as tasks:
        await db.fetch(b"SELECT 1")
        asking = [tasks.create_task(ask(db), name="ask") for _ in range(3)]
        await outage.away(3.8)  # pauses of 1, 2 and 4 s would end 3.2 s later
        returned = time.monotonic()
        back.set()
        answered = max(await asyncio.gather(*asking)) - returned
    print(f"answered {answered:.1f} s after it was back")
    assert answered < 1.8
