"""A pipeline with the master key, and operations to run through it."""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server import metrics
from hook0_server.access import credentials, permissions
from hook0_server.api import pipeline, registry
from hook0_server.model import errors
from hook0_server.store import database

MASTER_KEY = uuid.UUID("5b8f3c5e-7a2b-4c11-8d4e-0123456789ab")
MASTER = f"Bearer {MASTER_KEY}"
ACTION = "event:ingest"


class Rig:
    """A pipeline on a database that nobody asks for the master key, unless one is given."""

    def __init__(self, db: database.Database | None = None) -> None:
        db = db or database.Database("postgresql://nobody@127.0.0.1:1/none")
        self.counted = metrics.Metrics()
        self.authenticator = credentials.Authenticator(db, MASTER_KEY, seconds=0)
        self.pipeline = pipeline.Pipeline(self.authenticator, permissions.Permissions(db), self.counted)

    def count(self, operation: registry.Operation, code: str) -> float | None:
        return self.counted.registry.get_sample_value("hook0_rpc_calls_total", {"method": operation.name, "code": code})

    async def unary(self, operation: registry.Operation, request: Any = None, authorization: str | None = MASTER) -> Any:
        request = pb2.PublishEventRequest() if request is None else request
        return await self.pipeline.unary(operation, request, authorization=authorization, source_ip="192.0.2.7")

    def stream(self, operation: registry.Operation) -> Any:
        return self.pipeline.server_stream(operation, pb2.PublishEventRequest(), authorization=MASTER, source_ip=None)

    def bidi(self, operation: registry.Operation, requests: list[Any]) -> Any:
        return self.pipeline.bidi_stream(operation, each(requests), authorization=MASTER, source_ip=None)


def operation(handler: Callable[..., Any], **over: Any) -> registry.Operation:
    given: dict[str, Any] = {"kind": registry.Kind.UNARY, "action": ACTION, "scope": registry.Scope.INSTANCE} | over
    return registry.Operation(
        "IngestionService", "PublishEvent", pb2.PublishEventRequest, pb2.PublishEventResponse, handler=handler, **given
    )


async def each(requests: list[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


async def answer(call: pipeline.Call, request: Any) -> pb2.PublishEventResponse:
    return pb2.PublishEventResponse(event_id="e")


def refusing(refusal: Exception) -> Callable[..., Any]:
    async def handler(call: pipeline.Call, request: Any) -> None:
        raise refusal

    return handler


async def taken(responses: AsyncIterator[Any]) -> tuple[list[str], errors.Refused | None]:
    """The event ids that a stream answered, and how it ended."""
    got: list[str] = []
    try:
        async for response in responses:
            got += [response.event_id]
    except errors.Refused as refusal:
        return got, refusal
    return got, None
