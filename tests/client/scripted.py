"""A real gRPC server whose answers are scripted, for what the real one cannot be made to do on demand."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

import hook0_client
from hook0_client import v1
from hook0_client._gen.hook0.v1 import (
    attempt_service_pb2_grpc,
    delivery_service_pb2_grpc,
    ingestion_service_pb2_grpc,
)

APPLICATION = "01890a5d-ac96-774b-bcce-b302099a8057"
TOKEN = "5f0c1e0e-6d0a-4f59-9a43-3e9a3d1f3c11"
DETAILS = "grpc-status-details-bin"

Stream = Callable[[Any, Any], AsyncGenerator[Any, None]]
Unary = Callable[[Any, Any], Awaitable[Any]]


async def _unscripted(request: Any, context: Any) -> Any:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not in the script")


async def _unscripted_stream(request: Any, context: Any) -> AsyncGenerator[Any, None]:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not in the script")
    yield


class _Ingestion(ingestion_service_pb2_grpc.IngestionServiceServicer):
    def __init__(self, publish: Unary, stream: Stream) -> None:
        self._publish, self._stream = publish, stream

    async def PublishEvent(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        return await self._publish(request, context)

    async def PublishEventStream(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        async with contextlib.aclosing(self._stream(request, context)) as answers:
            async for answer in answers:
                yield answer


class _Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    def __init__(self, watch: Stream) -> None:
        self._watch = watch

    async def WatchAttempts(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        async with contextlib.aclosing(self._watch(request, context)) as messages:
            async for message in messages:
                yield message


class _Deliveries(delivery_service_pb2_grpc.DeliveryServiceServicer):
    def __init__(self, list_deliveries: Unary) -> None:
        self._list = list_deliveries

    async def ListDeliveries(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        return await self._list(request, context)


@contextlib.asynccontextmanager
async def serving(
    *,
    publish: Unary = _unscripted,
    stream: Stream = _unscripted_stream,
    watch: Stream = _unscripted_stream,
    list_deliveries: Unary = _unscripted,
    address: str = "127.0.0.1:0",
) -> AsyncIterator[str]:
    """Serves the script (what it leaves out is UNIMPLEMENTED), on a free port unless told otherwise; yields its address."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 8 * 1024 * 1024)])
    ingestion_service_pb2_grpc.add_IngestionServiceServicer_to_server(_Ingestion(publish, stream), server)  # type: ignore[abstract]
    attempt_service_pb2_grpc.add_AttemptServiceServicer_to_server(_Attempts(watch), server)  # type: ignore[abstract]
    delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server(_Deliveries(list_deliveries), server)  # type: ignore[abstract]
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def connect(address: str, **options: Any) -> hook0_client.Client:
    return hook0_client.connect(address, token=TOKEN, application_id=APPLICATION, **options)


@contextlib.asynccontextmanager
async def connected(timeout: float = 10.0, **script: Any) -> AsyncIterator[hook0_client.Client]:
    async with serving(**script) as address, connect(address, timeout=timeout) as client:
        yield client


def accepted(message: v1.PublishEventStreamRequest) -> v1.PublishEventStreamResponse:
    """The answer to a batch of which every event was stored."""
    return v1.PublishEventStreamResponse(
        batch_id=message.batch_id,
        results=[v1.PublishResult(published=_published(event)) for event in message.events],
    )


def _published(event: v1.NewEvent) -> v1.PublishedEvent:
    published = v1.PublishedEvent(event_id=event.event_id, delivery_count=1)
    published.received_at.FromJsonString("2026-11-23T08:00:00.123456Z")
    return published


class Streams:
    """Publish streams: remembers the batches of each; answers while `answering` is set. The first streams end as told."""

    def __init__(self, *first: Callable[[Any], Awaitable[None]]) -> None:
        self.first = list(first)
        self.batches: list[list[v1.PublishEventStreamRequest]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.arrived = asyncio.Semaphore(0)

    async def __call__(self, requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        batches: list[v1.PublishEventStreamRequest] = []
        self.batches.append(batches)
        end = self.first.pop(0) if self.first else None
        async for message in requests:
            batches.append(message)
            self.arrived.release()
            if end is not None:
                await end(context)
                return
            await self.answering.wait()
            yield accepted(message)

    def ids(self, stream: int = 0) -> list[str]:
        return [event.event_id for message in self.batches[stream] for event in message.events]

    def payloads(self, stream: int = 0) -> list[str]:
        return [event.payload_text for message in self.batches[stream] for event in message.events]
