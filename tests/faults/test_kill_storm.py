"""kill -9 again and again under load, at random and between commit and answer: what was acknowledged arrives."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import processes
import proxies
import psycopg
import pytest
import workbench

import hook0_client
from hook0_server.store import publish

PUBLISH = "INSERT INTO events ("
CONCURRENCY = 100  # requests to the receiver that each server may have open
PUBLISHING = 40  # tasks at each server
PAUSE_SECONDS = 0.05  # of each of them between two events
RECEIVER_SECONDS = 0.02
ARRIVAL_SECONDS = 60.0
TYPE = "user.account.created"


@dataclass
class Storm:
    """Servers on one database, each behind a proxy that can tell a commit from its answer, and what came of the kills."""

    servers: list[processes.Server]
    ways: list[proxies.CommitProxy]
    receiver: processes.Receiver
    is_supervised: bool = False
    acknowledged: set[str] = field(default_factory=set)
    most_repeats: int = 0
    unanswered: int = 0

    async def publish(self, made: workbench.Application, server: processes.Server) -> None:
        """Events through one server until cancelled; what is not acknowledged is sent again when it is back."""
        connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)

        async def one_after_the_other(publisher: hook0_client.Publisher) -> None:
            while True:
                self.acknowledged.add((await publisher.publish(TYPE, {"at": time.time()})).event_id)
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))

        async with connected as client, client.publisher() as publisher, asyncio.TaskGroup() as tasks:
            for _ in range(PUBLISHING):
                tasks.create_task(one_after_the_other(publisher), name="publishing")

    async def kill(self, number: int, *, between_commit_and_answer: bool) -> None:
        """Kill it and start it again. What was open, and one batch of outcomes that were not recorded, may come twice."""
        server, fallen = self.servers[number], asyncio.Event()

        def blow() -> None:
            struck = self._strike(server, everything=between_commit_and_answer)
            self.most_repeats += self.receiver.open + processes.RECORD_BATCH * struck
            fallen.set()

        if between_commit_and_answer:
            self.ways[number].cuts.clear()  # the one before is used up
            self.ways[number].cut(PUBLISH, rows=2, blow=blow)
            await asyncio.wait_for(fallen.wait(), 30)
            self.unanswered += 1
        else:
            blow()
        if not self.is_supervised:
            await server.kill()
            await server.start()

    def _strike(self, server: processes.Server, *, everything: bool) -> int:
        """The server, or of one with a supervisor one of its processes, or all; how many that was."""
        if not self.is_supervised:
            server.strike()
            return 1
        children = server.children
        struck = children if everything else random.sample(children, min(1, len(children)))
        for pid in struck:
            os.kill(pid, signal.SIGKILL)
        return len(struck)

    async def arrived(self, dsn: str) -> None:
        """Every acknowledged event has arrived, and no delivery is open or ended twice."""
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while self.acknowledged - self.receiver.counts.keys():
                self.receiver.changed.clear()
                await self.receiver.changed.wait()
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection, asyncio.timeout(ARRIVAL_SECONDS):
            while await (await connection.execute("SELECT FROM deliveries LIMIT 1")).fetchone():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            statement = "SELECT count(*) - count(DISTINCT delivery_id), count(*) FILTER (WHERE outcome <> 1) FROM attempts"
            assert await (await connection.execute(statement)).fetchone() == (0, 0)


@contextlib.asynccontextmanager
async def storming(dsn: str, servers: int, program: tuple[str, ...], **settings: str) -> AsyncIterator[Storm]:
    async with contextlib.AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(processes.receiving(RECEIVER_SECONDS))
        ways = [await stack.enter_async_context(proxies.before_postgres(dsn)) for _ in range(servers)]
        async with asyncio.TaskGroup() as tasks:
            starting = [
                tasks.create_task(
                    stack.enter_async_context(processes.serving(f"storm{at}", program, DATABASE_URL=way.dsn, **settings))
                )
                for at, way in enumerate(ways)
            ]
        yield Storm([each.result() for each in starting], ways, receiver)


async def weather(storm: Storm, dsn: str, kills: int, between: int, calm_seconds: float) -> None:
    """So many kills under load, `between` of them between commit and answer."""
    async with hook0_client.connect(storm.servers[0].grpc, token=processes.MASTER_KEY) as master:
        made = await workbench.application(master, TYPE)
        options = hook0_client.v1.DeliveryOptions(max_concurrency=CONCURRENCY * len(storm.servers))
        await workbench.subscribe(master, made.application_id, storm.receiver.url, delivery_options=options)
    kinds = [True] * between + [False] * (kills - between)
    random.shuffle(kinds)
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        publishing = [tasks.create_task(storm.publish(made, server), name="publisher") for server in storm.servers]
        await storm.receiver.until(10, 20)
        for kind in kinds:
            await asyncio.sleep(random.uniform(0.3, 1.0) * calm_seconds)
            await storm.kill(random.randrange(len(storm.servers)), between_commit_and_answer=kind)
        for task in publishing:
            task.cancel()
    loaded = time.monotonic() - began
    await storm.arrived(dsn)
    lost = len(storm.acknowledged - storm.receiver.counts.keys())
    print(
        f"{kills} kills in {loaded:.0f} s, {storm.unanswered} of them between commit and answer: "
        f"acknowledged {len(storm.acknowledged)}, arrived {len(storm.receiver.counts)}, "
        f"duplicated {storm.receiver.repeats} (at most {storm.most_repeats}), lost {lost}"
    )
    assert lost == 0
    assert storm.unanswered == between
    assert len(storm.acknowledged) > 100 * kills, "there was no load: it proves nothing"
    assert storm.receiver.repeats <= storm.most_repeats


async def test_two_kills_one_between_commit_and_answer_lose_nothing(dsn: str) -> None:
    async with storming(dsn, 2, processes.QUICK) as storm:
        await weather(storm, dsn, kills=2, between=1, calm_seconds=0.5)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_twenty_kills_of_two_servers_lose_nothing(dsn: str) -> None:
    async with storming(dsn, 2, processes.SERVE) as storm:
        await weather(storm, dsn, kills=20, between=5, calm_seconds=2.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_twenty_kills_of_the_processes_of_one_server_lose_nothing(dsn: str) -> None:
    async with storming(dsn, 1, processes.SERVE, HOOK0_PROCESSES="2") as storm:
        storm.is_supervised = True
        await weather(storm, dsn, kills=20, between=5, calm_seconds=8.0)


def test_the_text_by_which_a_publish_is_known_is_in_it() -> None:
    assert PUBLISH.encode() in publish.SQL.publish
