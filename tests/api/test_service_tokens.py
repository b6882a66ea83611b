"""Service tokens over real calls: what they open, what narrowing takes away, and that revoking ends all of it."""

import contextlib
import datetime
import time
import types
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import hook0_client
from hook0_client import attenuation, errors
from hook0_client._gen.hook0.v1 import (
    application_pb2,
    application_service_pb2,
    event_type_pb2,
    event_type_service_pb2,
    ingestion_service_pb2,
    service_token_service_pb2 as pb2,
    subscription_pb2,
    subscription_service_pb2,
)
from hook0_server import app
from hook0_server.access import credentials

Calling = Callable[[str], hook0_client.Client]
TYPE = "order.invoice.paid"


@pytest.fixture
async def application_id(master: hook0_client.Client) -> str:
    application = application_pb2.Application(name="shop")
    made = await master.applications.CreateApplication(
        application_service_pb2.CreateApplicationRequest(application=application)
    )
    event_type = event_type_pb2.EventType(application_id=made.application.application_id, event_type=TYPE)
    await master.event_types.CreateEventType(event_type_service_pb2.CreateEventTypeRequest(event_type=event_type))
    return str(made.application.application_id)


async def created(master: hook0_client.Client, **fields: Any) -> pb2.CreateServiceTokenResponse:
    token = pb2.ServiceToken(**{"name": "billing", **fields})
    return await master.service_tokens.CreateServiceToken(pb2.CreateServiceTokenRequest(service_token=token))


def publishing(application_id: str, **labels: str) -> ingestion_service_pb2.PublishEventRequest:
    event = ingestion_service_pb2.NewEvent(event_type=TYPE, payload_text="{}", labels=labels)
    return ingestion_service_pb2.PublishEventRequest(application_id=application_id, event=event)


async def test_a_service_token_publishes_and_manages_in_every_application_of_its_organization(
    server: app.Server, master: hook0_client.Client, application_id: str
) -> None:
    made = await created(master)
    async with hook0_client.connect(server.grpc, token=made.token) as client:
        assert (await client.ingestion.PublishEvent(publishing(application_id))).event_id
        listed = await client.applications.ListApplications(application_service_pb2.ListApplicationsRequest())
        assert [each.application_id for each in listed.applications] == [application_id]
        with pytest.raises(errors.Denied):
            await client.ingestion.PublishEvent(publishing(str(uuid.uuid4())))


async def test_the_value_is_answered_once_and_the_rest_listed(master: hook0_client.Client) -> None:
    first, second = await created(master, name="first"), await created(master, name="second")
    assert len({first.token, second.token, ""}) == 3
    listed = await master.service_tokens.ListServiceTokens(pb2.ListServiceTokensRequest(page_size=1))
    assert [each.name for each in listed.service_tokens] == ["second"]
    again = pb2.ListServiceTokensRequest(page_size=1, page_token=listed.next_page_token)
    assert [each.name for each in (await master.service_tokens.ListServiceTokens(again)).service_tokens] == ["first"]
    renamed = pb2.ServiceToken(service_token_id=first.service_token.service_token_id, name="other")
    await master.service_tokens.UpdateServiceToken(pb2.UpdateServiceTokenRequest(service_token=renamed))
    got = await master.service_tokens.GetServiceToken(
        pb2.GetServiceTokenRequest(service_token_id=first.service_token.service_token_id)
    )
    assert got.service_token.name == "other"


async def test_revoking_ends_the_token_and_what_was_made_of_it_at_once(
    server: app.Server, master: hook0_client.Client, application_id: str
) -> None:
    made = await created(master)
    narrowed = attenuation.attenuate(made.token, actions=["event:ingest"])
    async with (
        hook0_client.connect(server.grpc, token=made.token) as whole,
        hook0_client.connect(server.grpc, token=narrowed) as less,
    ):
        for client in (whole, less):
            await client.ingestion.PublishEvent(publishing(application_id))
        gone = pb2.DeleteServiceTokenRequest(service_token_id=made.service_token.service_token_id)
        await master.service_tokens.DeleteServiceToken(gone)
        for client in (whole, less):
            with pytest.raises(errors.Unauthenticated):
                await client.ingestion.PublishEvent(publishing(application_id))
        with pytest.raises(errors.NotFound, match="no such service token"):
            await master.service_tokens.DeleteServiceToken(gone)


async def test_a_token_expires(
    server: app.Server, master: hook0_client.Client, application_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    made = await created(master, expire_at=datetime.datetime.fromtimestamp(now + 3600, datetime.UTC))
    async with hook0_client.connect(server.grpc, token=made.token) as client:
        for seconds, is_good in ((3599, True), (3600, False)):
            then = types.SimpleNamespace(**vars(time) | {"time": lambda seconds=seconds: float(now + seconds)})
            monkeypatch.setattr(credentials, "time", then)
            with contextlib.nullcontext() if is_good else pytest.raises(errors.Unauthenticated) as caught:
                await client.ingestion.PublishEvent(publishing(application_id))
    assert caught is not None
    assert caught.value.reason == "TOKEN_EXPIRED"
    with pytest.raises(errors.InvalidRequest, match="is over already"):
        await created(master, expire_at=datetime.datetime.fromtimestamp(now - 1, datetime.UTC))


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({"actions": ["event:ingest"]}, True),
        ({"actions": ["event:list"]}, False),
        ({"applications": ["own"]}, True),
        ({"applications": [str(uuid.uuid4())]}, False),
        ({"labels": {"tenant": "acme"}}, True),
        ({"labels": {"tenant": "other"}}, False),
    ],
)
async def test_a_narrowed_token_does_what_is_left_of_it(
    server: app.Server, master: hook0_client.Client, application_id: str, limits: dict[str, Any], allowed: bool
) -> None:
    given = {name: [application_id] if value == ["own"] else value for name, value in limits.items()}
    token = attenuation.attenuate((await created(master)).token, **given)
    async with hook0_client.connect(server.grpc, token=token) as client:
        if allowed:
            await client.ingestion.PublishEvent(publishing(application_id, tenant="acme"))
            return
        with pytest.raises(errors.Denied) as caught:
            await client.ingestion.PublishEvent(publishing(application_id, tenant="acme"))
        assert caught.value.reason == "PERMISSION_DENIED"


async def test_a_token_for_one_customer_reaches_that_customer_alone(
    server: app.Server, master: hook0_client.Client, application_id: str
) -> None:
    token = attenuation.attenuate((await created(master)).token, labels={"tenant": "acme"})
    others = await subscribed(master, application_id, tenant="other")
    async with hook0_client.connect(server.grpc, token=token) as client:
        own = await subscribed(client, application_id, tenant="acme")
        with pytest.raises(errors.Denied):
            await subscribed(client, application_id, tenant="other")
        listed = await client.subscriptions.ListSubscriptions(
            subscription_service_pb2.ListSubscriptionsRequest(application_id=application_id)
        )
        assert [each.subscription_id for each in listed.subscriptions] == [own.subscription_id]
        for subscription_id in (others.subscription_id, str(uuid.uuid4())):
            await not_found(client, application_id, subscription_id)
        moved = subscription_pb2.Subscription(
            application_id=application_id, subscription_id=own.subscription_id, labels={"tenant": "other"}
        )
        with pytest.raises(errors.Denied):
            await client.subscriptions.UpdateSubscription(
                subscription_service_pb2.UpdateSubscriptionRequest(subscription=moved)
            )
        batch = ingestion_service_pb2.PublishEventsRequest(
            application_id=application_id,
            events=[
                ingestion_service_pb2.NewEvent(event_type=TYPE, payload_text="{}", labels={"tenant": tenant})
                for tenant in ("acme", "other")
            ],
        )
        results = (await client.ingestion.PublishEvents(batch)).results
        assert [each.WhichOneof("result") for each in results] == ["published", "error"]
        with pytest.raises(errors.Denied):
            await client.applications.ListApplications(application_service_pb2.ListApplicationsRequest())


async def subscribed(client: hook0_client.Client, application_id: str, **labels: str) -> subscription_pb2.Subscription:
    subscription = subscription_pb2.Subscription(
        application_id=application_id,
        event_types=["**"],
        labels=labels,
        target=subscription_pb2.Target(http=subscription_pb2.HttpTarget(url="http://127.0.0.1:9/")),
    )
    request = subscription_service_pb2.CreateSubscriptionRequest(subscription=subscription)
    made: subscription_pb2.Subscription = (await client.subscriptions.CreateSubscription(request)).subscription
    return made


async def not_found(client: hook0_client.Client, application_id: str, subscription_id: str) -> None:
    """Neither read nor deleted, as if it were not there."""
    named = {"application_id": application_id, "subscription_id": subscription_id}
    with pytest.raises(errors.NotFound):
        await client.subscriptions.GetSubscription(subscription_service_pb2.GetSubscriptionRequest(**named))
    with pytest.raises(errors.NotFound):
        await client.subscriptions.DeleteSubscription(subscription_service_pb2.DeleteSubscriptionRequest(**named))
