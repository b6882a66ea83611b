"""A real gRPC server on a free port with a few operations, and raw calls to it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # ships no types
from grpc_status import rpc_status

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server import metrics
from hook0_server.access import credentials, permissions
from hook0_server.api import pipeline, registry
from hook0_server.rpc import server as rpc_server
from hook0_server.store import database

MASTER_KEY = uuid.UUID("5b8f3c5e-7a2b-4c11-8d4e-0123456789ab")
METADATA = (("authorization", f"Bearer {MASTER_KEY}"),)
SERVICE = "hook0.v1.IngestionService"

_READ = pb2.PublishEventResponse.FromString


def operation(kind: registry.Kind, handler: Callable[..., Any], method: str = "") -> registry.Operation:
    """Named after its kind where `method` is not given, with PublishEvent's messages."""
    return registry.Operation(
        "IngestionService",
        method or kind.name,
        pb2.PublishEventRequest,
        pb2.PublishEventResponse,
        kind,
        "event:ingest",
        handler,
        registry.Scope.STREAM,
    )


def unary(handler: Callable[..., Any]) -> registry.Operation:
    return operation(registry.Kind.UNARY, handler)


async def echo(call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
    return pb2.PublishEventResponse(event_id=request.application_id)


def refusing(refusal: Exception) -> registry.Operation:
    async def handler(call: pipeline.Call, request: Any) -> None:
        raise refusal

    return unary(handler)


class Served:
    def __init__(self, server: rpc_server.GrpcServer, bound: str, channel: grpc.aio.Channel) -> None:
        self.server, self.bound, self.channel = server, bound, channel

    def call(self, request: bytes = b"", metadata: Any = METADATA, method: str = "UNARY") -> Any:
        """A unary call of raw bytes."""
        ask: Any = self.channel.unary_unary(f"/{SERVICE}/{method}", response_deserializer=_READ)
        return ask(request, metadata=metadata, timeout=20)

    def listen(self, request: bytes = b"") -> Any:
        ask: Any = self.channel.unary_stream(f"/{SERVICE}/SERVER_STREAM", response_deserializer=_READ)
        return ask(request, metadata=METADATA, timeout=20)

    def talk(self) -> Any:
        ask: Any = self.channel.stream_stream(f"/{SERVICE}/BIDI_STREAM", response_deserializer=_READ)
        return ask(metadata=METADATA, timeout=20)


@contextlib.asynccontextmanager
async def serving(
    *operations: registry.Operation,
    secured: grpc.ServerCredentials | None = None,
    trusting: grpc.ChannelCredentials | None = None,
) -> AsyncIterator[Served]:
    """`secured`: the server is by TLS; `trusting`: the channel is."""
    db = database.Database("postgresql://nobody@127.0.0.1:1/none")  # the master key needs none
    through = pipeline.Pipeline(credentials.Authenticator(db, MASTER_KEY), permissions.Permissions(db), metrics.Metrics())
    server = rpc_server.GrpcServer(operations, through, "127.0.0.1:0", credentials=secured)
    bound = await server.start()
    try:
        async with connecting(bound, trusting) as channel:
            await server.ready()
            yield Served(server, bound, channel)
    finally:
        await server.stop(0)


def connecting(bound: str, trusting: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A channel with a connection of its own."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    if trusting is None:
        return grpc.aio.insecure_channel(bound, options=options)
    return grpc.aio.secure_channel(bound, trusting, options=options)


async def failure(call: Any) -> grpc.aio.AioRpcError:
    """How a call fails, unary or stream."""
    try:
        if hasattr(call, "__await__"):
            await call
        else:
            while await call.read() is not grpc.aio.EOF:
                pass
    except grpc.aio.AioRpcError as failed:
        return failed
    raise AssertionError("the call went well")


def details(failed: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The details by the name of their type; also checks that status and trailers agree."""
    status = rpc_status.from_call(failed)  # type: ignore[arg-type]  # what it asks of a call, this has too
    found: dict[str, Any] = {}
    for packed in status.details:
        name = packed.type_url.rpartition(".")[2]
        found[name] = getattr(error_details_pb2, name).FromString(packed.value)
    return found


async def reason(call: Any) -> tuple[grpc.StatusCode, str]:
    failed = await failure(call)
    return failed.code(), details(failed)["ErrorInfo"].reason


async def until(event: asyncio.Event) -> None:
    """Wait for a signal, with a deadline."""
    await asyncio.wait_for(event.wait(), 10)
