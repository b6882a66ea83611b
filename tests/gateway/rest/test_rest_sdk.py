"""Hook0's own SDK, unmodified: its hand-written half and its generated one, blocking and awaited."""

import asyncio
import datetime
import uuid
from collections.abc import Callable
from typing import Any

import hook0  # type: ignore[import-untyped]
import hook0_sdk
import pytest
import rest_rig
from hook0 import generated


@pytest.fixture(params=hook0_sdk.HALVES, ids=["blocking", "awaited"])
def half(request: pytest.FixtureRequest) -> tuple[str, Callable[..., Any]]:
    chosen: tuple[str, Callable[..., Any]] = request.param
    return chosen


@pytest.fixture
def sdk(served: rest_rig.Served, shop: rest_rig.Shop, half: tuple[str, Callable[..., Any]]) -> hook0_sdk.Sdk:
    return hook0_sdk.Sdk(served, shop.secret, half)


@pytest.fixture
def master(served: rest_rig.Served, half: tuple[str, Callable[..., Any]]) -> hook0_sdk.Sdk:
    return hook0_sdk.Sdk(served, served.master_key, half)


def test_the_hand_written_client_sends_events_and_makes_types(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    client = hook0.Hook0Client(served.base, shop.application_id, shop.secret)
    assert client.upsert_event_types(["shop.order.paid", "shop.order.lost"]) == ["shop.order.lost"]
    sent = hook0.Event("shop.order.lost", '{"id": 1}', "application/json", {"tenant": "t1"}, {"trace": "x"})
    event_id = client.send_event(sent)
    [kept] = shop.call("GET", shop.of("/events")).json
    assert (kept["event_id"], kept["metadata"]) == (str(event_id), {"trace": "x"})


async def _by_awaiting(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    client = hook0.Hook0AsyncClient(served.base, shop.application_id, shop.secret)
    assert await client.upsert_event_types(["shop.order.lost"]) == ["shop.order.lost"]
    sent = hook0.Event("shop.order.lost", "hello", "text/plain", {"tenant": "t1"}, event_id=str(uuid.uuid4()))
    event_id = await client.send_event(sent)
    with pytest.raises(hook0.Hook0ClientError, match="EventAlreadyIngested"):
        await client.send_event(sent)
    assert str(event_id) == sent.event_id


def test_the_awaited_client_sends_events_and_makes_types(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    asyncio.run(_by_awaiting(served, shop))


def test_applications(served: rest_rig.Served, master: hook0_sdk.Sdk) -> None:
    post = generated.ApplicationPost("depot", uuid.UUID(served.organization_id))
    made = master.Applications.create(post)
    assert made in master.Applications.list(served.organization_id)
    found = master.Applications.get(str(made.application_id))
    assert found.onboarding_steps.event is generated.ApplicationInfoOnboardingStepsEvent.TO_DO
    changed = master.Applications.update(
        str(made.application_id), generated.ApplicationPost("store", uuid.UUID(served.organization_id))
    )
    assert (changed.application_id, changed.name) == (made.application_id, "store")
    master.Applications.delete(str(made.application_id))
    with pytest.raises(generated.ForbiddenError):
        master.Applications.get(str(made.application_id))


def test_application_secrets(shop: rest_rig.Shop, sdk: hook0_sdk.Sdk) -> None:
    post = generated.ApplicationSecretPost(uuid.UUID(shop.application_id), "second")
    made = sdk.ApplicationSecrets.create(post)
    assert made in sdk.ApplicationSecrets.read(shop.application_id)
    renamed = generated.ApplicationSecretPost(uuid.UUID(shop.application_id), "third")
    assert sdk.ApplicationSecrets.update(str(made.token), renamed).name == "third"
    sdk.ApplicationSecrets.delete(str(made.token), shop.application_id)
    assert [each.name for each in sdk.ApplicationSecrets.read(shop.application_id) if each.deleted_at] == ["third"]


def test_event_types(shop: rest_rig.Shop, sdk: hook0_sdk.Sdk) -> None:
    made = sdk.EventTypes.create(generated.EventTypePost(uuid.UUID(shop.application_id), "order", "shop", "lost"))
    assert made.event_type_name == "shop.order.lost"
    assert made in sdk.EventTypes.list(shop.application_id)
    assert sdk.EventTypes.get(made.event_type_name, shop.application_id) == made
    sdk.EventTypes.delete(made.event_type_name, shop.application_id)
    with pytest.raises(generated.NotFoundError):
        sdk.EventTypes.get(made.event_type_name, shop.application_id)


def test_events(shop: rest_rig.Shop, sdk: hook0_sdk.Sdk) -> None:
    occurred_at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.UTC)
    sent = generated.EventPost(
        uuid.UUID(shop.application_id), "shop.order.paid", {"tenant": "t1"}, occurred_at, '{"id": 1}', "application/json"
    )
    made = sdk.Events.ingest(sent)
    [listed] = sdk.Events.list(shop.application_id)
    assert (listed.event_id, listed.received_at, listed.occurred_at) == (made.event_id, made.received_at, occurred_at)
    assert sdk.Events.get(str(made.event_id), shop.application_id).payload == "eyJpZCI6IDF9"
    sdk.Events.replay(str(made.event_id), generated.ReplayEvent(uuid.UUID(shop.application_id)))


def test_subscriptions(shop: rest_rig.Shop, sdk: hook0_sdk.Sdk) -> None:
    target = generated.SubscriptionPostTarget({"x-a": "b"}, "POST", "http", shop.served.receiver.url)
    post = generated.SubscriptionPost(
        uuid.UUID(shop.application_id), ["shop.order.paid"], True, target, labels={"tenant": "t1"}
    )
    made = sdk.Subscriptions.create(post)
    assert sdk.Subscriptions.list(shop.application_id) == [made]
    assert sdk.Subscriptions.get(str(made.subscription_id)) == made
    off = generated.SubscriptionPost(uuid.UUID(shop.application_id), ["shop.order.sent"], False, target, labels={"a": "b"})
    changed = sdk.Subscriptions.update(str(made.subscription_id), off)
    assert (changed.is_enabled, changed.secret, changed.label_key) == (False, made.secret, "a")
    sdk.Subscriptions.delete(str(made.subscription_id), shop.application_id)
    with pytest.raises(generated.NotFoundError):
        sdk.Subscriptions.get(str(made.subscription_id))
