import asyncio
import uuid
from typing import Any

import piped
import pytest
from structlog import testing

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.access import permissions, principals
from hook0_server.api import ending, pipeline, registry, rules
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
def rig() -> piped.Rig:
    return piped.Rig()


def no_application(request: Any, breaches: rules.Breaches) -> None:
    breaches.add("application_id", "is wrong")


ORGANIZATION_ID = uuid.UUID(int=5)


async def test_a_handler_gets_who_calls_from_where(rig: piped.Rig) -> None:
    seen: list[pipeline.Call] = []

    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        seen.append(call)
        return await piped.answer(call, request)

    assert (await rig.unary(piped.operation(handler))).event_id == "e"
    (call,) = seen
    assert (call.principal, call.source_ip) == (principals.MASTER, "192.0.2.7")
    await rig.unary(piped.operation(handler))
    assert seen[0].request_id != seen[1].request_id


async def test_the_steps_are_taken_in_order(db: database.Database) -> None:
    """Each step's refusal hides those of the steps after it."""
    rig = piped.Rig(db)
    judged = piped.operation(piped.answer, rules=no_application, scope=registry.Scope.APPLICATION)
    unreadable = pipeline.malformed(pb2.PublishEventRequest)
    with pytest.raises(errors.Unauthenticated):
        await rig.unary(judged, unreadable, authorization=None)
    with pytest.raises(errors.InvalidRequest) as caught:
        await rig.unary(judged, unreadable)
    assert caught.value.violations[0].field == "request"
    with pytest.raises(errors.InvalidRequest) as caught:
        await rig.unary(judged)
    assert caught.value.violations[0].field == "application_id"
    with pytest.raises(errors.NotFound):
        await rig.unary(
            piped.operation(piped.refusing(AssertionError("the handler ran")), scope=registry.Scope.APPLICATION),
            pb2.PublishEventRequest(application_id=str(uuid.uuid4())),
        )


async def test_the_application_of_a_request_is_found_where_the_operation_says(db: database.Database) -> None:
    rig, application_id = piped.Rig(db), uuid.uuid4()
    await db.fetch(b"INSERT INTO organizations (organization_id, name) VALUES (%s, 'o')", [ORGANIZATION_ID])
    await db.fetch(
        b"INSERT INTO applications (application_id, organization_id, name) VALUES (%s, %s, 'a')",
        [application_id, ORGANIZATION_ID],
    )
    seen: list[uuid.UUID | None] = []

    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        seen.append(call.application_id)
        return await piped.answer(call, request)

    nested = piped.operation(handler, scope=registry.Scope.APPLICATION, application_id=lambda request: request.event.event_id)
    with testing.capture_logs() as lines:
        await rig.unary(nested, pb2.PublishEventRequest(event=pb2.NewEvent(event_id=str(application_id))))
    assert seen == [application_id]
    assert lines[0]["application_id"] == str(application_id)


async def test_an_application_id_that_is_none_is_the_callers_mistake(rig: piped.Rig) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        await rig.unary(piped.operation(piped.answer, scope=registry.Scope.APPLICATION))
    assert caught.value.reason == "FIELD_INVALID"


@pytest.mark.parametrize("kind", list(ending.CODES))
async def test_each_refusal_leaves_as_it_is_and_is_counted_and_logged_under_its_code(
    rig: piped.Rig, kind: type[errors.Refused]
) -> None:
    refused = piped.operation(piped.refusing(kind("SOME_REASON", "Do something else.")))
    with testing.capture_logs() as lines, pytest.raises(kind):
        await rig.unary(refused)
    assert rig.count(refused, ending.CODES[kind]) == 1
    (line,) = lines
    assert (line["event"], line["code"], line["reason"]) == ("rpc.finished", ending.CODES[kind], "SOME_REASON")
    assert (line["method"], line["principal"]) == ("hook0.v1.IngestionService/PublishEvent", "master")


async def test_a_fault_is_internal_its_stack_only_in_the_log(rig: piped.Rig) -> None:
    broken = piped.operation(piped.refusing(KeyError("a secret detail")))
    with testing.capture_logs() as lines, pytest.raises(ending.Internal) as caught:
        await rig.unary(broken)
    assert "secret detail" not in caught.value.message
    (line,) = lines
    assert line["request_id"] == caught.value.metadata["request_id"]
    assert (line["log_level"], line["code"]) == ("error", "INTERNAL")
    assert isinstance(line["exc_info"], KeyError)
    assert ending.code(caught.value) == "INTERNAL"
    assert rig.count(broken, "INTERNAL") == 1


async def test_a_subclass_of_a_refusal_has_its_code(rig: piped.Rig) -> None:
    lost = piped.operation(piped.refusing(database.ResultUnknown("DATABASE_UNAVAILABLE", "Retry.", retry_after=1)))
    with pytest.raises(errors.Unavailable):
        await rig.unary(lost)
    assert rig.count(lost, "UNAVAILABLE") == 1
    assert rig.counted.registry.get_sample_value("hook0_database_unavailable_total") == 1


async def test_a_refusal_inside_a_task_group_is_still_a_refusal(rig: piped.Rig) -> None:
    async def handler(call: pipeline.Call, request: Any) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(piped.refusing(errors.NotFound("X", "It is not there."))(call, request))
            tasks.create_task(asyncio.sleep(3600))

    with pytest.raises(errors.NotFound):
        await rig.unary(piped.operation(handler))


async def test_a_fault_beside_a_refusal_is_a_fault(rig: piped.Rig) -> None:
    both = ExceptionGroup("both", [errors.NotFound("X", "It is not there."), KeyError("k")])
    with testing.capture_logs(), pytest.raises(ending.Internal):
        await rig.unary(piped.operation(piped.refusing(both)))


async def test_a_caller_that_leaves_cancels_the_handler(rig: piped.Rig) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def handler(call: pipeline.Call, request: Any) -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    slow = piped.operation(handler)
    task = asyncio.create_task(rig.unary(slow))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert rig.count(slow, "CANCELLED") == 1
    assert rig.pipeline.open_calls == 0


async def test_a_cancellation_that_nobody_asked_for_is_a_fault(rig: piped.Rig) -> None:
    async def handler(call: pipeline.Call, request: Any) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    with testing.capture_logs(), pytest.raises(ending.Internal):
        await rig.unary(piped.operation(handler))


async def test_only_a_published_event_that_went_well_has_no_line(rig: piped.Rig) -> None:
    for action, level in ((piped.ACTION, "debug"), ("application:create", "info")):
        with testing.capture_logs() as lines:
            await rig.unary(piped.operation(piped.answer, action=action))
        assert [line["log_level"] for line in lines] == [level]
        assert lines[0]["code"] == "OK"


async def test_a_stopping_pipeline_refuses_new_calls_tells_the_open_ones_and_waits_for_them(rig: piped.Rig) -> None:
    open_now, told, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
        open_now.set()
        await call.stopping.wait()
        told.set()
        await may_end.wait()
        return await piped.answer(call, request)

    open_call = asyncio.create_task(rig.unary(piped.operation(handler)))
    await open_now.wait()
    rig.pipeline.stop()
    with pytest.raises(errors.Unavailable) as caught:
        await rig.unary(piped.operation(piped.answer))
    assert (caught.value.reason, caught.value.retry_after) == ("SERVER_STOPPING", 1.0)
    idle = asyncio.create_task(rig.pipeline.idle())
    await told.wait()
    assert not idle.done()
    may_end.set()
    await asyncio.wait_for(idle, 5)
    await open_call


async def test_a_call_that_no_pipeline_made_has_no_rights() -> None:
    call = pipeline.Call(principals.MASTER, "r")
    with pytest.raises(AssertionError):
        await call.authorize(str(uuid.uuid4()))


async def test_a_request_is_decoded_once_its_caller_is_known_and_only_then(rig: piped.Rig) -> None:
    decoded = 0

    async def decode() -> pb2.PublishEventRequest:
        nonlocal decoded
        decoded += 1
        return pb2.PublishEventRequest(application_id="a")

    async def echo(call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
        return pb2.PublishEventResponse(event_id=request.application_id)

    with pytest.raises(errors.Unauthenticated):
        await rig.unary(piped.operation(echo), pipeline.Undecoded(decode), authorization=None)
    assert decoded == 0
    assert (await rig.unary(piped.operation(echo), pipeline.Undecoded(decode))).event_id == "a"
    assert decoded == 1


async def test_a_refused_change_is_told_with_its_request_however_that_came(rig: piped.Rig) -> None:
    told: list[Any] = []

    async def tell(_: pipeline.Call, request: Any, refusal: errors.Refused) -> None:
        told.append((request.application_id, refusal.reason))

    async def decode() -> pb2.PublishEventRequest:
        return pb2.PublishEventRequest(application_id="a")

    authorized = permissions.Permissions(database.Database("postgresql://nobody@127.0.0.1:1/none"))
    through = pipeline.Pipeline(rig.authenticator, authorized, rig.counted, refused=tell)
    operation = piped.operation(piped.refusing(errors.Denied("NO", "m")), changes="event")
    for request in (await decode(), pipeline.Undecoded(decode)):
        with pytest.raises(errors.Denied):
            await through.unary(operation, request, authorization=piped.MASTER, source_ip=None, request_id="mine")
    assert told == [("a", "NO")] * 2
