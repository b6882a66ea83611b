"""Real servers of two processes: they share both ports, and live and die together."""

import asyncio
import os
import pathlib
import signal
from collections.abc import Awaitable, Callable

import aiohttp
import grpc
import processes
import psycopg
from prometheus_client import parser

from hook0_client import v1
from hook0_server.store.embedded import leftovers

CHANNELS = 60  # connections after which two processes have surely both had one
METADATA = (("authorization", f"Bearer {processes.MASTER_KEY}"),)


async def until(claim: Callable[[], Awaitable[bool]], seconds: float = 40.0) -> None:
    async with asyncio.timeout(seconds):
        while not await claim():  # noqa: ASYNC110  other processes set no asyncio.Event
            await asyncio.sleep(0.02)


async def call_through_new_connections(address: str, channels: int) -> None:
    """One unary call on each; a connection of its own is what the kernel gives to one of the processes."""

    async def one() -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            ask = channel.unary_unary(
                "/hook0.v1.ApplicationService/ListApplications", v1.ListApplicationsRequest.SerializeToString
            )
            await ask(v1.ListApplicationsRequest(), metadata=METADATA, timeout=10, wait_for_ready=True)

    async with asyncio.TaskGroup() as tasks:
        for number in range(channels):
            tasks.create_task(one(), name=f"call {number}")


async def scraped(http: aiohttp.ClientSession, address: str, sample: str) -> dict[str, float]:
    """Process → the sum of this sample, of one scrape that must be valid as a whole."""
    async with http.get(f"http://{address}/metrics") as answer:
        text = await answer.text()
    found: dict[str, float] = {}
    names = [family.name for family in parser.text_string_to_metric_families(text)]
    assert len(names) == len(set(names))
    for family in parser.text_string_to_metric_families(text):
        for each in family.samples:
            if each.name == sample:
                found[each.labels["process"]] = found.get(each.labels["process"], 0.0) + each.value
    return found


async def nodes(dsn: str) -> set[int]:
    """The process ids of the nodes that live."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return {row[0] for row in await (await connection.execute("SELECT pid FROM nodes")).fetchall()}


async def test_two_processes_share_both_ports_and_one_that_is_killed_is_started_again(dsn: str) -> None:
    timeout = aiohttp.ClientTimeout(total=10)
    serving = processes.serving("two", HOOK0_PROCESSES="2", DATABASE_URL=dsn)
    async with serving as server, aiohttp.ClientSession(timeout=timeout) as http:
        first, second = server.announced["pids"]
        assert await nodes(dsn) == {first, second}

        await call_through_new_connections(server.grpc, CHANNELS)
        calls = await scraped(http, server.announced["http"], "hook0_rpc_calls_total")
        assert calls.keys() == {"0", "1"}
        assert sum(calls.values()) == CHANNELS
        assert min(calls.values()) > 0

        os.kill(first, signal.SIGKILL)
        await call_through_new_connections(server.grpc, 4)
        await until(lambda: asyncio.sleep(0, bool(server.logged("process.started_again"))))
        (again,) = server.logged("process.started_again")
        assert await nodes(dsn) >= {second, again["pid"]}
        assert (await scraped(http, server.announced["http"], "hook0_rpc_calls_total"))["1"] >= calls["1"]
        assert {line["process"] for line in server.logged("upkeep.retention", "process.ended")} == {"0", "1", "supervisor"}

        assert await server.stop() == 0
        assert await nodes(dsn) <= {first}, "those who ended gracefully have said goodbye"


async def test_everything_ends_with_a_supervisor_that_is_killed() -> None:
    async with processes.serving("alone", HOOK0_PROCESSES="2", HOOK0_POOL_SIZE="40") as server:
        async with await psycopg.AsyncConnection.connect(server.embedded_dsn()) as connection:
            row = await (await connection.execute("SHOW max_connections")).fetchone()
        assert row == ("130",), "for each process its pool and 20, and 10 beside them"
        await server.kill()

        async def gone() -> bool:
            alive = [pid for pid in server.announced["pids"] if pathlib.Path(f"/proc/{pid}").exists()]
            return not alive and not leftovers.find(server.cluster)

        await until(gone)
        assert "database system is shut down" in (server.folder / "data" / "postgres.log").read_text()
