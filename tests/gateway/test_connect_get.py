"""Calls by GET, of what has no side effects: the request stands in the query."""

import base64
import gzip
import urllib.parse
from collections.abc import AsyncIterator

import edges
import pytest
import pytest_asyncio
from google.protobuf import descriptor_pb2

from hook0_client._gen.hook0.v1 import event_pb2, event_service_pb2 as pb2
from hook0_client.v1 import __dict__ as public
from hook0_server.api import pipeline

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/hook0.v1.EventService/GetEvent"
REQUEST = pb2.GetEventRequest(application_id="ä", event_id="\x00?~")


async def answer(call: pipeline.Call, request: pb2.GetEventRequest) -> pb2.GetEventResponse:
    return pb2.GetEventResponse(event=event_pb2.Event(application_id=request.application_id, event_id=request.event_id))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port() -> AsyncIterator[edges.Port]:
    async with edges.serving(edges.operation("GetEvent", answer)) as served:
        yield served


async def get(port: edges.Port, query: str, **headers: str) -> edges.Said:
    return await port.ask("GET", f"{PATH}?{query}", **headers)


def of_bytes(body: bytes) -> str:
    return urllib.parse.quote_from_bytes(body, safe="")


def of_base64(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def asked(answer: edges.Said) -> tuple[str, str]:
    if answer.headers["Content-Type"] == "application/proto":
        event = pb2.GetEventResponse.FromString(answer.body).event
        return event.application_id, event.event_id
    return answer.json["event"]["applicationId"], answer.json["event"]["eventId"]


PROTO = REQUEST.SerializeToString()
JSON = '{"applicationId":"ä","eventId":"\\u0000?~"}'.encode()


@pytest.mark.parametrize(
    "query",
    [
        f"connect=v1&encoding=json&message={of_bytes(JSON)}",
        f"encoding=json&message={of_bytes(JSON)}&base64=0",
        f"message={of_base64(JSON)}&base64=1&encoding=json",
        f"connect=v1&encoding=proto&message={of_bytes(PROTO)}",
        f"connect=v1&encoding=proto&message={of_base64(PROTO)}&base64=1",
        f"connect=v1&encoding=proto&message={base64.b64encode(PROTO).decode().replace('+', '%2B')}&base64=1",
        f"connect=v1&encoding=proto&message={of_base64(gzip.compress(PROTO, mtime=0))}&base64=1&compression=gzip",
        f"connect=v1&encoding=json&message={of_bytes(gzip.compress(JSON, mtime=0))}&compression=gzip",
        f"connect=v1&encoding=json&message={of_bytes(JSON)}&compression=identity&unknown=1",
    ],
)
async def test_the_request_may_stand_in_the_query_in_each_form(port: edges.Port, query: str) -> None:
    said = await get(port, query)
    assert (said.status, asked(said)) == (200, ("ä", "\x00?~"))
    assert said.headers["Cache-Control"] == "no-store"


async def test_it_may_still_be_posted(port: edges.Port) -> None:
    said = await port.ask("POST", PATH, JSON, Content_Type="application/json")
    assert asked(said) == ("ä", "\x00?~")
    assert (await port.ask("PUT", PATH)).headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "encoding"),
        ("encoding=xml&message=", "encoding"),
        ("encoding=json", "message"),
        ("connect=v2&encoding=json&message={}", "connect"),
        ("connect=1&encoding=json&message={}", "connect"),
        ("encoding=json&message={}&base64=2", "base64"),
        ("encoding=json&message=%%&base64=1", "message"),
        ("encoding=json&message=a&base64=1", "message"),
        ("encoding=json&encoding=json&message={}", "query"),
        ("&".join(f"a{number}=" for number in range(21)), "query"),
        ("encoding=json&message={", "request"),
        ("encoding=json&message=%ff", "request"),
        ("encoding=proto&message=%0a%ff", "request"),
        ("encoding=proto&message=%0a%ff&compression=gzip", "request"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused_with_the_name_of_its_part(
    port: edges.Port, query: str, field: str
) -> None:
    said = await get(port, query)
    assert (said.status, said.json["code"]) == (400, "invalid_argument")
    (bad,) = [each for each in said.json["details"] if each["type"] == "google.rpc.BadRequest"]
    assert [each["field"] for each in bad["debug"]["fieldViolations"]] == [field]


async def test_another_compression_is_unimplemented(port: edges.Port) -> None:
    said = await get(port, "encoding=json&message={}&compression=br")
    assert (said.status, said.json["code"]) == (501, "unimplemented")


async def test_a_credential_is_needed_as_ever(port: edges.Port) -> None:
    said = await port.ask("GET", f"{PATH}?encoding=json&message={{}}", authorization=None)
    assert (said.status, said.json["code"]) == (401, "unauthenticated")


async def test_exactly_what_gets_or_lists_has_no_side_effects() -> None:
    """Who relies on GET would be broken by a rpc that loses it, and by one that wrongly has it."""
    files = {each.DESCRIPTOR.file.name: each.DESCRIPTOR.file for each in public.values() if hasattr(each, "DESCRIPTOR")}
    rpcs = [rpc for file in files.values() for service in file.services_by_name.values() for rpc in service.methods]
    assert len(rpcs) > 50
    safe = {rpc.full_name for rpc in rpcs if rpc.GetOptions().idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS}
    assert safe == {rpc.full_name for rpc in rpcs if rpc.name.startswith(("Get", "List"))}
