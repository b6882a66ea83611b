"""Receivers that never answer do not slow a healthy one."""

import asyncio
import dataclasses
import math
import time
from collections.abc import AsyncIterator

import pytest
import workbench
from delivering import TYPE, Delivering, delivering, seconds

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings

HUNG = 200
WINDOW_SECONDS = 2.5
ALONE_WINDOWS, MOST_WINDOWS = 2, 6  # the best one counts: what else the machine does comes and goes, a hung receiver stays
EACH_SECOND = 40  # events to the healthy one while it is measured, so that a p99 is one
NOISE = 0.05  # seconds that a busy machine may take; who waits for a hung receiver waits for seconds


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    """Receivers that never answer hold up no stop."""
    return dataclasses.replace(settings, stop_grace=0.3)


@pytest.fixture
async def at(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


def request(at: Delivering, name: str) -> v1.PublishEventRequest:
    event = v1.NewEvent(event_type=TYPE, payload_text="{}", labels={"to": name})
    return v1.PublishEventRequest(application_id=at.application_id, event=event)


async def p99(at: Delivering, receiver: workbench.Receiver) -> float:
    """Seconds from publish to arrival of a steady stream."""
    before, published = len(receiver.received), dict[str, float]()
    began, count = time.monotonic(), int(WINDOW_SECONDS * EACH_SECOND)
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / EACH_SECOND - time.monotonic()))
        sent_at = time.monotonic()
        answer = await at.client.ingestion.PublishEvent(request(at, "healthy"))
        published[answer.event_id] = sent_at
    await receiver.until(lambda each: len(each.received) >= before + count)
    took = sorted(each.at - published[each.headers["x-event-id"]] for each in receiver.received[before:])
    return took[math.ceil(0.99 * len(took)) - 1]


async def hang(at: Delivering) -> None:
    """One event a second to each of the hung ones, spread over the second."""
    began = time.monotonic()
    for second in range(10**6):
        for part in range(10):
            await asyncio.sleep(max(0.0, began + second + part / 10 - time.monotonic()))
            names = [f"hung-{number}" for number in range(part, HUNG, 10)]
            events = [request(at, name).event for name in names]
            await at.client.ingestion.PublishEvents(v1.PublishEventsRequest(application_id=at.application_id, events=events))


async def test_200_hung_receivers_at_most_double_the_p99_of_a_healthy_one(
    at: Delivering, master: hook0_client.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workbench.receiving(lambda received: None) as hung, workbench.receiving() as healthy:
        await at.subscribe(healthy.url, labels={"to": "healthy"})
        for number in range(HUNG):
            await at.subscribe(
                hung.url, labels={"to": f"hung-{number}"}, delivery_options=v1.DeliveryOptions(timeout=seconds(5))
            )
        alone = min([await p99(at, healthy) for _ in range(ALONE_WINDOWS)])
        hanging = asyncio.ensure_future(hang(at))
        await hung.until(lambda each: len(each.received) >= HUNG)
        beside: list[float] = []
        while len(beside) < MOST_WINDOWS and min(beside, default=math.inf) > max(2 * alone, NOISE):
            beside.append(await p99(at, healthy))
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    with capsys.disabled():
        print(f"\nhealthy p99: {alone * 1000:.1f} ms alone, {min(beside) * 1000:.1f} ms beside {HUNG} that hang")
    assert len(hung.received) >= HUNG * len(beside) * WINDOW_SECONDS / 2
    assert min(beside) <= max(2 * alone, NOISE)
