"""A receiver of many subscriptions comes back: all that waited for it arrives, over bounded connections, beside others."""

import asyncio
import contextlib
import dataclasses
import socket
import time
from collections.abc import AsyncIterator

import hostile
import pytest
import workbench
from delivering import OK, Delivering, delivering, policy

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings

SUBSCRIPTIONS, EACH, MOST = 120, 3, 64
ANSWER_SECONDS = 0.3  # so that the storm lasts 1.7 s at least
PATIENCE = 0.5  # of the time that the storm takes: who has to wait for it waits for most of that


@dataclasses.dataclass
class Returning:
    """Refuses until `listen`; then answers slowly and counts who is connected at once."""

    held: socket.socket
    open: int = 0
    most: int = 0
    arrived: list[bytes] = dataclasses.field(default_factory=list)
    writers: set[asyncio.StreamWriter] = dataclasses.field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.held.getsockname()[1]}/hook"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, sock=self.held, backlog=1024)
        try:
            yield
        finally:
            server.close()
            for writer in self.writers:
                writer.transport.abort()
            while self.open:  # noqa: ASYNC110  each ends in a few turns
                await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        self.writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.arrived.append(await hostile.read_request(reader))
                await asyncio.sleep(ANSWER_SECONDS)
                writer.write(OK)
        self.open -= 1
        self.writers.discard(writer)
        writer.close()


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    return dataclasses.replace(settings, max_in_flight=MOST, stop_grace=0.3)


@pytest.fixture
async def at(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


@pytest.fixture
async def other(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


async def test_a_receiver_that_returns_meets_bounded_connections_and_its_neighbours_do_not_wait(
    at: Delivering, other: Delivering
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: it refuses, and nobody else takes the port
        returning = Returning(held)
        async with workbench.receiving() as healthy:
            await other.subscribe(healthy.url)
            often = policy(*[1.0] * 30)
            for _ in range(SUBSCRIPTIONS):
                await at.subscribe(returning.url, retry_policy=often)
            storm = await at.publish(EACH)
            await at.count(b"deliveries WHERE attempt_number > 1", SUBSCRIPTIONS * EACH, most=20)
            async with returning.listening(), asyncio.TaskGroup() as tasks:
                ended = tasks.create_task(at.count(b"deliveries", 0, most=30), name="the storm is over")
                began = time.monotonic()
                waits = await neighbours_waits(other, healthy, ended)
                lasted = time.monotonic() - began
    assert len(returning.arrived) == SUBSCRIPTIONS * EACH
    assert returning.most <= MOST
    assert len(waits) >= 3
    assert max(waits) < PATIENCE * lasted
    states = [each.state for each in await at.deliveries(*storm)]
    assert states == [v1.DeliveryState.DELIVERY_STATE_SUCCEEDED] * (SUBSCRIPTIONS * EACH)


async def neighbours_waits(at: Delivering, healthy: workbench.Receiver, storm: asyncio.Task[None]) -> list[float]:
    """Seconds from publish to arrival, one event after the other until the storm is over."""
    waits = []
    while not storm.done():
        began = time.monotonic()
        await at.publish()
        await healthy.until_events(len(waits) + 1)
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.1)
    return waits
