"""PostgreSQL read-only, full, slow, restarted: callers are told to come back, nothing acknowledged is lost, and the server
recovers by itself without flooding its log."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import outages
import processes
import psycopg
import pytest
import workbench
from psycopg import conninfo, sql

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.store import database
from tests import conftest

CALLERS, PAUSE_SECONDS = 8, 0.005
SOME = 50  # events that are acknowledged before, and again after it
REFUSED = 30  # calls that are refused meanwhile
TROUBLE_SECONDS = 1.5
RECOVERY_SECONDS = 15.0
QUIET_LINES = 100  # what a server may say of one trouble, whatever it is asked meanwhile
TYPE = "user.account.created"
TIMINGS = app.Timings(statements=database.Timing(hot_statement=1.0, request_statement=1.0, pool_wait=1.0))


@dataclass
class Told:
    """What callers were told: ids that are stored, and refusals."""

    acknowledged: set[str] = field(default_factory=set)
    refusals: list[hook0_client.Unavailable] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, enough: Callable[[], bool], seconds: float = RECOVERY_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not enough():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Bench:
    """A server whose database may be made to fail, an application, and a connection beside it."""

    client: hook0_client.Client
    made: workbench.Application
    receiver: workbench.Receiver
    dsn: str

    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator[Told]:
        """Callers that publish one event after the other; whatever is not a success must be Unavailable."""
        told = Told()
        async with asyncio.TaskGroup() as tasks:
            calling = [tasks.create_task(self._call(told), name="caller") for _ in range(CALLERS)]
            yield told
            for task in calling:
                task.cancel()

    async def _call(self, told: Told) -> None:
        while True:
            event_id = hook0_client.events.uuid7()
            event = v1.NewEvent(event_id=event_id, event_type=TYPE, payload_text="{}")
            request = v1.PublishEventRequest(application_id=self.made.application_id, event=event)
            try:
                await self.client.ingestion.PublishEvent(request)
                told.acknowledged.add(event_id)
            except hook0_client.Unavailable as refusal:
                told.refusals.append(refusal)
            told.changed.set()
            await asyncio.sleep(PAUSE_SECONDS)

    async def survive(self, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]], refused: int) -> Told:
        """Some calls, then the trouble among them, then some more; all that was acknowledged arrives."""
        async with self.calling() as told:
            await told.until(lambda: len(told.acknowledged) >= SOME)
            began = time.monotonic()
            await begin()
            await told.until(lambda: len(told.refusals) >= refused and time.monotonic() - began > TROUBLE_SECONDS)
            before = len(told.acknowledged)
            ended = time.monotonic()
            await end()
            await told.until(lambda: len(told.acknowledged) >= before + SOME)
            recovered = time.monotonic() - ended
        await self._arrived(told)
        self._judge(told, recovered)
        return told

    async def _arrived(self, told: Told) -> None:
        async with asyncio.timeout(RECOVERY_SECONDS):
            while told.acknowledged - self.receiver.counts.keys():
                self.receiver.changed.clear()
                await self.receiver.changed.wait()
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            rows = await (await connection.execute("SELECT event_id FROM events")).fetchall()
        stored = {str(row[0]) for row in rows}
        assert told.acknowledged <= stored

    def _judge(self, told: Told, recovered: float) -> None:
        repeats = self.receiver.counts.total() - len(self.receiver.counts)
        print(
            f"acknowledged {len(told.acknowledged)}, refused {len(told.refusals)}, arrived twice {repeats}, "
            f"recovered after {recovered:.1f} s"
        )
        for refusal in told.refusals:
            assert refusal.reason == "DATABASE_UNAVAILABLE"
            assert refusal.retry_after
        assert repeats == 0, "a server that lives knows what it has sent"


@contextlib.asynccontextmanager
async def prepared(server: app.Server | processes.Server, dsn: str) -> AsyncIterator[Bench]:
    """An application of this server; `dsn` leads to its database whatever happens in between."""
    async with hook0_client.connect(server.grpc, token=conftest.MASTER_KEY) as master, workbench.receiving() as receiver:
        made = await workbench.application(master, TYPE)
        await workbench.subscribe(master, made.application_id, receiver.url)
        yield Bench(master, made, receiver, dsn)


@dataclass
class Way:
    """The way of a server to its database, which may fail, and a connection beside it."""

    outage: outages.Outage
    admin: psycopg.AsyncConnection[Any]
    user: str
    dsn: str

    async def execute(self, statement: str) -> None:
        """As the administrator; {user} is the server's."""
        await self.admin.execute(sql.SQL(statement).format(user=sql.Identifier(self.user)))  # type: ignore[arg-type]

    async def disconnect(self) -> None:
        """Every session of the server is ended, whatever it is doing."""
        await self.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [self.user])


@pytest.fixture
async def way(dsn: str) -> AsyncIterator[Way]:
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True))
        user = f"u_{admin.info.dbname[-12:]}"
        await admin.execute(f"CREATE ROLE {user} LOGIN IN ROLE postgres")  # no superuser: limits hold for it
        stack.push_async_callback(admin.execute, f"DROP ROLE {user}")
        outage = await stack.enter_async_context(outages.proxied(conninfo.make_conninfo(dsn, user=user)))
        yield Way(outage, admin, user, dsn)


@pytest.fixture
async def bench(settings: server_settings.Settings, way: Way) -> AsyncIterator[Bench]:
    given = dataclasses.replace(settings, stop_grace=1.0)
    async with app.serving(given, way.outage.dsn, timings=TIMINGS) as server, prepared(server, way.dsn) as made:
        yield made


async def test_a_database_that_takes_no_writes_is_waited_for(way: Way) -> None:
    """And the log is not flooded with what every call and every stage has to say."""

    async def begin() -> None:
        await way.execute("ALTER ROLE {user} SET default_transaction_read_only = on")
        await way.disconnect()

    async def end() -> None:
        """As after a failover: only new sessions can write."""
        await way.execute("ALTER ROLE {user} RESET default_transaction_read_only")

    async with processes.serving("troubles", DATABASE_URL=way.outage.dsn) as server, prepared(server, way.dsn) as bench:
        said = len(server.log.read_text().splitlines())
        told = await bench.survive(begin, end, 2 * QUIET_LINES)
        lines = server.log.read_text().splitlines()[said:]
        print(f"{len(lines)} lines for {len(told.refusals)} refused calls")
        assert len(lines) <= QUIET_LINES
        assert server.logged("database.unavailable")


async def test_a_database_without_a_free_connection_is_waited_for(bench: Bench, way: Way) -> None:
    async def begin() -> None:
        await way.execute("ALTER ROLE {user} CONNECTION LIMIT 0")
        await way.disconnect()

    async def end() -> None:
        await way.execute("ALTER ROLE {user} CONNECTION LIMIT -1")

    await bench.survive(begin, end, REFUSED)


async def test_sessions_that_end_in_the_middle_of_transactions_lose_nothing(bench: Bench, way: Way) -> None:
    async def begin() -> None:
        for _ in range(8):
            await way.disconnect()
            await asyncio.sleep(0.1)

    async def end() -> None:
        return

    await bench.survive(begin, end, refused=1)


async def test_a_slow_database_makes_everybody_wait_and_nobody_fail(bench: Bench, way: Way) -> None:
    async def begin() -> None:
        way.outage.delay = 0.2

    async def end() -> None:
        way.outage.delay = 0.0

    told = await bench.survive(begin, end, refused=0)
    assert told.refusals == []


@pytest.fixture
async def embedded() -> AsyncIterator[processes.Server]:
    """A server with a PostgreSQL of its own."""
    async with processes.serving("embedded") as server:
        yield server


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL], ids=lambda number: number.name)
async def test_a_postgresql_that_is_started_again_is_waited_for(embedded: processes.Server, number: signal.Signals) -> None:
    async def begin() -> None:
        """It stops fast, at once, or is killed; the server starts it again."""
        os.kill(int((embedded.cluster / "postmaster.pid").read_text().split()[0]), number)

    async def end() -> None:
        return

    async with prepared(embedded, embedded.embedded_dsn()) as bench:
        await bench.survive(begin, end, refused=1)
    assert embedded.logged("embedded_postgresql_started_again")


@pytest.mark.soak
async def test_a_postgresql_whose_connections_others_have_taken_is_waited_for(embedded: processes.Server) -> None:
    dsn, of_server = embedded.embedded_dsn(), "FROM pg_stat_activity WHERE application_name LIKE 'hook0%'"
    async with prepared(embedded, dsn) as bench, contextlib.AsyncExitStack() as others:
        admin = await others.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True))

        async def take_all() -> None:
            """Whatever is free, again and again, until the server has none left."""
            async with asyncio.timeout(RECOVERY_SECONDS):
                while (await admin.execute(f"SELECT pg_terminate_backend(pid) {of_server}")).rowcount:
                    with contextlib.suppress(psycopg.OperationalError):
                        while True:
                            await others.enter_async_context(await psycopg.AsyncConnection.connect(dsn))

        await bench.survive(take_all, others.aclose, REFUSED)
