"""Streams of answers in the Connect protocol: envelopes in, envelopes out, and how they end."""

import asyncio
import gzip
import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import edges
import pytest
import pytest_asyncio

from hook0_client._gen.hook0.v1 import attempt_service_pb2 as pb2
from hook0_server.api import pipeline
from hook0_server.gateway import app, connection
from hook0_server.model import errors

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/hook0.v1.AttemptService/WatchAttempts"
JSON, PROTO = "application/connect+json", "application/connect+proto"


class Handler:
    """What it answers goes by the application's id: that many messages, then it ends, is refused, or waits."""

    def __init__(self) -> None:
        self.left, self.told = asyncio.Event(), 0

    async def watch(self, call: pipeline.Call, request: pb2.WatchAttemptsRequest) -> AsyncGenerator[Any, None]:
        many, _, then = request.application_id.partition(" ")
        try:
            for number in range(int(many)):
                self.told = number
                yield pb2.WatchAttemptsResponse(cursor=f"{number}" * int(then if then.isdecimal() else 1))
            if then == "refused":
                raise errors.OutOfRange("CURSOR_EXPIRED", "m", metadata={"oldest_at": "x"})
            if then == "wait":
                await call.stopping.wait()
                raise pipeline.stopping_refusal()
        finally:
            self.left.set()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def handler() -> Handler:
    return Handler()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port(handler: Handler) -> AsyncIterator[edges.Port]:
    async with edges.serving(
        edges.operation("WatchAttempts", handler.watch), edges.operation("PublishEventStream", handler.watch)
    ) as served:
        yield served


def envelope(said: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(said)) + said


def asking(application_id: str) -> bytes:
    return envelope(json.dumps({"applicationId": application_id}).encode())


def envelopes(body: bytes) -> list[tuple[int, bytes]]:
    found = []
    while body:
        flags, length = struct.unpack_from(">BI", body)
        found.append((flags, body[5 : 5 + length]))
        assert len(found[-1][1]) == length
        body = body[5 + length :]
    return found


async def post(port: edges.Port, body: bytes, *, kind: str = JSON, path: str = PATH, **headers: Any) -> edges.Said:
    return await port.ask("POST", path, body, Content_Type=kind, **headers)


def end(answer: edges.Said) -> Any:
    """How a stream ended: the last envelope, and only that, says it."""
    *others, (flags, last) = envelopes(answer.body)
    assert flags == 2
    assert all(flags in (0, 1) for flags, _ in others)
    return json.loads(last)


def refused(answer: edges.Said) -> tuple[int, str, str]:
    error = end(answer)["error"]
    (info,) = [each for each in error["details"] if each["type"] == "google.rpc.ErrorInfo"]
    return answer.status, error["code"], info["debug"]["reason"]


async def test_messages_are_enveloped_and_the_end_says_that_it_went_well(port: edges.Port) -> None:
    answer = await post(port, asking("3"), Connect_Protocol_Version="1", Connect_Timeout_Ms="9999999999")
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    *said, _ = envelopes(answer.body)
    assert [(flags, json.loads(body)["cursor"]) for flags, body in said] == [(0, "0"), (0, "1"), (0, "2")]
    assert end(answer) == {}


async def test_bytes_in_give_bytes_out(port: edges.Port) -> None:
    asked = pb2.WatchAttemptsRequest(application_id="1").SerializeToString()
    answer = await post(port, envelope(asked), kind=PROTO)
    assert answer.headers["Content-Type"] == PROTO
    assert pb2.WatchAttemptsResponse.FromString(envelopes(answer.body)[0][1]).cursor == "0"


async def test_a_refusal_ends_the_stream_with_its_details(port: edges.Port) -> None:
    answer = await post(port, asking("2 refused"))
    assert len(envelopes(answer.body)) == 3
    assert refused(answer) == (200, "out_of_range", "CURSOR_EXPIRED")


async def test_without_a_credential_nothing_is_read(port: edges.Port) -> None:
    assert refused(await post(port, b"?", authorization=None)) == (200, "unauthenticated", "CREDENTIALS_MISSING")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0\0\0\0", asking("1") + asking("1"), asking("1")[:-1], asking("1") + b"x", envelope(b"{}", 2),
        envelope(b"{}", 4), envelope(b"{}", 128), envelope(gzip.compress(b"{}", mtime=0), 1),
        b"\0\xff\xff\xff\xff", b'{"applicationId":"1"}',
    ],
)  # fmt: skip
async def test_what_is_not_one_envelope_is_refused(port: edges.Port, body: bytes) -> None:
    assert refused(await post(port, body)) == (200, "invalid_argument", "FIELD_INVALID")


async def test_messages_are_compressed_one_by_one_where_both_sides_do(port: edges.Port) -> None:
    body = envelope(gzip.compress(asking("2 2000")[5:]), 1)
    answer = await post(port, body, Connect_Content_Encoding="gzip", Connect_Accept_Encoding="br,gzip")
    assert answer.headers["Connect-Content-Encoding"] == "gzip"
    (flags, said), *_ = envelopes(answer.body)
    assert (flags, len(json.loads(gzip.decompress(said))["cursor"])) == (1, 2000)
    assert end(answer) == {}
    plain = await post(port, body, Connect_Content_Encoding="gzip")
    assert [flags for flags, _ in envelopes(plain.body)] == [0, 0, 2]


async def test_another_compression_is_unimplemented(port: edges.Port) -> None:
    for headers in ({"Connect_Content_Encoding": "br"}, {"Content_Encoding": "gzip"}):
        said = refused(await post(port, asking("1"), **headers))
        assert said == (200, "unimplemented", "COMPRESSION_UNSUPPORTED")


async def test_a_bomb_is_refused(port: edges.Port) -> None:
    bomb = envelope(gzip.compress(b" " * 16 * 1024 * 1024), 1)
    said = refused(await post(port, bomb, Connect_Content_Encoding="gzip"))
    assert said == (200, "invalid_argument", "MESSAGE_TOO_LARGE")


async def test_what_is_too_large_is_refused(port: edges.Port) -> None:
    said = refused(await post(port, envelope(b" " * (pipeline.LARGEST_REQUEST_BYTES + 1))))
    assert said == (200, "invalid_argument", "MESSAGE_TOO_LARGE")


async def test_a_stream_ends_when_its_time_is_over(port: edges.Port, handler: Handler) -> None:
    handler.left.clear()
    answer = await post(port, asking("2 wait"), Connect_Timeout_Ms="60")
    assert refused(answer) == (200, "deadline_exceeded", "DEADLINE_EXCEEDED")
    assert len(envelopes(answer.body)) == 3
    assert handler.left.is_set()


@pytest.mark.parametrize(
    ("headers", "field"),
    [({"Connect_Timeout_Ms": "x"}, "Connect-Timeout-Ms"), ({"Connect_Protocol_Version": "9"}, "Connect-Protocol-Version")],
)
async def test_a_header_that_is_wrong_is_named(port: edges.Port, headers: dict[str, str], field: str) -> None:
    error = end(await post(port, asking("1"), **headers))["error"]
    assert error["code"] == "invalid_argument"
    assert field in error["message"]


@pytest.mark.parametrize("kind", ["application/json", "application/proto", "application/grpc-web", ""])
async def test_the_form_of_a_single_answer_is_refused(port: edges.Port, kind: str) -> None:
    answer = await post(port, asking("1"), kind=kind)
    assert (answer.status, answer.headers["Accept-Post"]) == (415, f"{JSON}, {PROTO}")
    assert answer.json["code"] == "unimplemented"


async def test_a_stream_is_not_asked_for_by_get(port: edges.Port) -> None:
    answer = await port.ask("GET", f"{PATH}?encoding=json&message={{}}")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_stream_of_requests_is_refused_with_what_to_call_instead(port: edges.Port) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield envelope(b"{}")
        await asyncio.Event().wait()

    answer = await port.ask("POST", "/hook0.v1.IngestionService/PublishEventStream", endless(), Content_Type=PROTO)
    assert refused(answer) == (200, "unimplemented", "STREAM_UNSUPPORTED")
    assert "hook0.v1.IngestionService/PublishEvents " in end(answer)["error"]["message"]


async def test_a_client_that_leaves_ends_the_handler(port: edges.Port, handler: Handler) -> None:
    handler.left.clear()
    reader, writer = await asyncio.open_connection(*port.bound.split(":"))
    writer.write(_head(len(asking("1 wait"))) + asking("1 wait"))
    await asyncio.wait_for(reader.readuntil(b'{"cursor":"0"}'), 10)
    assert not handler.left.is_set()
    writer.close()
    await asyncio.wait_for(handler.left.wait(), 10)
    await asyncio.wait_for(port.through.idle(), 10)


async def test_a_client_that_reads_nothing_is_waited_for_in_bounds_and_then_cut(handler: Handler) -> None:
    handler.left.clear()
    limits = connection.Limits(stalled_seconds=0.3)
    asked = asking("1000000 10000")
    async with edges.serving(edges.operation("WatchAttempts", handler.watch), guarded=app.Edge(limits=limits)) as port:
        reader, writer = await asyncio.open_connection(*port.bound.split(":"), limit=1024)
        writer.write(_head(len(asked)) + asked)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        await asyncio.wait_for(handler.left.wait(), 20)
        writer.close()
    assert handler.told < 5000  # of 10 to 60 KB: what the kernel holds of them, and little more


async def test_a_server_that_stops_ends_its_streams_with_when_to_come_back(handler: Handler) -> None:
    async with edges.serving(edges.operation("WatchAttempts", handler.watch)) as port:
        reader, writer = await asyncio.open_connection(*port.bound.split(":"))
        writer.write(_head(len(asking("1 wait"))) + asking("1 wait"))
        await asyncio.wait_for(reader.readuntil(b'{"cursor":"0"}'), 10)
        port.through.stop()
        rest = await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 10)
        assert b'"code":"unavailable"' in rest
        assert b"SERVER_STOPPING" in rest
        assert b"google.rpc.RetryInfo" in rest
        assert refused(await post(port, asking("1"))) == (200, "unavailable", "SERVER_STOPPING")
        writer.close()


def _head(length: int) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nAuthorization: {edges.MASTER}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
