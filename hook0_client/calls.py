"""The channel as the stubs see it: each call carries the token and a deadline, and fails with a Hook0Error."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any, cast

import grpc

from hook0_client import errors

Metadata = tuple[tuple[str, str], ...]

MAX_MESSAGE_BYTES = 8 * 1024 * 1024

_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A server that restarts is found again in seconds; gRPC alone would wait up to two minutes between tries.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    # Two clients of one process do not share a connection, nor its back-off.
    ("grpc.use_local_subchannel_pool", 1),
    # Streams may be idle for days: middleboxes forget such connections. Above the 5 minutes that every gRPC server
    # tolerates; busy streams notice a dead peer by heartbeats and missing answers, long before.
    ("grpc.keepalive_time_ms", 330_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)


def open_channel(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    """Connects when first used; None: in the clear."""
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


class Channel:
    """Makes the callables that generated stubs are built from; those annotate themselves with gRPC's own types."""

    def __init__(self, channel: grpc.aio.Channel, token: str | None, timeout: float) -> None:
        self._channel = channel
        self._metadata: Metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._timeout = timeout

    def as_grpc(self) -> grpc.aio.Channel:
        return cast("grpc.aio.Channel", self)

    def unary_unary(self, *args: Any, **kwargs: Any) -> "Callable[..., _Call]":
        return self._bind(self._channel.unary_unary(*args, **kwargs), _Call, self._timeout)

    def unary_stream(self, *args: Any, **kwargs: Any) -> "Callable[..., _Call]":
        return self._bind(self._channel.unary_stream(*args, **kwargs), _Stream, None)

    def stream_stream(self, *args: Any, **kwargs: Any) -> "Callable[..., _Call]":
        return self._bind(self._channel.stream_stream(*args, **kwargs), _Stream, None)

    def _bind(self, rpc: Callable[..., Any], kind: "type[_Call]", default: float | None) -> "Callable[..., _Call]":
        def call(request: Any = None, *, timeout: float | None = default, metadata: Metadata = (), **options: Any) -> _Call:
            return kind(rpc(request, timeout=timeout, metadata=self._metadata + tuple(metadata), **options))

        return call


class _Call:
    """One call; what it does not have itself is gRPC's."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, Any]:
        return _translated(self._call).__await__()


class _Stream(_Call):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    async def read(self) -> Any:
        return await _translated(self._call.read())

    async def write(self, message: Any) -> None:
        await _translated(self._call.write(message))


async def _translated(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except grpc.aio.AioRpcError as error:
        raise errors.from_rpc(error) from error
