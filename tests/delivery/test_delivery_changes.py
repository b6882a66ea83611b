"""What people change while deliveries are open takes effect: targets, switches, limits, cancellations; broadcasts."""

import asyncio
import dataclasses
import time
import uuid
from collections.abc import AsyncIterator

import pytest
import rows
import workbench
from delivering import (
    BUSY,
    CANCELLED,
    IN_FLIGHT,
    OK,
    SUCCEEDED,
    TYPE,
    WAITING,
    Delivering,
    Outcome,
    delivering,
    holding,
    policy,
)

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    """Receivers that never answer hold up no stop."""
    return dataclasses.replace(settings, stop_grace=0.3)


@pytest.fixture
async def at(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


def concurrency(most: int) -> v1.DeliveryOptions:
    return v1.DeliveryOptions(max_concurrency=most)


@pytest.mark.parametrize("most", [1, 5, 100])
async def test_as_many_requests_are_open_at_once_as_the_subscription_allows(at: Delivering, most: int) -> None:
    async with workbench.receiving(lambda received: None) as receiver:
        await at.subscribe(receiver.url, delivery_options=concurrency(most))
        await at.publish(150)
        await receiver.until(lambda each: len(each.received) >= most, 5)
        await at.count(b"deliveries WHERE owner > 0", 150)
        await asyncio.sleep(0.2)  # nothing more may come
        assert len(receiver.received) == most


async def test_a_change_does_not_open_more_requests_than_allowed(at: Delivering) -> None:
    async with workbench.receiving(lambda received: None) as receiver:
        subscription_id = await at.subscribe(receiver.url, delivery_options=concurrency(2))
        await at.publish(50)
        await receiver.until(lambda each: len(each.received) == 2)
        await at.change(subscription_id, "description", description="other words")
        assert at.server.stage is not None
        known, changed = at.server.stage.known, uuid.UUID(subscription_id)
        async with asyncio.timeout(10):
            while known.peek(changed) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await at.publish(50)
        await asyncio.sleep(0.2)  # nothing more may come
        assert len(receiver.received) == 2


async def test_a_changed_target_is_used_within_2_seconds(at: Delivering) -> None:
    async with workbench.receiving() as before, workbench.receiving() as after:
        subscription_id = await at.subscribe(before.url)
        await at.publish()
        await before.until_events(1)
        await at.change(subscription_id, "target", target=v1.Target(http=v1.HttpTarget(url=after.url)))
        changed_at, published = time.monotonic(), 1
        while not after.received:
            assert time.monotonic() - changed_at < 2
            await at.publish()
            published += 1
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while len(before.received) + len(after.received) < published:  # noqa: ASYNC110  two receivers
                await asyncio.sleep(0.01)
        count = len(before.received)
        await at.publish(20)
        await after.until_events(20)
        assert len(before.received) == count


async def test_disabling_parks_what_is_open_and_enabling_releases_it(at: Delivering) -> None:
    async with workbench.receiving(lambda received: BUSY) as receiver:
        subscription_id = await at.subscribe(receiver.url, delivery_options=concurrency(1), retry_policy=policy(*[1] * 30))
        event_ids = await at.publish(5)
        await receiver.until(lambda each: len(each.received) >= 5)
        await at.change(subscription_id, "is_enabled", is_enabled=False)
        await at.count(b"deliveries WHERE owner = 0", 5)
        count = len(receiver.received)
        for delivery in await at.deliveries(*event_ids):
            assert (delivery.state, delivery.state_reason) == (WAITING, "subscription_disabled")
        assert len(receiver.received) == count
        receiver.answer = lambda received: OK
        await at.change(subscription_id, "is_enabled", is_enabled=True)
        for event_id in event_ids:
            await at.in_state(event_id, SUCCEEDED)


async def test_deleting_ends_what_is_open_as_cancelled(at: Delivering) -> None:
    async with workbench.receiving(lambda received: BUSY) as receiver:
        subscription_id = await at.subscribe(receiver.url, retry_policy=policy(3600))
        event_ids = await at.publish(30)
        await at.count(b"deliveries WHERE owner IS NULL", 30)
        await at.client.subscriptions.DeleteSubscription(
            v1.DeleteSubscriptionRequest(application_id=at.application_id, subscription_id=subscription_id)
        )
        await at.count(b"deliveries", 0, 5)
    for delivery in await at.deliveries(*event_ids):
        assert (delivery.state, delivery.state_reason) == (CANCELLED, "subscription_deleted")
    finals = [each for each in await at.attempts(*event_ids) if each.final]
    assert {each.outcome for each in finals} == {Outcome.OUTCOME_CANCELLED}
    assert len(finals) == 30
    assert await at.publish()
    await at.count(b"deliveries", 0)


async def test_cancelling_a_waiting_delivery_ends_it_at_once(at: Delivering) -> None:
    async with workbench.receiving(lambda received: BUSY) as receiver:
        await at.subscribe(receiver.url, retry_policy=policy(3600))
        [event_id] = await at.publish()
        waiting = await at.in_state(event_id, WAITING)
        ended = await at.cancel(waiting.delivery_id)
        assert (ended.state, ended.state_reason) == (CANCELLED, "cancelled")
        with pytest.raises(hook0_client.Precondition, match="ended already"):
            await at.cancel(waiting.delivery_id)
    await at.count(b"deliveries", 0)


async def test_cancelling_what_is_queued_in_memory_ends_it_before_it_is_sent(at: Delivering) -> None:
    async with holding() as receiver:
        await at.subscribe(receiver.url, delivery_options=concurrency(1))
        event_ids = await at.publish(2)
        await asyncio.wait_for(receiver.came.wait(), 5)
        [queued] = [each for each in event_ids if each.encode() not in receiver.requests[0]]
        delivery = await at.in_state(queued, IN_FLIGHT)
        assert (await at.cancel(delivery.delivery_id)).state == IN_FLIGHT
        assert at.server.stage is not None
        held = at.server.stage.memory.find(uuid.UUID(delivery.delivery_id))
        async with asyncio.timeout(10):
            while held is None or not held.cancel_requested:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        receiver.release.set()
        ended = await at.in_state(queued, CANCELLED)
        assert ended.state_reason == "cancelled"
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("answer", [OK, BUSY], ids=["success", "failure"])
async def test_cancelling_what_is_being_sent_ends_it_unless_it_succeeds(at: Delivering, answer: bytes) -> None:
    async with holding() as receiver:
        receiver.answer = answer
        await at.subscribe(receiver.url, retry_policy=policy(3600))
        [event_id] = await at.publish()
        await asyncio.wait_for(receiver.came.wait(), 5)
        delivery = await at.cancel((await at.only(event_id)).delivery_id)
        assert delivery.state == IN_FLIGHT
        receiver.release.set()
        ended = await at.until(event_id, lambda each: each.state not in (IN_FLIGHT, WAITING), 5)
    assert ended.state == (SUCCEEDED if answer == OK else CANCELLED)
    assert len(receiver.requests) == 1
    await at.count(b"deliveries", 0)


CROWD = b"""
INSERT INTO subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label, metadata,
                           secret_encrypted, retry_policy)
SELECT application_id, id, true, event_types, labels, routing_label, metadata, secret_encrypted, '{"max_retries": 0}'
  FROM subscriptions, unnest(%(ids)b::uuid[]) AS i (id) WHERE subscription_id = %(template)b::uuid"""


async def test_a_broadcast_reaches_everybody_once_and_holds_nobodys_acknowledgement(
    at: Delivering, server: app.Server, master: hook0_client.Client
) -> None:
    """All but one have no target that could be called: each of them ends with one attempt, without a request."""
    crowd, took = 2500, list[float]()
    async with workbench.receiving() as receiver, delivering(server, master) as neighbour:
        template = uuid.UUID(await at.subscribe(receiver.url))
        await server.db.fetch(CROWD, {"ids": [rows.id7() for _ in range(crowd - 1)], "template": template})
        await neighbour.subscribe(receiver.url)
        request = v1.PublishEventRequest(
            application_id=at.application_id, event=v1.NewEvent(event_type=TYPE, payload_text="{}")
        )
        published = await at.client.ingestion.PublishEvent(request)
        assert not published.HasField("delivery_count")
        everybody = asyncio.ensure_future(
            at.count(b"attempts WHERE final AND event_id = '" + published.event_id.encode() + b"'", crowd, 30)
        )
        while not everybody.done():
            began = time.monotonic()
            await neighbour.publish()
            took.append(time.monotonic() - began)
        await everybody
        await receiver.until_events(len(took) + 1)
    assert receiver.counts[published.event_id] == 1
    [counted] = await server.db.fetch(
        b"SELECT count(DISTINCT subscription_id)::int, count(*)::int FROM attempts WHERE application_id = %(id)b::uuid",
        {"id": uuid.UUID(at.application_id)},
    )
    assert counted == (crowd, crowd)
    # Who is held waits for most of the broadcast; the others publish on and on meanwhile, on a busy machine fewer times.
    assert len(took) >= 10
    assert max(took) < max(1.0, sum(took) / 3)
    await at.count(b"fanouts", 0)
