"""What workloads stand on: PostgreSQL, the server, the receiver, tenants and load, each for as long as its block lasts.

    async with rig.database() as dsn, rig.receiver() as receiver, rig.product(await rig.fresh(dsn, "one")) as product:
        async with rig.tenant(product, "acme") as tenant:
            await tenant.subscribe(receiver.url("/ok"))
            sent = await rig.load(tenant, "paced", rate=500, seconds=5)
            await receiver.until(sent.sent, seconds=10)
            print(sent.acknowledged.p99, (await receiver.stats()).at("/ok").latency.p99, product.cpu())

Times are CLOCK_MONOTONIC in seconds, which the processes of one machine share; latencies are in milliseconds.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from google.protobuf import duration_pb2
from psycopg import conninfo

import hook0_client
from benchmarks import arrivals, figures, load as loading, processes
from hook0_client import v1
from hook0_server.store import embedded

EVENT_TYPE = "a.b.c"
LABELS = {"tenant": "acme"}
CONNECTIONS = 64  # to the receiver, as the yardstick has
_LOAD_START_SECONDS = 30.0


class Missing(Exception):
    """This server cannot do what a variant asks for; the variant is left out, and the sentence says why."""


@contextlib.asynccontextmanager
async def database() -> AsyncIterator[str]:
    """The address of an embedded PostgreSQL of its own, with fsync on, in a temporary directory."""
    with _folder("postgres") as folder:
        async with embedded.run(folder) as server:
            yield server.dsn


async def fresh(dsn: str, name: str) -> str:
    """The address of a new, empty database `name` on that server."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(f'CREATE DATABASE "{name}"')
    return conninfo.make_conninfo(dsn, dbname=name)


def cpu_of_postgres(dsn: str) -> float:
    """Seconds of CPU that all processes of that PostgreSQL have used, also those that have ended."""
    return processes.cpu(_postmaster(dsn))


def memory_of_postgres(dsn: str) -> int:
    """Resident bytes of all its processes; shared buffers are counted once for each process that touched them."""
    return processes.memory(_postmaster(dsn))


def _postmaster(dsn: str) -> int:
    """Its process id is the first line of the lock file beside the socket."""
    told = conninfo.conninfo_to_dict(dsn)
    lock = pathlib.Path(str(told["host"])) / f".s.PGSQL.{told['port']}.lock"
    return int(lock.read_text().splitlines()[0])


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """A server under test, the product or the yardstick: where it answers, and what its processes cost."""

    child: processes.Child
    grpc: str
    http: str
    master: str  # the master key; empty for the yardstick, which asks nobody who they are

    def cpu(self) -> float:
        """Seconds of CPU of all its processes so far."""
        return self.child.cpu()

    def memory(self) -> int:
        """Resident bytes of all its processes."""
        return self.child.memory()


@contextlib.asynccontextmanager
async def product(dsn: str, processes: int = 1, /, **environ: str) -> AsyncIterator[Served]:
    """`hook0-server serve` on this database. `environ`: settings, e.g. HOOK0_DELIVERY_MEMORY="1000". Raises Missing."""
    master = str(uuid.uuid4())
    with _folder("product") as folder:
        settings = {
            "DATABASE_URL": dsn,
            "HOOK0_DATA_DIR": str(folder / "data"),
            "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
            "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
            "HOOK0_MASTER_API_KEY": master,
            "HOOK0_STOP_GRACE": "1",
        }
        command = [*_SERVER, "serve", *_processes_option(processes)]
        async with _running(command, folder / "server.log", settings | environ) as child:
            yield Served(child, child.ready["grpc"], child.ready["http"], master)


_SERVER = [sys.executable, "-c", "from hook0_server import cli; cli.main()"]


def _processes_option(count: int) -> list[str]:
    if count == 1:
        return []
    told = subprocess.run([*_SERVER, "serve", "--help"], capture_output=True, text=True, timeout=30, cwd=processes.ROOT)
    if "--processes" not in told.stdout:
        raise Missing("this server has no --processes")
    return ["--processes", str(count)]


@contextlib.asynccontextmanager
async def yardstick(dsn: str, target: str) -> AsyncIterator[Served]:
    """The least server that does the same durable work, delivering everything to `target` (a receiver's URL)."""
    with _folder("yardstick") as folder:
        command = [sys.executable, "-m", "benchmarks.yardstick", dsn, target]
        async with _running(command, folder / "yardstick.log", {}) as child:
            yield Served(child, child.ready["grpc"], "", "")


def _running(command: list[str], log: pathlib.Path, settings: dict[str, str]) -> Any:
    """Without what the caller's environment says to a Hook0 server or client."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOOK0_", "PG")) and name != "DATABASE_URL"
    }
    return processes.running(command, log, kept | {"PYTHONPATH": str(processes.ROOT)} | settings)


@contextlib.contextmanager
def _folder(name: str) -> Any:
    """Its path is short: sockets are in it."""
    with tempfile.TemporaryDirectory(prefix=f"hook0-{name}-", ignore_cleanup_errors=True) as folder:
        yield pathlib.Path(folder)


@dataclasses.dataclass(frozen=True, slots=True)
class Tenant:
    """An application: who publishes, and to what."""

    address: str
    application_id: str
    secret: str
    client: hook0_client.Client  # with the application's secret
    http: str = ""  # the yardstick has none

    async def event_type(self, name: str) -> None:
        await self.client.event_types.CreateEventType(
            v1.CreateEventTypeRequest(event_type=v1.EventType(application_id=self.application_id, event_type=name))
        )

    async def subscribe(self, url: str, **fields: Any) -> v1.Subscription:
        """A subscription to EVENT_TYPE with LABELS, over 64 connections; `fields` go into the Subscription message."""
        usual: dict[str, Any] = {
            "application_id": self.application_id,
            "event_types": [EVENT_TYPE],
            "labels": LABELS,
            "target": v1.Target(http=v1.HttpTarget(url=url)),
            "delivery_options": v1.DeliveryOptions(max_concurrency=CONNECTIONS),
        }
        subscription = v1.Subscription(**usual | fields)
        made = await self.client.subscriptions.CreateSubscription(v1.CreateSubscriptionRequest(subscription=subscription))
        return made.subscription


def retries_each(seconds: float, retries: int = 1000) -> v1.RetryPolicy:
    """A retry policy: again after `seconds`, every time."""
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return v1.RetryPolicy(delays=[delay], max_retries=retries)


@contextlib.asynccontextmanager
async def tenant(served: Served, name: str) -> AsyncIterator[Tenant]:
    """A new application with the event type EVENT_TYPE; of the yardstick, which has only one, that one."""
    application_id, secret = str(uuid.UUID(int=1)), str(uuid.UUID(int=1))
    if served.master:
        application_id, secret = await _new_application(served, name)
    async with hook0_client.connect(served.grpc, token=secret, application_id=application_id) as client:
        made = Tenant(served.grpc, application_id, secret, client, served.http)
        if served.master:
            await made.event_type(EVENT_TYPE)
        yield made


async def _new_application(served: Served, name: str) -> tuple[str, str]:
    async with hook0_client.connect(served.grpc, token=served.master) as master:
        request = v1.CreateApplicationRequest(application=v1.Application(name=name))
        made = await master.applications.CreateApplication(request)
        return made.application.application_id, made.application_secret.secret


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """What came of one load. `late`: how long after its time each event of `paced` was begun: the publisher's own fault."""

    offered: int
    sent: int  # acknowledged
    refused: dict[str, int]  # by gRPC or HTTP status, or reason within a batch
    left_out: int  # of paced: not sent, because thousands waited for their answers
    began: float
    ended: float
    acknowledged: figures.Latency
    late: figures.Latency


async def load(tenant: Tenant, mode: str, **order: Any) -> Sent:
    """Publish from a process of its own until that is done; `mode`, and what else may be ordered: see load.Order."""
    told = loading.Order(mode, tenant.address, tenant.application_id, tenant.secret, http=tenant.http, **order)
    patience = _LOAD_START_SECONDS + told.seconds + loading.CALL_SECONDS
    with _folder("load") as folder:
        command = [sys.executable, "-m", "benchmarks.load", json.dumps(dataclasses.asdict(told))]
        async with processes.running(command, folder / "load.log", ready_seconds=patience) as child:
            said = child.ready
    latencies = {name: figures.Latency.read(said[name]) for name in ("acknowledged", "late")}
    return Sent(**said | latencies)


@contextlib.asynccontextmanager
async def loading_meanwhile(tenant: Tenant, mode: str, **order: Any) -> AsyncIterator[None]:
    """The same beside what the block does; it is stopped with the block, unless it is done before."""
    running = asyncio.create_task(load(tenant, mode, **order), name="rig.load")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[arrivals.Receiver]:
    """A receiver process. Paths: /hang… never answers, /fail… answers 503, all others 204."""
    with _folder("receiver") as folder:
        async with processes.running([sys.executable, "-m", "benchmarks.receiver"], folder / "receiver.log") as child:
            reader, writer = await asyncio.open_connection("127.0.0.1", child.ready["control"], limit=1 << 24)
            try:
                yield arrivals.Receiver(child.ready["port"], reader, writer)
            finally:
                writer.close()
