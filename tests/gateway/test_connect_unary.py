"""Calls of one request and one answer in the Connect protocol."""

import asyncio
import json
from collections.abc import AsyncIterator

import connecting
import edges
import pytest
import pytest_asyncio
from structlog import testing

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import ending, pipeline
from hook0_server.gateway import codec
from hook0_server.model import errors

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTO = "application/proto"
MOST = pipeline.LARGEST_REQUEST_BYTES


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def handler() -> connecting.Handler:
    return connecting.Handler()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port(handler: connecting.Handler) -> AsyncIterator[edges.Port]:
    async with edges.serving(edges.operation("PublishEvent", handler.answer)) as served:
        yield served


async def test_json_in_gives_json_out(port: edges.Port) -> None:
    answer = await connecting.post(port, {"applicationId": "a"}, Connect_Protocol_Version="1")
    assert (answer.status, answer.headers["Content-Type"]) == (200, connecting.JSON)
    assert answer.json == {"eventId": "a", "deliveryCount": 7}


async def test_the_names_of_the_proto_are_taken_in_json_and_utf_8_may_be_said(port: edges.Port) -> None:
    answer = await connecting.post(port, {"application_id": "ä"}, kind="application/json; charset=UTF-8")
    assert answer.json["eventId"] == "ä"


async def test_bytes_in_give_bytes_out(port: edges.Port) -> None:
    answer = await connecting.post(port, pb2.PublishEventRequest(application_id="a").SerializeToString(), kind=PROTO)
    assert (answer.status, answer.headers["Content-Type"]) == (200, PROTO)
    assert pb2.PublishEventResponse.FromString(answer.body).event_id == "a"


async def test_unknown_fields_are_left_out_so_that_clients_may_be_newer(port: edges.Port) -> None:
    answer = await connecting.post(port, {"applicationId": "a", "invented": [1], "event": {"also": {}}})
    assert (answer.status, answer.json["eventId"]) == (200, "a")


@pytest.mark.parametrize("given", ["eyJ+Pz8/fQ==", "eyJ+Pz8/fQ", "eyJ-Pz8_fQ", "eyJ-Pz8_fQ=="])
async def test_bytes_are_base64_of_either_alphabet_with_or_without_padding(
    port: edges.Port, handler: connecting.Handler, given: str
) -> None:
    assert (await connecting.post(port, {"event": {"payload": given}})).status == 200
    assert handler.requests[-1].event.payload == b'{"~???}'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"a"', b"\xff\xfe", b"{}{}", b'{"applicationId":1}', b'{"applicationId":"\\ud800"}',
        b'{"event":[1]}', b'{"event":{"payload":"?"}}', b'{"event":{"payload":"{}"}}', b'{"event":{"payload":"YQ=b"}}',
        b'{"event":{"labels":{"a":1}}}', b'{"event":{"labels":[]}}',
        b'{"event":{"occurredAt":"x"}}', b'{"event":{"occurredAt":{}}}', b'{"event":{"occurredAt":1}}',
        b'{"event":{"occurredAt":"99999-01-01T00:00:00Z"}}', b'{"event":{"payload":"","payloadText":""}}',
        b'{"event":' * 2000 + b"{}" + b"}" * 2000, b"NaN", b'{"applicationId":NaN}',
    ],
)  # fmt: skip
async def test_what_is_not_the_message_is_refused_with_what_was_wrong(port: edges.Port, body: bytes) -> None:
    with testing.capture_logs() as logged:
        answer = await connecting.post(port, body)
    assert (answer.status, answer.json["code"], connecting.reason(answer)) == (400, "invalid_argument", "FIELD_INVALID")
    (violation,) = connecting.detail(answer, "BadRequest").field_violations
    assert violation.field == "request"
    assert "hook0.v1.PublishEventRequest" in violation.description
    assert [line["event"] for line in logged] == ["rpc.finished"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":{},"x":[' + b"{}," * 2000 + b"{}]}",
        b'{"x":{' + b",".join(b'"%d":0' % number for number in range(2001)) + b"}}",
        b'{"x":[' + b",".join([b"[" + b"0," * 1900 + b"0]"] * 80) + b"]}",
        b'{"x":[' + b",".join([b"[" + b"{}," * 1900 + b"0]"] * 80) + b"]}",
    ],
    ids=["entries", "keys", "numbers", "objects"],
)
async def test_json_of_more_values_than_a_request_can_have_is_refused(port: edges.Port, body: bytes) -> None:
    """4 MiB of empty events would take half a minute to become a message."""
    answer = await connecting.post(port, body)
    assert (answer.status, connecting.reason(answer)) == (400, "FIELD_INVALID")
    assert "2000 entries in one place, or 150000 values" in answer.json["message"]


async def test_the_largest_batch_is_not_too_many_values() -> None:
    pairs = {f"k{number}": "v" for number in range(50)}
    event = {"labels": dict(list(pairs.items())[:10]), "metadata": pairs} | dict.fromkeys(("eventId", "eventType"), "")
    wanted = pb2.PublishEventsRequest
    body = json.dumps({"events": [event] * 1000}).encode()
    read = codec.JSON.decode(wanted, body)
    assert isinstance(read, wanted)
    assert len(read.events) == 1000


async def test_bytes_that_are_not_the_message_are_refused(port: edges.Port) -> None:
    answer = await connecting.post(port, b"\x0a\xff", kind=PROTO)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


async def test_what_is_wrong_is_told_only_to_who_has_a_credential(port: edges.Port) -> None:
    for body, headers in ((b"{", {}), (b"{}", {"Content_Encoding": "gzip"}), (b" " * (MOST + 1), {})):
        answer = await connecting.post(port, body, authorization=None, **headers)
        assert (answer.status, answer.json["code"], connecting.reason(answer)) == (
            401,
            "unauthenticated",
            "CREDENTIALS_MISSING",
        )
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_credential_that_is_no_text_is_refused(port: edges.Port) -> None:
    raw = f"POST {edges.PUBLISH} HTTP/1.1\r\nHost: x\r\nContent-Type: {connecting.JSON}\r\n"
    raw += "Connection: close\r\nContent-Length: 2\r\n"
    said = await port.say(raw.encode() + b"Authorization: Bearer \xff\xfe\r\n\r\n{}")
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"CREDENTIALS_INVALID" in said


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (errors.InvalidRequest("X", "m"), 400, "invalid_argument"),
        (errors.Unauthenticated("X", "m"), 401, "unauthenticated"),
        (errors.Denied("X", "m"), 403, "permission_denied"),
        (errors.NotFound("X", "m"), 404, "not_found"),
        (errors.AlreadyExists("X", "m"), 409, "already_exists"),
        (errors.Precondition("X", "m"), 400, "failed_precondition"),
        (errors.Conflict("X", "m"), 409, "aborted"),
        (errors.OutOfRange("X", "m"), 400, "out_of_range"),
        (errors.QuotaExceeded("X", "m"), 429, "resource_exhausted"),
        (errors.Unavailable("X", "m"), 503, "unavailable"),
    ],
)
async def test_each_refusal_has_its_status_and_its_code(
    port: edges.Port, handler: connecting.Handler, refusal: errors.Refused, status: int, code: str
) -> None:
    assert type(refusal) in ending.CODES
    handler.refusals["no"] = refusal
    answer = await connecting.post(port, {"applicationId": "no"})
    assert (answer.status, answer.json["code"], answer.json["message"]) == (status, code, "m")
    assert answer.headers["Content-Type"] == connecting.JSON
    assert connecting.reason(answer) == "X"


async def test_the_details_are_those_of_grpc(port: edges.Port, handler: connecting.Handler) -> None:
    handler.refusals["no"] = errors.QuotaExceeded("X", "m", metadata={"quota": "events"}, retry_after=1.5)
    answer = await connecting.post(port, {"applicationId": "no"})
    assert connecting.detail(answer, "RetryInfo").retry_delay.ToMilliseconds() == 1500
    assert connecting.detail(answer, "QuotaFailure").violations[0].subject == "events"
    assert answer.headers["Retry-After"] == "2"


async def test_a_fault_of_the_server_tells_nothing_but_an_id(port: edges.Port, handler: connecting.Handler) -> None:
    handler.refusals["no"] = RuntimeError("hidden")
    with testing.capture_logs() as logged:
        answer = await connecting.post(port, {"applicationId": "no"}, X_Request_Id="id-of-mine")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert b"hidden" not in answer.body
    assert connecting.detail(answer, "ErrorInfo").metadata["request_id"] == answer.headers["X-Request-Id"] == "id-of-mine"
    assert [line["request_id"] for line in logged] == ["id-of-mine"]


@pytest.mark.parametrize("given", ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=latin-1",
                                   "application/grpc", "application/connect+json"])  # fmt: skip
async def test_another_content_type_is_refused_with_those_that_are_taken(port: edges.Port, given: str) -> None:
    answer = await connecting.post(port, kind=given)
    assert (answer.status, answer.headers["Accept-Post"]) == (415, f"{connecting.JSON}, {PROTO}")
    assert (answer.json["code"], connecting.reason(answer)) == ("unimplemented", "CONTENT_TYPE_UNSUPPORTED")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
async def test_another_method_is_refused_with_those_that_are_taken(port: edges.Port, method: str) -> None:
    answer = await port.ask(method, edges.PUBLISH)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert method == "HEAD" or connecting.reason(answer) == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "path",
    ["IngestionService/Publish", "Nothing/GetEvent", "X", "IngestionService/PublishEvent/", "IngestionService%2FPublishEvent"],
)
async def test_a_rpc_that_is_none_is_unimplemented(port: edges.Port, path: str) -> None:
    answer = await port.ask("POST", f"/hook0.v1.{path}", b"{}", Content_Type=connecting.JSON)
    assert (answer.status, answer.json["code"], connecting.reason(answer)) == (404, "unimplemented", "PATH_NOT_FOUND")


@pytest.mark.parametrize("given", ["2", "v1", "", "1.0"])
async def test_another_version_of_the_protocol_is_refused(port: edges.Port, given: str) -> None:
    answer = await connecting.post(port, Connect_Protocol_Version=given)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert connecting.detail(answer, "BadRequest").field_violations[0].field == "Connect-Protocol-Version"


@pytest.mark.parametrize("given", ["", "-1", "1.5", "1s", "12345678901", "٣", "0x1", "1e3"])
async def test_a_timeout_is_a_number_of_at_most_ten_digits(port: edges.Port, given: str) -> None:
    answer = await connecting.post(port, Connect_Timeout_Ms=given)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert connecting.detail(answer, "BadRequest").field_violations[0].field == "Connect-Timeout-Ms"


async def test_a_call_ends_when_its_time_is_over(port: edges.Port, handler: connecting.Handler) -> None:
    handler.left.clear()
    answer = await connecting.post(port, {"applicationId": "wait"}, Connect_Timeout_Ms="40")
    assert (answer.status, answer.json["code"], connecting.reason(answer)) == (504, "deadline_exceeded", "DEADLINE_EXCEEDED")
    await asyncio.wait_for(handler.left.wait(), 10)


async def test_a_timeout_that_is_long_enough_changes_nothing(port: edges.Port) -> None:
    assert (await connecting.post(port, {"applicationId": "a"}, Connect_Timeout_Ms="9999999999")).status == 200


async def test_a_client_that_leaves_ends_the_handler(port: edges.Port, handler: connecting.Handler) -> None:
    handler.entered.clear()
    handler.left.clear()
    calling = asyncio.create_task(connecting.post(port, {"applicationId": "wait"}))
    await asyncio.wait_for(handler.entered.wait(), 10)
    calling.cancel()
    await asyncio.wait_for(handler.left.wait(), 10)
    await asyncio.wait_for(port.through.idle(), 10)
