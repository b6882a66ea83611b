"""PostgreSQL read-only, full, slow, restarted: callers are told to come back, nothing acknowledged is lost, and the server
recovers by itself without flooding its log."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import processes
import psycopg
import pytest
import workbench
from psycopg import conninfo, sql

import hook0_client
from hook0_client import v1
from hook0_server import app
from hook0_server import settings as server_settings
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
    outage: processes.Outage
    admin: psycopg.AsyncConnection[Any]
    user: str

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

    async def execute(self, statement: str) -> None:
        """As the administrator; {database} and {user} are the server's."""
        names = {"database": sql.Identifier(self.admin.info.dbname), "user": sql.Identifier(self.user)}
        await self.admin.execute(sql.SQL(statement).format(**names))  # type: ignore[arg-type]

    async def disconnect(self) -> None:
        """Every session of the server is ended, whatever it is doing."""
        await self.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [self.user])

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
        stored = {str(row[0]) for row in await (await self.admin.execute("SELECT event_id FROM events")).fetchall()}
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


@dataclass
class Before:
    """What is there before a server: the way to its database, which may fail, and a connection beside it."""

    outage: processes.Outage
    admin: psycopg.AsyncConnection[Any]
    user: str

    @contextlib.asynccontextmanager
    async def bench(self, server: app.Server | processes.Server) -> AsyncIterator[Bench]:
        connected = hook0_client.connect(server.grpc, token=conftest.MASTER_KEY)
        async with connected as master, workbench.receiving() as receiver:
            made = await workbench.application(master, TYPE)
            await workbench.subscribe(master, made.application_id, receiver.url)
            yield Bench(master, made, receiver, self.outage, self.admin, self.user)


@pytest.fixture
async def before(dsn: str) -> AsyncIterator[Before]:
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True))
        user = f"u_{admin.info.dbname[-12:]}"
        await admin.execute(f"CREATE ROLE {user} LOGIN IN ROLE postgres")  # no superuser: limits hold for it
        stack.push_async_callback(admin.execute, f"DROP ROLE {user}")
        outage = await stack.enter_async_context(processes.proxied(conninfo.make_conninfo(dsn, user=user)))
        yield Before(outage, admin, user)


@pytest.fixture
async def bench(settings: server_settings.Settings, before: Before) -> AsyncIterator[Bench]:
    given = dataclasses.replace(settings, stop_grace=1.0)
    async with app.serving(given, before.outage.dsn, timings=TIMINGS) as server, before.bench(server) as made:
        yield made


async def test_a_database_that_takes_no_writes_is_waited_for(before: Before) -> None:
    """And the log is not flooded with what every call and every stage has to say."""

    async def begin() -> None:
        await bench.execute("ALTER ROLE {user} SET default_transaction_read_only = on")
        await bench.disconnect()

    async def end() -> None:
        """As after a failover: only new sessions can write."""
        await bench.execute("ALTER ROLE {user} RESET default_transaction_read_only")

    async with processes.serving("troubles", DATABASE_URL=before.outage.dsn) as server, before.bench(server) as bench:
        said = len(server.log.read_text().splitlines())
        told = await bench.survive(begin, end, 2 * QUIET_LINES)
        lines = server.log.read_text().splitlines()[said:]
        print(f"{len(lines)} lines for {len(told.refusals)} refused calls")
        assert len(lines) <= QUIET_LINES
        assert server.logged("database.unavailable")


async def test_a_database_without_a_free_connection_is_waited_for(bench: Bench) -> None:
    async def begin() -> None:
        await bench.execute("ALTER ROLE {user} CONNECTION LIMIT 0")
        await bench.disconnect()

    async def end() -> None:
        await bench.execute("ALTER ROLE {user} CONNECTION LIMIT -1")

    await bench.survive(begin, end, REFUSED)


async def test_sessions_that_end_in_the_middle_of_transactions_lose_nothing(bench: Bench) -> None:
    async def begin() -> None:
        for _ in range(8):
            await bench.disconnect()
            await asyncio.sleep(0.1)

    async def end() -> None:
        return

    await bench.survive(begin, end, refused=1)


async def test_a_slow_database_makes_everybody_wait_and_nobody_fail(bench: Bench) -> None:
    async def begin() -> None:
        bench.outage.delay = 0.2

    async def end() -> None:
        bench.outage.delay = 0.0

    told = await bench.survive(begin, end, refused=0)
    assert told.refusals == []
