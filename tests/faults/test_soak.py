"""Minutes at half of the top rate while a tenth of all first tries fails: memory and tables stay small, and nothing is lost."""

import asyncio
import contextlib
import itertools
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import processes
import psycopg
import pytest
import workbench
from google.protobuf import duration_pb2

import hook0_client
from hook0_client import v1

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
TOP_SECONDS, TOP_OPEN = 10.0, 1_000  # how long, and by how many callers at once, the top rate is looked for
TICK_SECONDS = 0.05
SHOWN_EVERY_SECONDS = 30.0
REST_SECONDS = 60.0
MOST_GROWTH_MIB = 64  # of the server's memory, after the top rate
MOST_QUEUE_MIB = 128  # of the table of open deliveries
TYPE = "user.account.created"
SIZES = """
SELECT pg_total_relation_size('deliveries') / 1024 / 1024,
       (SELECT sum(pg_total_relation_size(inhrelid)) / 1024 / 1024 FROM pg_inherits WHERE inhparent = 'events'::regclass),
       (SELECT sum(pg_total_relation_size(inhrelid)) / 1024 / 1024 FROM pg_inherits WHERE inhparent = 'attempts'::regclass),
       (SELECT count(*) FROM deliveries)"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """MiB, and open deliveries."""

    server: int
    deliveries: int
    events: int
    attempts: int
    open: int


@dataclass
class Soak:
    server: processes.Server
    receiver: processes.Receiver
    publisher: hook0_client.Publisher
    database: psycopg.AsyncConnection[tuple[int, ...]]
    acknowledged: set[str] = field(default_factory=set)
    late: deque[float] = field(default_factory=lambda: deque(maxlen=10_000))  # seconds until acknowledged

    async def publish(self) -> None:
        began = time.monotonic()
        self.acknowledged.add((await self.publisher.publish(TYPE, {"at": began})).event_id)
        self.late.append(time.monotonic() - began)

    async def top_rate(self) -> float:
        """Deliveries a second when callers publish as fast as they are answered."""
        until = time.monotonic() + TOP_SECONDS

        async def caller() -> None:
            while time.monotonic() < until:
                await self.publish()

        before, began = len(self.receiver.counts), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TOP_OPEN):
                tasks.create_task(caller(), name="caller")
        await self.arrived()
        return (len(self.receiver.counts) - before) / (time.monotonic() - began)

    async def steadily(self, rate: float, seconds: float) -> None:
        """So many a second, and a line about it now and then."""
        began, shown = time.monotonic(), itertools.count(1)
        next_shown, published = SHOWN_EVERY_SECONDS, 0
        async with asyncio.TaskGroup() as tasks:
            while (at := time.monotonic() - began) < seconds:
                for _ in range(int(rate * at) - published):
                    tasks.create_task(self.publish(), name="publish")
                    published += 1
                if at >= next_shown:
                    next_shown = SHOWN_EVERY_SECONDS * (next(shown) + 1)
                    print(f"{at:6.0f} s  {await self.sizes()}  p99 until acknowledged {self.p99() * 1000:.0f} ms", flush=True)
                await asyncio.sleep(TICK_SECONDS)

    def p99(self) -> float:
        return sorted(self.late)[int(len(self.late) * 0.99)]

    async def arrived(self) -> None:
        """Everything that was acknowledged has been delivered, and nothing is open any more."""
        async with asyncio.timeout(REST_SECONDS):
            while self.acknowledged - self.receiver.counts.keys() or (await self.sizes()).open:  # noqa: ASYNC110  PostgreSQL does not tell
                await asyncio.sleep(0.2)

    async def sizes(self) -> Sizes:
        row = await (await self.database.execute(SIZES)).fetchone()
        assert row is not None
        return Sizes(self.server.resident_mib, *map(int, row))


def _fails_first(event_id: str, seen: set[str]) -> bool:
    """A tenth of all events, at their first try."""
    if int(event_id[-4:], 16) % 10 or event_id in seen:
        return False
    seen.add(event_id)
    return True


@contextlib.asynccontextmanager
async def soaking(failed: set[str]) -> AsyncIterator[Soak]:
    """A server with an embedded PostgreSQL of its own, as durable as any."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(processes.serving("soak"))
        receiver = await stack.enter_async_context(processes.receiving(0.0))
        receiver.fails = lambda event_id: _fails_first(event_id, failed)
        master = await stack.enter_async_context(hook0_client.connect(server.grpc, token=processes.MASTER_KEY))
        made = await workbench.application(master, TYPE)
        await workbench.subscribe(
            master,
            made.application_id,
            receiver.url,
            delivery_options=v1.DeliveryOptions(max_concurrency=100),
            retry_policy=v1.RetryPolicy(delays=[duration_pb2.Duration(seconds=1)], max_retries=5),
        )
        connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)
        publisher = await stack.enter_async_context((await stack.enter_async_context(connected)).publisher())
        database = await psycopg.AsyncConnection.connect(server.embedded_dsn(), autocommit=True)
        yield Soak(server, receiver, publisher, await stack.enter_async_context(database))


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 300)
async def test_nothing_grows_and_nothing_is_lost_at_half_of_the_top_rate() -> None:
    failed: set[str] = set()
    async with soaking(failed) as soak:
        top = await soak.top_rate()
        start = await soak.sizes()
        print(f"\ntop rate {top:.0f}/s; {MINUTES:g} min at {top / 2:.0f}/s; at the start {start}", flush=True)
        await soak.steadily(top / 2, MINUTES * 60)
        await soak.arrived()
        end = await soak.sizes()
        counts = soak.receiver.counts
        lost = len(soak.acknowledged - counts.keys())
        print(
            f"at the end {end}\nacknowledged {len(soak.acknowledged)}, failed once and retried {len(failed)}, lost {lost}, "
            f"sent more often than that {counts.total() - len(counts) - len(failed)}"
        )
        assert lost == 0
        assert all(counts[event_id] == 1 + (event_id in failed) for event_id in counts)
        assert end.server <= start.server + MOST_GROWTH_MIB
        assert end.deliveries <= MOST_QUEUE_MIB
