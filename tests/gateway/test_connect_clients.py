"""The clients that people have, against a whole server: connectrpc, and buf curl over Connect and over gRPC."""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import readme
import whole
from connectrpc import client, code, errors, method
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec

from hook0_client import v1

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODECS = {"json": google_protobuf_json_codec, "proto": google_protobuf_binary_codec}
UNARY, STREAM = method.StreamType.UNARY, method.StreamType.SERVER_STREAM
SAFE, UNSAFE = method.IdempotencyLevel.NO_SIDE_EFFECTS, method.IdempotencyLevel.UNKNOWN


def rpc(name: str, kind: method.StreamType = UNARY, level: method.IdempotencyLevel = UNSAFE) -> method.MethodInfo[Any, Any]:
    """What a generated client has of a rpc."""
    service, _, called = name.partition("/")
    return method.MethodInfo(
        name=called,
        service_name=f"hook0.v1.{service}",
        input=getattr(v1, f"{called}Request"),
        output=getattr(v1, f"{called}Response"),
        idempotency_level=level,
        stream_type=kind,
    )


PUBLISH, GET = rpc("IngestionService/PublishEvent"), rpc("EventService/GetEvent", level=SAFE)
WATCH, LIST = rpc("AttemptService/WatchAttempts", STREAM), rpc("AttemptService/ListAttempts", level=SAFE)


class Caller:
    """A connectrpc client with the application's secret, or another one."""

    def __init__(self, site: whole.Site, form: str, secret: str | None = None) -> None:
        self.site = site
        self.client = client.ConnectClient(site.url, codec=CODECS[form]())
        self.headers = {"authorization": f"Bearer {secret or site.application.secret}"}

    async def unary(self, info: Any, request: Any, **given: Any) -> Any:
        request.application_id = self.site.application.application_id
        return await self.client.execute_unary(request=request, method=info, headers=self.headers, **given)

    def stream(self, info: Any, request: Any, **given: Any) -> AsyncIterator[Any]:
        request.application_id = self.site.application.application_id
        return self.client.execute_server_stream(request=request, method=info, headers=self.headers, **given)

    async def publish(self) -> v1.PublishEventResponse:
        event = v1.NewEvent(event_type=whole.EVENT_TYPES[0], payload=b'{"id":1}')
        answer: v1.PublishEventResponse = await self.unary(PUBLISH, v1.PublishEventRequest(event=event))
        return answer


@pytest.fixture(params=CODECS)
def caller(site: whole.Site, request: pytest.FixtureRequest) -> Caller:
    return Caller(site, request.param)


async def test_what_is_published_is_read_by_post_and_by_get(caller: Caller) -> None:
    published = await caller.publish()
    assert published.delivery_count == 1
    for use_get in (False, True):
        asked = v1.GetEventRequest(event_id=published.event_id)
        found = await caller.unary(GET, asked, use_get=use_get)
        assert (found.event.event_id, found.event.payload) == (published.event_id, b'{"id":1}')


async def test_an_error_comes_with_code_sentence_and_details(caller: Caller) -> None:
    with pytest.raises(errors.ConnectError) as caught:
        await caller.unary(GET, v1.GetEventRequest(event_id=str(uuid.uuid4())))
    assert caught.value.code is code.Code.NOT_FOUND
    assert caught.value.message.endswith(".")
    assert {detail.type_name for detail in caught.value.details} == {
        "google.rpc.ErrorInfo",
        "google.rpc.ResourceInfo",
    }


async def test_a_wrong_credential_is_unauthenticated_in_calls_and_in_streams(site: whole.Site) -> None:
    stranger = Caller(site, "proto", str(uuid.uuid4()))
    with pytest.raises(errors.ConnectError) as called:
        await stranger.publish()
    with pytest.raises(errors.ConnectError) as watched:
        await anext(stranger.stream(WATCH, v1.WatchAttemptsRequest()))
    assert called.value.code is watched.value.code is code.Code.UNAUTHENTICATED


async def test_attempts_are_watched_and_a_cursor_goes_on_where_it_was(caller: Caller) -> None:
    watching = caller.stream(WATCH, v1.WatchAttemptsRequest())
    first = await anext(watching)
    published = [(await caller.publish()).event_id for _ in range(3)]
    seen = await until_seen(watching, published)
    again = caller.stream(WATCH, v1.WatchAttemptsRequest(cursor=first.cursor))
    assert await until_seen(again, published) == seen
    await watching.aclose()
    await again.aclose()


async def until_seen(watching: AsyncIterator[Any], event_ids: list[str]) -> list[str]:
    """The attempts of these events, in order."""
    seen: list[Any] = []
    async with asyncio.timeout(20):
        while not set(event_ids) <= {each.event_id for each in seen}:
            seen += (await anext(watching)).attempts
    return [each.attempt_id for each in seen if each.event_id in event_ids]


async def test_a_timeout_ends_a_stream(caller: Caller) -> None:
    with pytest.raises(errors.ConnectError) as caught:
        async for _ in caller.stream(WATCH, v1.WatchAttemptsRequest(), timeout_ms=300):
            pass
    assert caught.value.code is code.Code.DEADLINE_EXCEEDED


async def test_every_rpc_is_there(site: whole.Site) -> None:
    """An empty request is refused by its rules or answered; it is never unknown, and never a fault."""
    for operation in site.server.operations():
        kind = "connect+json" if operation.kind.value != "unary" else "json"
        headers = site.authorization | {"Content-Type": f"application/{kind}", "Connect-Timeout-Ms": "100"}
        async with site.session.post(f"{site.url}/{operation.name}", data=b"{}", headers=headers) as answer:
            said = await answer.read()
            assert answer.status not in (404, 405, 415, 500, 501), (operation.name, said)


async def buf(*arguments: str, data: dict[str, Any] | None = None) -> tuple[int, list[Any], str]:
    """`buf curl`: its exit code, what it printed, message by message, and what it complained of."""
    command = [str(Path(sys.executable).with_name("buf")), "curl", "--schema", str(readme.ROOT / "proto"), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, "--data", json.dumps(data or {}), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    decoder, text, found = json.JSONDecoder(), out.decode().strip(), []
    while text:
        each, end = decoder.raw_decode(text)
        found.append(each)
        text = text[end:].lstrip()
    return process.returncode or 0, found, err.decode()


@pytest.mark.parametrize("protocol", ["connect", "grpc"])
async def test_buf_curl_publishes_and_watches(site: whole.Site, protocol: str) -> None:
    token = ("--header", f"Authorization: Bearer {site.application.secret}")
    address = site.url if protocol == "connect" else f"http://{site.server.grpc}"
    over = ("--protocol", protocol, *(() if protocol == "connect" else ("--http2-prior-knowledge",)), *token)
    application = {"applicationId": site.application.application_id}
    event = {"eventType": whole.EVENT_TYPES[0], "payloadText": "{}"}
    ended, (published,), _ = await buf(
        *over, f"{address}/hook0.v1.IngestionService/PublishEvent", data=application | {"event": event}
    )
    assert ended == 0
    await until_seen(
        Caller(site, "json").stream(WATCH, v1.WatchAttemptsRequest(start_at={"seconds": _an_hour_ago()})),
        [published["eventId"]],
    )
    failed, listed, _ = await buf(*over, f"{address}/hook0.v1.AttemptService/ListAttempts", data=application)
    assert failed == 0
    assert published["eventId"] in [each["eventId"] for each in listed[0]["attempts"]]
    ended, nothing, said = await buf(*over, f"{address}/hook0.v1.EventService/GetEvent", data=application | {"eventId": "x"})
    assert (ended, nothing) == (3 * 8, [])  # 8 times the code
    assert '"code": "invalid_argument"' in said
    assert "google.rpc.BadRequest" in said


def _an_hour_ago() -> int:
    return int(time.time()) - 3600
