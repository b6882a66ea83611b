"""The delivery client's one public face: a request in, an answer out, whatever the network and the receiver do."""

import asyncio
import contextlib
import dataclasses
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from hook0_server.delivery import answer, connection, connections, dial, pace, request, resolve, response
from hook0_server.model import targets
from hook0_server.model.outcome import Outcome

_DIALS = 1  # connections that begin in one turn of the event loop: each costs as much as several requests


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the client. Times in seconds."""

    caps: response.Caps = dataclasses.field(default_factory=response.Caps)
    connect_timeout: float = 5.0
    """For each address: TCP and TLS together, within the request's own deadline."""
    idle_total: int = 4096
    idle_per_key: int = 64
    idle_seconds: float = 30.0


class HttpClient:
    """Sends requests over kept connections. An async context manager: leaving it closes every connection.

    `resolver` decides which addresses may be called, and is owned by the caller. `tls` defaults to the standard
    library's verifying context (SSL_CERT_FILE and SSL_CERT_DIR are honoured). `clock` gives Unix seconds.
    """

    def __init__(
        self,
        *,
        resolver: resolve.Resolver,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._limits = limits or Limits()
        self._tls = tls or _default_tls()
        self._clock = clock
        self._connections = connections.Connections(
            idle_total=self._limits.idle_total,
            idle_per_key=self._limits.idle_per_key,
            idle_seconds=self._limits.idle_seconds,
        )
        self._dialling = pace.Pace(_DIALS, rests=True)
        self._scope = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._scope.enter_async_context(self._connections)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._scope.aclose()

    @property
    def open_connections(self) -> int:
        """In use and kept."""
        return len(self._connections)

    @property
    def idle_connections(self) -> int:
        """Kept for another request."""
        return self._connections.idle

    async def send(
        self, sent: request.Request, deadline: float, *, still: Callable[[], bool] = lambda: True
    ) -> answer.Answer | None:
        """The answer within `deadline` seconds over everything: name, connection, TLS, request and response.

        Raises nothing but cancellation, which closes the connection. `still` is asked again once a new connection is open,
        which may have taken long: None where it says no, and nothing was sent then.

        A kept connection that closes without a single byte of an answer is tried once more on a new one: the receiver
        most likely closed it while the request was on its way. It may have read the request all the same; deliveries
        are at-least-once, and a false failure would cost a retry and its delay.
        """
        deadline_at = self._loop.time() + deadline
        target = sent.target
        known = self._resolver.known(target)
        if known is not None:
            kept = self._connections.take(target.scheme, target.host, target.port, known.addresses)
            if kept is not None:
                try:
                    reply = await kept.exchange(sent, deadline_at)
                except asyncio.CancelledError:
                    kept.abandon()
                    raise
                if not reply.unanswered:
                    self._connections.give_back(kept)
                    return answer.of_reply(reply, self._clock())
        return await self._send_anew(sent, deadline_at, still)

    async def _send_anew(self, sent: request.Request, deadline_at: float, still: Callable[[], bool]) -> answer.Answer | None:
        stage = "name resolution"
        try:
            async with asyncio.timeout_at(deadline_at):
                await self._dialling.for_room()
                self._dialling.count()
                resolution = await self._resolver.resolve(sent.target)
                if resolution.failure is not None:
                    return answer.failed(resolution.failure, resolution.message)
                stage = "connecting"
                opened = await self._dial(sent.target, resolution)
        except TimeoutError:
            return answer.failed(Outcome.TIMEOUT, f"the deadline passed during {stage}")
        except dial.Failed as error:
            return answer.failed(error.outcome, str(error))
        if not still():
            self._connections.give_back(opened)
            return None
        try:
            reply = await opened.exchange(sent, deadline_at)
        except asyncio.CancelledError:
            opened.abandon()
            raise
        self._connections.give_back(opened)
        return answer.of_reply(reply, self._clock())

    async def _dial(self, target: targets.Target, resolution: resolve.Resolution) -> connection.Connection:
        def made(address: targets.Address) -> connection.Connection:
            key = (target.scheme, target.host, target.port, address.packed)
            return connection.Connection(key, self._limits.caps, self._connections.forget)

        opened = await dial.first(target, resolution.addresses, self._tls, self._limits.connect_timeout, made)
        self._connections.add(opened)
        return opened


def _default_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
