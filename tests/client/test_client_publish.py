import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

import hook0_client
from hook0_client import v1
from hook0_server.model import errors, ids
from hook0_server.rpc import status
from tests.client import scripted


class Publish:
    """Refuses as often as it is told, then accepts; remembers what came."""

    def __init__(self, *refusals: errors.Refused) -> None:
        self.refusals = list(refusals)
        self.requests: list[v1.PublishEventRequest] = []
        self.metadata: dict[str, str] = {}

    async def __call__(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        if self.refusals:
            await status.abort(context, self.refusals.pop(0))
        answer = v1.PublishEventResponse(event_id=request.event.event_id, delivery_count=2)
        answer.received_at.FromJsonString("2026-11-23T08:00:00.123456Z")
        return answer


async def test_an_event_is_published_with_token_application_and_an_identity_of_its_own() -> None:
    publish = Publish()
    async with scripted.connected(publish=publish) as client:
        published = await client.publish("user.account.created", {"é": [1, None]}, labels={"tenant": "acme"})
    [request] = publish.requests
    assert publish.metadata["authorization"] == f"Bearer {scripted.TOKEN}"
    assert request.application_id == scripted.APPLICATION
    assert request.event.event_type == "user.account.created"
    assert request.event.payload_text == '{"é":[1,null]}'
    assert dict(request.event.labels) == {"tenant": "acme"}
    minted = uuid.UUID(request.event.event_id)
    assert minted.version == 7
    assert abs(ids.unix_seconds(minted) - datetime.now(UTC).timestamp()) < 60
    assert published == hook0_client.Published(request.event.event_id, datetime(2026, 11, 23, 8, 0, 0, 123456, UTC), False, 2)


async def test_what_the_caller_says_about_the_event_is_sent() -> None:
    publish = Publish()
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    event_id = uuid.uuid4()
    async with scripted.connected(publish=publish) as client:
        await client.publish(
            "a.b", b"\x00\xff", metadata={"k": "v"}, event_id=event_id, occurred_at=at, content_type="text/plain"
        )
    event = publish.requests[0].event
    assert event.payload == b"\x00\xff"
    assert event.event_id == str(event_id)
    assert event.occurred_at.ToDatetime(UTC) == at
    assert event.payload_content_type == "text/plain"
    assert dict(event.metadata) == {"k": "v"}


async def test_a_server_that_is_away_or_full_is_asked_again_under_the_same_event_id_when_it_said() -> None:
    publish = Publish(
        errors.Unavailable("DATABASE_UNAVAILABLE", "Later.", retry_after=0.3),
        errors.QuotaExceeded("INGESTION_QUEUE_FULL", "Later.", retry_after=0.3),
        errors.QuotaExceeded("RATE_LIMITED", "Later.", retry_after=0.3, metadata={"limit": "address"}),
    )
    async with scripted.connected(publish=publish) as client:
        began = asyncio.get_running_loop().time()
        await client.publish("a.b", "{}")
        took = asyncio.get_running_loop().time() - began
    assert len({request.event.event_id for request in publish.requests}) == 1
    assert len(publish.requests) == 4
    assert took >= 0.9


async def test_a_refusal_is_not_repeated() -> None:
    publish = Publish(errors.Precondition("EVENT_TYPE_NOT_FOUND", "Create it first."))
    async with scripted.connected(publish=publish) as client:
        with pytest.raises(hook0_client.Precondition) as failed:
            await client.publish("a.b", "{}")
    assert failed.value.reason == "EVENT_TYPE_NOT_FOUND"
    assert len(publish.requests) == 1


async def test_tries_are_bounded() -> None:
    publish = Publish(*[errors.Unavailable("DATABASE_UNAVAILABLE", "Later.") for _ in range(50)])
    async with scripted.connected(publish=publish) as client:
        with pytest.raises(hook0_client.Unavailable):
            await client.publish("a.b", "{}")
    assert len(publish.requests) == 6


async def test_no_retry_goes_past_the_deadline() -> None:
    publish = Publish(errors.Unavailable("DATABASE_UNAVAILABLE", "Later.", retry_after=30))
    async with scripted.connected(publish=publish) as client:
        async with asyncio.timeout(5):
            with pytest.raises(hook0_client.Unavailable):
                await client.publish("a.b", "{}", timeout=2)
    assert len(publish.requests) == 1


async def test_calls_have_a_deadline_by_default() -> None:
    async def hang(request: Any, context: Any) -> None:
        await asyncio.Event().wait()

    async with scripted.connected(timeout=0.2, publish=hang, list_deliveries=hang) as client:
        with pytest.raises(hook0_client.DeadlineExceeded):
            await client.publish("a.b", "{}")
        with pytest.raises(hook0_client.DeadlineExceeded):
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())


async def test_what_cannot_be_written_down_is_refused_before_anything_is_sent() -> None:
    publish = Publish()
    async with scripted.connected(publish=publish) as client:
        with pytest.raises(TypeError, match="not set"):
            await client.publish("a.b", {1})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="time zone"):
            await client.publish("a.b", "{}", occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
        with pytest.raises(ValueError, match="JSON"):
            await client.publish("a.b", {"nan": float("nan")})
    assert not publish.requests


async def test_the_environment_says_where_and_who(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Publish()
    async with scripted.serving(publish=publish) as address:
        monkeypatch.setenv("HOOK0_ADDRESS", address)
        monkeypatch.setenv("HOOK0_TOKEN", "from-environment")
        monkeypatch.setenv("HOOK0_APPLICATION_ID", scripted.APPLICATION)
        async with hook0_client.connect() as client:
            await client.publish("a.b", "{}")
    assert publish.metadata["authorization"] == "Bearer from-environment"
    assert publish.requests[0].application_id == scripted.APPLICATION


async def test_without_an_application_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK0_APPLICATION_ID", raising=False)
    async with hook0_client.connect("127.0.0.1:9") as client:
        for call in (client.publisher, client.watch):
            with pytest.raises(ValueError, match="which application"):
                call()
        with pytest.raises(ValueError, match="which application"):
            await client.publish("a.b", json.dumps({}))


async def test_answers_up_to_8_mib_are_taken() -> None:
    async def list_deliveries(request: Any, context: Any) -> Any:
        return v1.ListDeliveriesResponse(next_page_token="x" * (7 * 1024 * 1024))

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        answer = await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())
        assert len(answer.next_page_token) == 7 * 1024 * 1024


async def test_a_call_still_offers_what_grpc_offers() -> None:
    publish = Publish()
    async with scripted.connected(publish=publish) as client:
        call = client.ingestion.PublishEvent(v1.PublishEventRequest(), metadata=(("x-more", "1"),))
        await call
        assert await call.code() is grpc.StatusCode.OK
    assert publish.metadata["x-more"] == "1"
