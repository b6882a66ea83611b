"""What publishing refuses, and how: over real gRPC, each with its code, its reason and its field, and nothing stored."""

import secrets
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from publishing import LARGEST, TYPE, Publishing, event, publishing

import hook0_client
from hook0_client import errors, v1
from hook0_server import app
from hook0_server.ingest import queue
from hook0_server.model import ids
from hook0_server.store import publish


@pytest.fixture
async def into(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Publishing]:
    async with publishing(server, master) as opened:
        yield opened


def id7(hours_ahead: float) -> str:
    return str(ids.uuid7(time.time() + hours_ahead * 3600, secrets.randbits(80)))


# What is given in place of a good event's fields, and the field and reason that answer it.
BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"event_type": ""}, "event_type", "FIELD_INVALID"),
    ({"event_type": "alone"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "a.b.c.d.e.f"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user..created"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user.*"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user.crée"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user.created\n"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user." + "x" * 51}, "event_type", "FIELD_INVALID"),
    ({"event_type": "user.\0"}, "event_type", "FIELD_INVALID"),
    ({"event_type": "hook0.own.thing"}, "event_type", "FIELD_INVALID"),
    ({"event_id": "7"}, "event_id", "FIELD_INVALID"),
    ({"event_id": uuid.uuid4().hex}, "event_id", "FIELD_INVALID"),
    ({"event_id": "\0" * 36}, "event_id", "FIELD_INVALID"),
    ({"event_id": "{" + str(uuid.uuid4())[:34] + "}"}, "event_id", "FIELD_INVALID"),
    ({"payload_text": "{"}, "payload_text", "PAYLOAD_NOT_JSON"),
    ({"payload_text": ""}, "payload_text", "PAYLOAD_NOT_JSON"),
    ({"payload_text": "NaN"}, "payload_text", "PAYLOAD_NOT_JSON"),
    ({"payload": b""}, "payload", "PAYLOAD_NOT_JSON"),
    ({"payload": b'{"a": "\xff"}'}, "payload", "PAYLOAD_NOT_JSON"),
    ({"payload": b'\xef\xbb\xbf{"a": 1}'}, "payload", "PAYLOAD_NOT_JSON"),
    ({"payload": b"[" * 100_000}, "payload", "PAYLOAD_NOT_JSON"),
    ({"payload": b"\xff\xfe", "payload_content_type": "text/plain"}, "payload", "FIELD_INVALID"),
    ({"payload_content_type": "application/xml"}, "payload_content_type", "FIELD_INVALID"),
    ({"payload_content_type": "application/json\r\nX-A: b"}, "payload_content_type", "FIELD_INVALID"),
    ({"payload_content_type": "text/plain\0"}, "payload_content_type", "FIELD_INVALID"),
    ({"labels": {"": "v"}}, "labels", "FIELD_INVALID"),
    ({"labels": {"k" * 51: "v"}}, "labels", "FIELD_INVALID"),
    ({"labels": {"k": ""}}, "labels", "FIELD_INVALID"),
    ({"labels": {"k": "v" * 51}}, "labels", "FIELD_INVALID"),
    ({"labels": {"k": "a\0b"}}, "labels", "FIELD_INVALID"),
    ({"labels": {"a\0b": "v"}}, "labels", "FIELD_INVALID"),
    ({"labels": {str(number): "v" for number in range(11)}}, "labels", "FIELD_INVALID"),
    ({"metadata": {"k": "a\0b"}}, "metadata", "FIELD_INVALID"),
    ({"metadata": {str(number): "v" for number in range(51)}}, "metadata", "FIELD_INVALID"),
    ({"occurred_at": Timestamp(seconds=253402300800)}, "occurred_at", "FIELD_INVALID"),
    ({"occurred_at": Timestamp(seconds=-62135596801)}, "occurred_at", "FIELD_INVALID"),
    ({"occurred_at": Timestamp(nanos=-1)}, "occurred_at", "FIELD_INVALID"),
    ({"occurred_at": Timestamp(nanos=1_000_000_000)}, "occurred_at", "FIELD_INVALID"),
    ({"payload": b"x" * (LARGEST + 1)}, "payload", "PAYLOAD_TOO_LARGE"),
    ({"payload_text": "é" * (LARGEST // 2 + 1)}, "payload_text", "PAYLOAD_TOO_LARGE"),
]


async def test_a_broken_field_is_refused_alone_with_its_reason_and_nothing_is_stored(into: Publishing) -> None:
    for given, field, reason in BROKEN:
        refusal = await into.refused(event(**given))
        assert isinstance(refusal, hook0_client.InvalidRequest), given
        assert (refusal.reason, refusal.field) == (reason, f"event.{field}"), given
        assert len(refusal.violations) == 1, given
        assert len(refusal.message) < 500


async def test_every_breach_of_one_event_is_told_up_to_twenty(into: Publishing) -> None:
    broken = {str(number): "" for number in range(10)}
    several = v1.NewEvent(event_id="x", labels=broken, metadata={**broken, **{f"k{at}": "" for at in range(20)}})
    refusal = await into.refused(several)
    assert len(refusal.violations) == 20
    fields = {violation.field for violation in refusal.violations}
    assert {"event.event_id", "event.event_type", "event.payload", "event.labels"} <= fields
    with pytest.raises(hook0_client.InvalidRequest) as nothing:
        await into.one(None)
    assert [violation.field for violation in nothing.value.violations] == ["event"]


async def test_what_is_just_within_the_limits_is_stored(into: Publishing) -> None:
    good = [
        event(payload=b'"' + b"x" * (LARGEST - 2) + b'"'),
        event(payload=b"x" * LARGEST, payload_content_type="application/octet-stream"),
        event(payload_text="\0", payload_content_type="text/plain"),
        event(payload=b"\0\xff", payload_content_type="application/octet-stream"),
        event(payload=b"", payload_content_type="application/octet-stream"),
        event(payload_text='{"a": "\\u0000"}'),
        event(labels={"k" * 50: "v" * 50} | {str(number): "ü" * 50 for number in range(9)}),
        event(metadata={str(number): "\\u0000" for number in range(50)}),
        event(occurred_at=Timestamp(seconds=-62135596800)),
        event(occurred_at=Timestamp(seconds=253402300799, nanos=999_999_999)),
        event(event_id=id7(23.9)),
        event(event_id="00000000-0000-0000-0000-000000000000"),
        event(event_id=id7(-24 * 3000)),
    ]
    for each in good:
        answer = await into.one(each)
        assert not answer.duplicate
        kept = await into.client.events.GetEvent(
            v1.GetEventRequest(application_id=into.application_id, event_id=answer.event_id)
        )
        assert kept.event.payload == (each.payload or each.payload_text.encode())
        assert kept.event.metadata == each.metadata
    assert await into.stored() == len(good)


async def test_unknown_and_deactivated_types_are_a_precondition(into: Publishing, master: hook0_client.Client) -> None:
    refusal = await into.refused(event(event_type="user.account.unheard"))
    assert isinstance(refusal, hook0_client.Precondition)
    assert refusal.reason == "EVENT_TYPE_NOT_FOUND"
    await master.event_types.DeleteEventType(v1.DeleteEventTypeRequest(application_id=into.application_id, event_type=TYPE))
    with pytest.raises(hook0_client.Precondition):
        await into.one(event())
    assert {each.error.reason for each in await into.batch([event()] * 3)} == {v1.ErrorReason.ERROR_REASON_EVENT_TYPE_NOT_FOUND}


async def test_credentials_and_applications_are_judged_before_anything_is_stored(
    into: Publishing, server: app.Server, master: hook0_client.Client
) -> None:
    before = await into.stored()
    other = str(uuid.uuid4())
    for application_id in (other, "x"):
        with pytest.raises((hook0_client.Denied, hook0_client.InvalidRequest)) as refused:
            await into.one(event(), application_id)
        assert refused.value.reason in ("PERMISSION_DENIED", "FIELD_INVALID")
    with pytest.raises(hook0_client.NotFound, match=other):
        await master.ingestion.PublishEvent(v1.PublishEventRequest(application_id=other, event=event()))
    for token, reason in ((None, "CREDENTIALS_MISSING"), (other, "CREDENTIALS_INVALID")):
        async with hook0_client.connect(server.grpc, token=token, application_id=into.application_id) as stranger:
            with pytest.raises(hook0_client.Unauthenticated) as unknown:
                await stranger.ingestion.PublishEvent(v1.PublishEventRequest(application_id=into.application_id, event=event()))
            assert unknown.value.reason == reason
    assert await into.stored() == before


async def test_a_batch_has_1_to_1000_events(into: Publishing) -> None:
    for count in (0, 1001):
        with pytest.raises(hook0_client.InvalidRequest) as refused:
            await into.batch([event()] * count)
        assert (refused.value.reason, refused.value.field) == ("FIELD_INVALID", "events")
    assert await into.stored() == 0
    results = await into.batch([event() for _ in range(1000)])
    assert len({each.published.event_id for each in results}) == 1000
    assert await into.stored() == 1000


async def test_a_message_has_at_most_4_mib_to_the_byte(into: Publishing) -> None:
    largest = 4 * 1024 * 1024
    payload, filler = b"x" * 690_000, "application/octet-stream"
    request = v1.PublishEventsRequest(
        application_id=into.application_id,
        events=[event(payload=payload, payload_content_type=filler) for _ in range(6)],
    )
    request.events.append(event(payload=b"x" * 50_000, payload_content_type=filler))
    request.events[-1].payload += b"x" * (largest - request.ByteSize())
    assert request.ByteSize() == largest
    assert len((await into.client.ingestion.PublishEvents(request)).results) == 7
    request.events[-1].payload += b"x"
    with pytest.raises(hook0_client.InvalidRequest) as refused:
        await into.client.ingestion.PublishEvents(request)
    assert refused.value.reason == "MESSAGE_TOO_LARGE"
    assert await into.stored() == 7


async def test_broken_utf8_anywhere_is_an_invalid_argument(into: Publishing) -> None:
    mark = "~~~~"
    broken = [
        event(event_type=mark), event(event_id=mark), event(payload_text=mark), event(payload_content_type=mark),
        event(labels={"k": mark}), event(labels={mark: "v"}), event(metadata={"k": mark}),
    ]  # fmt: skip
    requests = [v1.PublishEventRequest(application_id=into.application_id, event=each) for each in broken]
    requests.append(v1.PublishEventRequest(application_id=mark, event=event()))
    wires = [each.SerializeToString().replace(mark.encode(), b"\xf0\x28\x8c\x28") for each in requests]
    async with into.raw("PublishEvent") as send:
        for wire in (*wires, b"\xff" * 40):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await send(wire)
            refusal = errors.from_rpc(refused.value)
            assert isinstance(refusal, hook0_client.InvalidRequest)
            assert (refusal.reason, refusal.field) == ("FIELD_INVALID", "request")
    assert await into.stored() == 0


async def test_a_full_queue_says_when_to_come_back(into: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUEUE_EVENTS", 0)
    request = v1.PublishEventRequest(application_id=into.application_id, event=event())
    for call in (into.client.ingestion.PublishEvent(request), into.batch([event()])):
        with pytest.raises(hook0_client.QuotaExceeded) as refused:
            await call
        assert (refused.value.reason, refused.value.retry_after) == ("INGESTION_QUEUE_FULL", queue.RETRY_SECONDS)
    assert await into.stored() == 0


async def test_a_fault_of_the_server_tells_a_request_id_and_nothing_else(
    into: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise KeyError("inner words")

    with monkeypatch.context() as patched:
        patched.setattr(publish, "publish", broken)
        with pytest.raises(hook0_client.ServerFault) as fault:
            await into.one(event())
    assert fault.value.metadata["request_id"] in fault.value.message
    assert "inner words" not in str(fault.value.message)
    assert not (await into.one(event())).duplicate
