"""The gRPC edge: the operations table behind one grpc.aio server, with reflection and health beside it."""

import asyncio
import contextlib
import itertools
import urllib.parse
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import grpc
from google.protobuf import message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from hook0_server.api import pipeline, registry
from hook0_server.model import errors
from hook0_server.rpc import reflection, status

MOST_CALLS = 4000  # open at once, streams among them; what is past them gets RESOURCE_EXHAUSTED from gRPC itself
_MAX_RECEIVE_BYTES = 8 * 1024 * 1024  # above LARGEST_REQUEST_BYTES, so that most of what is too large has a reason
_LAST_WORDS_SECONDS = 0.5  # a call that has ended in the pipeline may still have its status to write
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _MAX_RECEIVE_BYTES),
    # Streams live for days through proxies and NATs: a client that vanished is noticed, one that pings is not punished.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # only the type stubs take parameters


class GrpcServer:
    """start → ready → drain → stop. Health says SERVING only between ready and drain; stopping twice is harmless."""

    def __init__(
        self,
        operations: Iterable[registry.Operation],
        through: pipeline.Pipeline,
        address: str,
        *,
        most_calls: int = MOST_CALLS,
        credentials: grpc.ServerCredentials | None = None,
        shares_port: bool = False,
    ) -> None:
        """`credentials`: by TLS; None: in the clear. `shares_port`: others listen there too (SO_REUSEPORT)."""
        self._operations = [operation for operation in registry.by_name(operations).values() if operation.is_rpc]
        self._pipeline, self._address, self._most_calls = through, address, most_calls
        self._credentials = credentials
        # Not shared, a second server on the same port is an error, not a silent partner.
        self._options = (*_OPTIONS, ("grpc.so_reuseport", int(shares_port)))
        self._services = sorted({f"{registry.PACKAGE}.{operation.service}" for operation in self._operations})
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> str:
        """Listen, not yet ready; answers the "host:port" that is bound. Raises OSError where that cannot be."""
        await self._say_serving(False)
        server = grpc.aio.server(options=self._options, maximum_concurrent_rpcs=self._most_calls)
        server.add_generic_rpc_handlers((*self._handlers(), *reflection.handlers([*self._services, _HEALTH])))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        try:
            port = self._listen(server)
        except RuntimeError as failure:
            raise OSError(
                f"gRPC cannot listen on {self._address}: it is in use or not an address of this machine."
            ) from failure
        await server.start()
        self._server = server
        return f"{self._address.rpartition(':')[0]}:{port}"

    def _listen(self, server: grpc.aio.Server) -> int:
        if self._credentials is None:
            return server.add_insecure_port(self._address)
        return server.add_secure_port(self._address, self._credentials)

    async def ready(self) -> None:
        await self._say_serving(True)

    async def drain(self) -> None:
        """Refuse new calls (SERVER_STOPPING) and tell the streams to end; returns when every call has ended."""
        self._pipeline.stop()
        await self._health.enter_graceful_shutdown()
        await self._pipeline.idle()

    async def stop(self, grace: float) -> None:
        """Drain for at most `grace` seconds, then cut what is still open and close the port.

        Waits a moment for statuses that are being written: cut at once, a stream that was just told SERVER_STOPPING would
        read CANCELLED.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.drain()
        server, self._server = self._server, None
        if server is not None:
            await server.stop(_LAST_WORDS_SECONDS)

    async def _say_serving(self, serving: bool) -> None:
        said = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self._services):
            await self._health.set(service, said)

    def _handlers(self) -> list[grpc.GenericRpcHandler]:
        ordered = sorted(self._operations, key=lambda operation: operation.service)
        return [
            grpc.method_handlers_generic_handler(
                f"{registry.PACKAGE}.{service}", {each.method: _handler(each, self._pipeline) for each in operations}
            )
            for service, operations in itertools.groupby(ordered, key=lambda operation: operation.service)
        ]


def _handler(operation: registry.Operation, through: pipeline.Pipeline) -> "grpc.RpcMethodHandler[Any, Any]":
    """grpc's own handler of one operation."""
    read, write = deserializer(operation.request), operation.response.SerializeToString
    if operation.kind is registry.Kind.UNARY:
        return grpc.unary_unary_rpc_method_handler(_unary(operation, through), read, write)
    if operation.kind is registry.Kind.SERVER_STREAM:
        return grpc.unary_stream_rpc_method_handler(_stream(operation, through.server_stream), read, write)
    return grpc.stream_stream_rpc_method_handler(_stream(operation, through.bidi_stream), read, write)


def deserializer(request: type[message.Message]) -> Callable[[bytes], pipeline.Request]:
    """Bytes → message. What is refused comes back as a value: an exception here would reach callers as INTERNAL."""

    def read(wire: bytes) -> pipeline.Request:
        if len(wire) > pipeline.LARGEST_REQUEST_BYTES:
            return pipeline.too_large(len(wire))
        try:
            return request.FromString(wire)
        except message.DecodeError:
            return pipeline.malformed(request)

    return read


def _unary(operation: registry.Operation, through: pipeline.Pipeline) -> Callable[[Any, Context], Awaitable[Any]]:
    async def handle(request: pipeline.Request, context: Context) -> message.Message:
        try:
            answer: message.Message = await through.unary(
                operation, request, authorization=_authorization(context), source_ip=source_ip(context.peer())
            )
        except errors.Refused as refusal:
            await status.abort(context, refusal)
        return answer

    return handle


def _stream(
    operation: registry.Operation, run: Callable[..., AsyncGenerator[message.Message, None]]
) -> Callable[[Any, Context], Awaitable[None]]:
    """The answers are written here and not yielded to grpc, so that a client that leaves ends the handler at once."""

    async def handle(request: Any, context: Context) -> None:
        answers = run(operation, request, authorization=_authorization(context), source_ip=source_ip(context.peer()))
        try:
            async with contextlib.aclosing(answers) as responses:
                async for response in responses:
                    await context.write(response)
        except errors.Refused as refusal:
            await status.abort(context, refusal)

    return handle


def _authorization(context: Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            return value if isinstance(value, str) else None
    return None


def source_ip(peer: str) -> str | None:
    """The address in grpc's word for the other side: `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`; None for a socket."""
    family, _, rest = peer.partition(":")
    if family == "ipv4":
        return rest.rpartition(":")[0]
    if family == "ipv6":
        return urllib.parse.unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    return None
