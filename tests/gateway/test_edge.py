"""What the HTTP port does with strangers: rubbish, floods, slow and idle ones, paths that try something."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import edges
import pytest
import pytest_asyncio
from aiohttp import web
from structlog import testing

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import pipeline
from hook0_server.gateway import app, connection, health

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBLEM = "application/problem+json"
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"


async def answer(call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
    return pb2.PublishEventResponse(event_id=call.source_ip or "")


@contextlib.asynccontextmanager
async def guarded(**limits: Any) -> AsyncIterator[edges.Port]:
    with_limits = app.Edge(limits=connection.Limits(**limits))
    async with edges.serving(edges.operation("PublishEvent", answer), guarded=with_limits) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port() -> AsyncIterator[edges.Port]:
    async with edges.serving(edges.operation("PublishEvent", answer)) as served:
        yield served


@contextlib.asynccontextmanager
async def connected(port: edges.Port) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*port.bound.split(":"))
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


def problem(raw: bytes) -> tuple[int, str]:
    """Status and reason of one answer, which has to be a problem document with the safe headers, and nothing else."""
    head, _, body = raw.partition(b"\r\n\r\n")
    said = head.decode().lower()
    assert f"content-type: {PROBLEM}" in said
    assert "x-content-type-options: nosniff" in said
    assert "traceback" not in body.decode().lower()
    assert body.startswith(b"{")
    document = json.loads(body)
    status = int(head.split(b" ")[1])
    assert document["status"] == status
    assert document["detail"].endswith(".")
    return status, document["reason"]


@pytest.mark.parametrize(
    "raw",
    [
        b"rubbish\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"<script>alert(1)</script> / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)  # fmt: skip
async def test_rubbish_gets_a_problem_and_the_connection_is_closed(port: edges.Port, raw: bytes) -> None:
    assert problem(await port.say(raw)) == (400, "HTTP_MALFORMED")


async def test_rubbish_behind_a_good_request_is_refused(port: edges.Port) -> None:
    with testing.capture_logs() as logged:
        assert problem(await port.say(HEALTH + b"\r\nrubbish\r\n\r\n")) == (400, "HTTP_MALFORMED")
    assert [line["log_level"] for line in logged] == ["debug"]  # anybody can cause these lines


async def test_rubbish_after_an_answer_is_refused(port: edges.Port) -> None:
    async with connected(port) as (reader, writer):
        writer.write(HEALTH + b"\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 503 ")  # the health of a server without a database
        writer.write(b"rubbish\r\n\r\n")
        assert problem(await reader.read()) == (400, "HTTP_MALFORMED")


CALL = f"POST {edges.PUBLISH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


async def test_chunks_that_are_none_are_refused(port: edges.Port) -> None:
    assert problem(await port.say(CALL + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")) == (400, "HTTP_MALFORMED")


async def test_chunks_that_break_later_end_the_wait_for_the_body() -> None:
    """aiohttp does not tell the reader of a body that its chunks are broken."""
    async with guarded(body_seconds=0.2) as port, connected(port) as (reader, writer):
        writer.write(CALL + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.readuntil(b"100 Continue\r\n\r\n")
        writer.write(b"zz\r\n{}\r\n")
        assert (await reader.readuntil(b"BODY_TOO_SLOW")).startswith(b"HTTP/1.1 408 ")


async def test_half_a_body_is_no_call(port: edges.Port) -> None:
    async with connected(port) as (reader, writer):
        writer.write(CALL + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        await reader.readuntil(b"100 Continue\r\n\r\n")
        with testing.capture_logs() as logged:
            writer.write(b"{")
            writer.write_eof()
            assert await reader.read() == b""
    assert logged == []


async def test_a_fault_before_any_handler_tells_nothing(port: edges.Port, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("hidden")

    monkeypatch.setattr(web.UrlDispatcher, "resolve", fail)
    with testing.capture_logs() as logged:
        said = await port.say(HEALTH + CLOSE)
    assert problem(said) == (500, "INTERNAL")
    assert b"hidden" not in said
    assert [(line["event"], line["log_level"], str(line["exc_info"])) for line in logged] == [
        ("http.failed", "error", "hidden")
    ]


async def test_a_fault_of_a_handler_tells_nothing_but_an_id(port: edges.Port, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: Any) -> None:
        raise RuntimeError("hidden")

    monkeypatch.setattr(health.Health, "report", fail)
    with testing.capture_logs() as logged:
        said = await port.ask("GET", "/health", X_Request_Id="mine")
    assert (said.status, said.json["reason"], said.json["metadata"]) == (500, "INTERNAL", {"request_id": "mine"})
    assert b"hidden" not in said.body
    assert [(line["event"], line["request_id"]) for line in logged] == [("http.failed", "mine")]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (HEALTH + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (HEALTH + b"x" * 9000 + b": x\r\n\r\n", 431),
        (HEALTH + b"X: x\r\n" * 65 + b"\r\n", 431),
        (HEALTH + (b"X: " + b"x" * 8000 + b"\r\n") * 5 + CLOSE, 431),
        (b"GET /" + b"x" * 17000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
)
async def test_headers_and_paths_are_bounded(port: edges.Port, raw: bytes, status: int) -> None:
    assert problem(await port.say(raw)) == (status, "HEADERS_TOO_LARGE")


async def test_a_header_flood_without_an_end_is_cut(port: edges.Port) -> None:
    said = await port.say(HEALTH + b"".join(b"X-%d: x\r\n" % number for number in range(100)))
    assert problem(said) == (431, "HEADERS_TOO_LARGE")


@pytest.mark.parametrize(
    "path",
    ["/", "/x", "//health", "/x/../health", "/./health", "/%2e%2e/health", "/health/", "/health%2F", "/health%00", "/%", "/%zz",
     "/%ff%fe", "/metrics/..;/health", "/hook0.v2.EventService/GetEvent", "/receiver", "/HEALTH", "/health;x", "/\\health",
     "/%3Cscript%3E"],
)  # fmt: skip
async def test_a_path_that_is_none_is_not_found(port: edges.Port, path: str) -> None:
    said = await port.say(f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + CLOSE)
    assert problem(said) == (404, "PATH_NOT_FOUND")


async def test_a_path_of_raw_bytes_is_not_found_either(port: edges.Port) -> None:
    said = await port.say(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n" + CLOSE)
    assert problem(said) in ((404, "PATH_NOT_FOUND"), (400, "HTTP_MALFORMED"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
async def test_another_method_is_refused_with_those_that_are_served(port: edges.Port, method: str) -> None:
    said = await port.say(f"{method} /health HTTP/1.1\r\nHost: x\r\n".encode() + CLOSE)
    assert problem(said) == (405, "METHOD_NOT_ALLOWED")
    assert b"Allow: GET, HEAD\r\n" in said


async def test_an_expectation_of_something_else_is_refused(port: edges.Port) -> None:
    said = await port.say(HEALTH + b"Expect: the-unexpected\r\n" + CLOSE)
    assert problem(said) == (400, "HTTP_MALFORMED")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/nothing", edges.PUBLISH])
async def test_every_answer_keeps_browsers_safe_and_says_no_versions(port: edges.Port, path: str) -> None:
    said = await port.ask("GET", path)
    assert said.headers["X-Content-Type-Options"] == "nosniff"
    assert said.headers["Referrer-Policy"] == "no-referrer"
    assert said.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in said.headers["Content-Security-Policy"]
    assert said.headers["Cache-Control"] == "no-store"
    assert said.headers["Server"] == "hook0"


async def test_a_request_id_is_echoed_and_logged_and_else_made(port: edges.Port) -> None:
    with testing.capture_logs() as logged:
        given = await port.ask("POST", edges.PUBLISH, b"{}", Content_Type="application/json", X_Request_Id="mine-1")
        made = await port.ask("POST", edges.PUBLISH, b"{}", Content_Type="application/json", X_Request_Id="not mine")
        nowhere = await port.ask("GET", "/nothing")
    assert given.headers["X-Request-Id"] == "mine-1"
    assert made.headers["X-Request-Id"] not in ("not mine", nowhere.headers["X-Request-Id"])
    assert nowhere.json["request_id"] == nowhere.headers["X-Request-Id"]
    lines = [line["request_id"] for line in logged if line["event"] == "rpc.finished"]
    assert lines == ["mine-1", made.headers["X-Request-Id"]]


async def test_a_request_id_of_raw_bytes_is_replaced(port: edges.Port) -> None:
    said = await port.say(HEALTH + b"X-Request-Id: \xff\xfe\r\n" + CLOSE)
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"\xff" not in said


async def test_the_address_of_a_call_is_the_peers(port: edges.Port) -> None:
    said = await port.ask("POST", edges.PUBLISH, b"{}", Content_Type="application/json", X_Forwarded_For="192.0.2.1")
    assert said.json["eventId"] == "127.0.0.1"


async def test_who_says_nothing_or_half_a_request_is_closed() -> None:
    async with guarded(first_request_seconds=0.2) as port:
        for raw in (b"", b"GET /hea", HEALTH):
            assert await asyncio.wait_for(port.say(raw), 10) == b""


async def test_who_has_asked_may_idle_longer_but_not_for_ever() -> None:
    async with guarded(first_request_seconds=0.2, keep_alive_seconds=0.4) as port:
        started = asyncio.get_running_loop().time()
        said = await asyncio.wait_for(port.say(HEALTH + b"\r\n"), 10)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert asyncio.get_running_loop().time() - started > 0.35


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with guarded(body_seconds=0.2) as port, connected(port) as (reader, writer):
        writer.write(CALL + b"Content-Length: 10\r\n\r\n{")
        assert (await reader.readuntil(b"BODY_TOO_SLOW")).startswith(b"HTTP/1.1 408 ")


async def test_connections_are_bounded_and_a_place_that_is_left_is_taken_again() -> None:
    async with guarded(connections=1) as port:
        _, first = await asyncio.open_connection(*port.bound.split(":"))
        first.write(HEALTH + b"\r\n")
        said = await port.say(b"")
        assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert json.loads(said.partition(b"\r\n\r\n")[2])["reason"] == "TOO_MANY_CONNECTIONS"
        first.close()
        async with asyncio.timeout(10):
            while b"TOO_MANY" in await port.say(HEALTH + CLOSE):
                pass
