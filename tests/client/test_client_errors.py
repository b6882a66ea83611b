from collections.abc import AsyncGenerator
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

import hook0_client
from hook0_client import errors as client_errors, v1
from hook0_server.model import errors
from hook0_server.rpc import status
from tests.client import scripted

SERVER_TO_CLIENT = [
    (errors.InvalidRequest, hook0_client.InvalidRequest),
    (errors.Unauthenticated, hook0_client.Unauthenticated),
    (errors.Denied, hook0_client.Denied),
    (errors.NotFound, hook0_client.NotFound),
    (errors.AlreadyExists, hook0_client.AlreadyExists),
    (errors.Precondition, hook0_client.Precondition),
    (errors.Conflict, hook0_client.Conflict),
    (errors.OutOfRange, hook0_client.OutOfRange),
    (errors.QuotaExceeded, hook0_client.QuotaExceeded),
    (errors.Unavailable, hook0_client.Unavailable),
]


async def _failing(refusal: errors.Refused) -> hook0_client.Hook0Error:
    async def list_deliveries(request: Any, context: Any) -> None:
        await status.abort(context, refusal)

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        with pytest.raises(hook0_client.Hook0Error) as failed:
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())
        return failed.value


@pytest.mark.parametrize(("told", "heard"), SERVER_TO_CLIENT)
async def test_every_refusal_of_the_server_arrives_as_the_class_of_the_same_name(told: Any, heard: Any) -> None:
    error = await _failing(told("SOME_REASON", "Do this instead."))
    assert type(error) is heard
    assert heard.__name__ == told.__name__
    assert (error.reason, error.message, str(error)) == ("SOME_REASON", "Do this instead.", "Do this instead.")


async def test_violations_metadata_and_the_time_to_come_back_arrive() -> None:
    violations = [errors.Violation("page_size", "must not be negative"), errors.Violation("filter.states[0]", "unknown")]
    error = await _failing(errors.InvalidRequest("FIELD_INVALID", "Bad.", violations=violations))
    assert [(each.field, each.description) for each in error.violations] == [
        ("page_size", "must not be negative"),
        ("filter.states[0]", "unknown"),
    ]
    assert error.field == "page_size"
    assert error.retry_after is None
    error = await _failing(errors.Unavailable("DATABASE_UNAVAILABLE", "Later.", retry_after=1.5, metadata={"a": "b"}))
    assert error.retry_after == 1.5
    assert error.metadata == {"a": "b"}
    assert error.field == ""


async def test_an_error_that_is_not_of_a_hook0_server_has_no_reason() -> None:
    async with scripted.serving() as address:
        pass
    async with scripted.connect(address) as client:
        with pytest.raises(hook0_client.Unavailable) as failed:
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())
    assert failed.value.reason == ""
    assert failed.value.message


async def test_details_that_cannot_be_read_leave_code_and_message() -> None:
    async def list_deliveries(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", ((scripted.DETAILS, b"\xff\xff\xff"),))

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        with pytest.raises(hook0_client.NotFound, match="gone") as failed:
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())
    assert failed.value.reason == ""


async def test_a_reason_of_somebody_in_between_is_not_taken_for_the_servers() -> None:
    async def list_deliveries(request: Any, context: Any) -> None:
        details = status_pb2.Status(code=14, message="no upstream")
        details.details.add().Pack(error_details_pb2.ErrorInfo(reason="FIELD_INVALID", domain="proxy.example.com"))
        trailers = ((scripted.DETAILS, details.SerializeToString()),)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "no upstream", trailers)

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        with pytest.raises(hook0_client.Unavailable) as failed:
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())
    assert failed.value.reason == ""


async def test_a_crash_of_the_server_is_a_server_fault() -> None:
    async def list_deliveries(request: Any, context: Any) -> None:
        raise RuntimeError("a defect")

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        with pytest.raises(hook0_client.ServerFault):
            await client.deliveries.ListDeliveries(v1.ListDeliveriesRequest())


async def test_streams_fail_with_the_same_errors_as_calls() -> None:
    async def watch(request: Any, context: Any) -> AsyncGenerator[Any, None]:
        await status.abort(context, errors.Denied("PERMISSION_DENIED", "No."))
        yield

    async with scripted.connected(watch=watch) as client:
        with pytest.raises(hook0_client.Denied):
            async for _ in client.attempts.WatchAttempts(v1.WatchAttemptsRequest()):
                pass


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (v1.ErrorReason.ERROR_REASON_EVENT_TYPE_NOT_FOUND, hook0_client.Precondition),
        (v1.ErrorReason.ERROR_REASON_EVENT_ID_REUSED, hook0_client.AlreadyExists),
        (v1.ErrorReason.ERROR_REASON_PAYLOAD_NOT_JSON, hook0_client.InvalidRequest),
    ],
)
def test_a_refused_event_of_a_batch_has_the_class_of_a_refused_single_event(reason: Any, kind: Any) -> None:
    error = client_errors.from_item(v1.PublishError(reason=reason, message="m", field="payload"))
    assert type(error) is kind
    assert error.reason == v1.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
    assert error.field == "payload"


def test_a_reason_of_a_newer_server_is_its_number() -> None:
    assert client_errors.from_item(v1.PublishError(reason=cast("v1.ErrorReason", 4711))).reason == "4711"
