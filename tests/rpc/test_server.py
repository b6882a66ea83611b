import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import served

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import pipeline, registry
from hook0_server.model import errors
from hook0_server.rpc import server as rpc_server

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def test_a_unary_call_reaches_its_handler_with_where_it_came_from() -> None:
    seen: list[pipeline.Call] = []

    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        seen.append(call)
        return await served.echo(call, request)

    async with served.serving(served.unary(handler)) as rig:
        response = await rig.call(pb2.PublishEventRequest(application_id="abc").SerializeToString())
    assert response.event_id == "abc"
    assert seen[0].source_ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::1"),
        ("ipv6:[fe80::1%25eth0]:5000", "fe80::1"),
        ("unix:/tmp/socket", None),
    ],
)
def test_the_address_is_read_from_every_form_of_a_peer(peer: str, address: str | None) -> None:
    assert rpc_server.source_ip(peer) == address


async def test_without_a_credential_nothing_is_told_but_that() -> None:
    async with served.serving(served.unary(served.echo)) as rig:
        for wire in (b"", b"\xff\xff", b"x" * 5_000_000):
            code, reason = await served.reason(rig.call(wire, metadata=()))
            assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING")
        wrong = (("authorization", "Bearer nonsense"),)
        code, reason = await served.reason(rig.call(metadata=wrong))
        assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


@pytest.mark.parametrize(
    "wire",
    [
        b"\x0a\x02\xc3\x28",  # application_id in broken UTF-8
        b"\x0a\x05ab",  # a field cut short
        b"\xff\xff\xff",
        b"\x12\x07\x32\x05\x0a\x03k\xff\x01",  # a map entry that is none
    ],
)
async def test_bytes_that_are_not_the_message_are_the_callers_mistake(wire: bytes) -> None:
    async with served.serving(served.unary(served.echo)) as rig:
        failed = await served.failure(rig.call(wire))
    found = served.details(failed)
    assert (failed.code(), found["ErrorInfo"].reason) == (INVALID, "FIELD_INVALID")
    assert "PublishEventRequest" in found["BadRequest"].field_violations[0].description


async def test_a_message_above_4_mib_has_a_reason_and_one_above_8_mib_has_not() -> None:
    def sized(size: int) -> bytes:
        return pb2.PublishEventRequest(event=pb2.NewEvent(payload=b"x" * size)).SerializeToString()

    async with served.serving(served.unary(served.echo)) as rig:
        assert await rig.call(sized(4 * 1024 * 1024 - 100)) is not None
        assert await served.reason(rig.call(sized(4 * 1024 * 1024))) == (INVALID, "MESSAGE_TOO_LARGE")
        assert await served.reason(rig.call(sized(7 * 1024 * 1024))) == (INVALID, "MESSAGE_TOO_LARGE")
        failed = await served.failure(rig.call(sized(9 * 1024 * 1024)))
        assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_fault_tells_only_its_request_id() -> None:
    async with served.serving(served.refusing(KeyError("a secret detail"))) as rig:
        failed = await served.failure(rig.call())
    assert failed.code() is grpc.StatusCode.INTERNAL
    assert "secret detail" not in str(failed)
    info = served.details(failed)["ErrorInfo"]
    assert (info.reason, bool(info.metadata["request_id"])) == ("INTERNAL", True)


async def test_a_stream_answers_and_then_says_why_it_ends() -> None:
    async def handler(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        for number in range(3):
            yield pb2.PublishEventResponse(event_id=str(number))
        raise errors.OutOfRange("CURSOR_EXPIRED", "Start anew.", metadata={"oldest_at": "2026-01-01T00:00:00Z"})

    got: list[str] = []
    async with served.serving(served.operation(registry.Kind.SERVER_STREAM, handler)) as rig:
        stream = rig.listen()
        for _ in range(3):
            got += [(await stream.read()).event_id]
        failed = await served.failure(stream)
    assert got == ["0", "1", "2"]
    assert failed.code() is grpc.StatusCode.OUT_OF_RANGE
    assert served.details(failed)["ErrorInfo"].metadata["oldest_at"] == "2026-01-01T00:00:00Z"


async def test_a_broken_message_in_a_stream_of_requests_ends_it_after_the_answers_to_the_others() -> None:
    async def handler(call: pipeline.Call, requests: AsyncIterator[Any]) -> AsyncIterator[pb2.PublishEventResponse]:
        async for request in requests:
            yield pb2.PublishEventResponse(event_id=request.application_id)

    async with served.serving(served.operation(registry.Kind.BIDI_STREAM, handler)) as rig:
        stream = rig.talk()
        await stream.write(pb2.PublishEventRequest(application_id="1").SerializeToString())
        assert (await stream.read()).event_id == "1"
        await stream.write(b"\x0a\x02\xc3\x28")
        assert await served.reason(stream) == (INVALID, "FIELD_INVALID")


async def test_a_client_that_leaves_ends_the_handler() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def handler(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        try:
            yield pb2.PublishEventResponse()
            started.set()
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async with served.serving(served.operation(registry.Kind.SERVER_STREAM, handler)) as rig:
        stream = rig.listen()
        await stream.read()
        await served.until(started)
        stream.cancel()
        await served.until(ended)


async def test_a_client_that_leaves_a_stream_it_does_not_read_ends_the_handler() -> None:
    full, ended = asyncio.Event(), asyncio.Event()

    async def handler(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        try:
            while True:
                yield pb2.PublishEventResponse(event_id="x" * 100_000)
                full.set()
        finally:
            ended.set()

    async with served.serving(served.operation(registry.Kind.SERVER_STREAM, handler)) as rig:
        stream = rig.listen()
        await stream.read()
        await served.until(full)
        stream.cancel()
        await served.until(ended)


async def test_draining_refuses_new_calls_ends_the_streams_and_waits_for_the_rest() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def stream(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        yield pb2.PublishEventResponse()
        await call.stopping.wait()
        raise pipeline.stopping_refusal()

    async def slow(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        begun.set()
        await may_end.wait()
        return await served.echo(call, request)

    async with served.serving(served.operation(registry.Kind.SERVER_STREAM, stream), served.unary(slow)) as rig:
        watching, in_flight = rig.listen(), rig.call()
        await watching.read()
        await served.until(begun)
        draining = asyncio.create_task(rig.server.drain())
        stopping = (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")
        assert await served.reason(watching) == stopping
        failed = await served.failure(rig.call())
        assert (failed.code(), served.details(failed)["ErrorInfo"].reason) == stopping
        assert served.details(failed)["RetryInfo"].retry_delay.seconds == 1
        assert not draining.done()
        may_end.set()
        await in_flight
        await asyncio.wait_for(draining, 10)
        await rig.server.stop(1)
        await rig.server.stop(1)


async def test_stopping_cuts_what_does_not_end_within_the_grace() -> None:
    begun = asyncio.Event()

    async def stubborn(call: pipeline.Call, request: Any) -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with served.serving(served.unary(stubborn)) as rig:
        call = rig.call()
        await served.until(begun)
        await asyncio.wait_for(rig.server.stop(0.05), 10)
        assert (await served.failure(call)).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_second_server_on_the_same_port_is_refused_and_not_a_silent_partner() -> None:
    async with served.serving(served.unary(served.echo)) as rig:
        second = rpc_server.GrpcServer([], None, rig.bound)  # type: ignore[arg-type]
        with pytest.raises(OSError, match=rig.bound):
            await second.start()


def test_one_name_for_two_operations_is_refused() -> None:
    twice = [served.unary(served.echo), served.unary(served.echo)]
    with pytest.raises(ValueError, match="declared twice"):
        rpc_server.GrpcServer(twice, None, "127.0.0.1:0")  # type: ignore[arg-type]
