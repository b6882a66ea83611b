import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import piped
import pytest

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.access import principals
from hook0_server.api import pipeline, registry, rules
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
def rig() -> piped.Rig:
    return piped.Rig()


async def test_a_stream_that_is_closed_ends_its_handler_at_once(rig: piped.Rig) -> None:
    ended = asyncio.Event()

    async def handler(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        try:
            while True:
                yield pb2.PublishEventResponse()
        finally:
            ended.set()

    endless = piped.operation(handler, kind=registry.Kind.SERVER_STREAM)
    async with contextlib.aclosing(rig.stream(endless)) as responses:
        async for _ in responses:
            break
    assert ended.is_set()
    assert rig.count(endless, "CANCELLED") == 1


async def test_a_stream_ends_with_the_refusal_after_what_it_answered(rig: piped.Rig) -> None:
    async def handler(call: pipeline.Call, request: Any) -> AsyncIterator[pb2.PublishEventResponse]:
        yield pb2.PublishEventResponse(event_id="1")
        raise errors.OutOfRange("CURSOR_EXPIRED", "Start anew.")

    expired = piped.operation(handler, kind=registry.Kind.SERVER_STREAM)
    got, refusal = await piped.taken(rig.stream(expired))
    assert got == ["1"]
    assert isinstance(refusal, errors.OutOfRange)
    assert rig.count(expired, "OUT_OF_RANGE") == 1


async def test_each_request_of_a_stream_is_judged_and_the_handler_may_answer_before_it_ends(rig: piped.Rig) -> None:
    def judge(request: Any, breaches: rules.Breaches) -> None:
        if not request.application_id:
            breaches.add("application_id", "is missing")

    async def handler(call: pipeline.Call, requests: AsyncIterator[Any]) -> AsyncIterator[pb2.PublishEventResponse]:
        ids: list[str] = []
        refusal = None
        try:
            async for request in requests:
                ids += [request.application_id]
        except errors.InvalidRequest as caught:
            refusal = caught
        yield pb2.PublishEventResponse(event_id=",".join(ids))
        if refusal:
            raise refusal

    stream = piped.operation(handler, kind=registry.Kind.BIDI_STREAM, scope=registry.Scope.STREAM, rules=judge)
    good = pb2.PublishEventRequest(application_id="a")
    for bad in (pb2.PublishEventRequest(), pipeline.too_large(5_000_000)):
        got, refused = await piped.taken(rig.bidi(stream, [good, good, bad, good]))
        assert got == ["a,a"]
        assert isinstance(refused, errors.InvalidRequest)


async def test_a_stream_of_requests_without_its_own_authorization_is_refused_as_a_mistake(rig: piped.Rig) -> None:
    unguarded = piped.operation(piped.answer, kind=registry.Kind.BIDI_STREAM, scope=registry.Scope.APPLICATION)
    with pytest.raises(ValueError, match="authorizes"):
        await anext(rig.bidi(unguarded, []))


async def test_a_stream_handler_authorizes_by_itself(db: database.Database) -> None:
    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        await call.authorize(request.application_id)
        raise AssertionError("it was let in")

    rig, asking = piped.Rig(db), piped.operation(handler, scope=registry.Scope.STREAM)
    with pytest.raises(errors.NotFound):
        await rig.unary(asking, pb2.PublishEventRequest(application_id=str(uuid.uuid4())))
    with pytest.raises(errors.InvalidRequest):
        await rig.unary(asking, pb2.PublishEventRequest(application_id="nul\0"))


async def test_an_open_stream_learns_that_its_credential_was_revoked(rig: piped.Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict: list[errors.Refused] = []

    async def authenticate(authorization: str | None) -> principals.Principal:
        if verdict:
            raise verdict[0]
        return principals.MASTER

    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        await call.recheck()
        verdict[:] = [errors.Unavailable("DATABASE_UNAVAILABLE", "Retry.")]
        await call.recheck()
        verdict[:] = [errors.Unauthenticated("CREDENTIALS_INVALID", "No.")]
        await call.recheck()
        raise AssertionError("it was let on")

    monkeypatch.setattr(rig.authenticator, "authenticate", authenticate)
    with pytest.raises(errors.Unauthenticated) as caught:
        await rig.unary(piped.operation(handler))
    assert caught.value.reason == "CREDENTIALS_REVOKED"
