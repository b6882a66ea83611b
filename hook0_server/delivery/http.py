"""The delivery client's one public face: a request in, an answer out, whatever the network and the receiver do."""

import asyncio
import contextlib
import dataclasses
import ssl
import time
from collections.abc import Callable, Hashable, Sequence
from types import TracebackType
from typing import Any, Self

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

    def begin(self, sent: request.Request, deadline_at: float, replied: connection.Replied, context: Any) -> bool:
        """Send it at once over a kept connection, if there is one that is good: `replied` gives `end` what came of it.

        False: there is none, and nothing was sent; `send` may wait for a new one. `deadline_at` in loop time.
        """
        kept = self._kept(sent.target, self._resolver.known(sent.target))
        if kept is None:
            return False
        kept.exchange(sent, deadline_at, replied, context)
        return True

    def end(self, kept: connection.Connection, reply: answer.Reply) -> answer.Answer | None:
        """Gives the connection back. None: it was closed without a single byte of an answer; `send` it anew.

        The receiver most likely closed it while the request was on its way. It may have read the request all the same;
        deliveries are at-least-once, and a false failure would cost a retry and its delay.
        """
        if reply.unanswered:
            return None
        self._connections.give_back(kept)
        return answer.of_reply(reply, self._clock())

    async def send(
        self,
        sent: request.Request,
        deadline: float,
        *,
        still: Callable[[], bool] = lambda: True,
        turn: Hashable = None,
        anew: bool = False,
    ) -> answer.Answer | None:
        """The answer within `deadline` seconds over everything: name, connection, TLS, request and response.

        Raises nothing but cancellation, which closes the connection. `still` is asked again once a new connection is open,
        which may have taken long: None where it says no, and nothing was sent then. Where many need new connections, each
        `turn` gets one in turn. `anew`: not over a kept connection to begin with, and once more on a new one if it was that.
        """
        deadline_at = self._loop.time() + deadline
        known = self._resolver.known(sent.target)
        kept = None if anew else self._kept(sent.target, known)
        if kept is not None and (answered := await self._over_kept(kept, sent, deadline_at)) is not None:
            return answered
        return await self._send_anew(sent, deadline_at, still, turn, None if known is None else known.addresses)

    def _kept(self, target: targets.Target, known: resolve.Resolution | None) -> connection.Connection | None:
        """A good one to any of the addresses that are known; whoever asks owns it."""
        return None if known is None else self._connections.take(target.scheme, target.host, target.port, known.addresses)

    async def _over_kept(self, kept: connection.Connection, sent: request.Request, deadline_at: float) -> answer.Answer | None:
        """None: it was closed without an answer."""
        return self.end(kept, await self._exchanged(kept, sent, deadline_at))

    async def _exchanged(self, over: connection.Connection, sent: request.Request, deadline_at: float) -> answer.Reply:
        """Cancelled, it abandons the connection."""
        waiting: asyncio.Future[answer.Reply] = self._loop.create_future()
        over.exchange(sent, deadline_at, _wake, waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            over.abandon()
            raise

    async def _send_anew(
        self,
        sent: request.Request,
        deadline_at: float,
        still: Callable[[], bool],
        turn: Hashable,
        addresses: Sequence[targets.Address] | None,
    ) -> answer.Answer | None:
        stage = "name resolution"
        try:
            async with asyncio.timeout_at(deadline_at):
                opened = await self._kept_or_turn(sent.target, addresses, turn)
                is_new = opened is None
                if opened is None:
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
        if not is_new:
            answered = await self._over_kept(opened, sent, deadline_at)
            return answered or await self._send_anew(sent, deadline_at, still, turn, None)
        reply = await self._exchanged(opened, sent, deadline_at)
        self._connections.give_back(opened)
        return answer.of_reply(reply, self._clock())

    async def _kept_or_turn(
        self, target: targets.Target, addresses: Sequence[targets.Address] | None, turn: Hashable
    ) -> connection.Connection | None:
        """None: it is this request's turn to dial. Or a connection to the first address that was given back meanwhile."""
        while not self._dialling.has_room:
            waiting = self._dialling.room(turn)
            if not addresses:
                await waiting
                continue
            key = (target.scheme, target.host, target.port, addresses[0].packed)
            self._connections.want(key, waiting)
            try:
                kept: connection.Connection | None = await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled() and (late := waiting.result()) is not None:
                    self._connections.give_back(late)  # it came in the moment in which nobody waited any more
                raise
            finally:
                self._connections.want_no_more(key, waiting)
            if kept is not None:
                return kept
        return None

    async def _dial(self, target: targets.Target, resolution: resolve.Resolution) -> connection.Connection:
        def made(address: targets.Address) -> connection.Connection:
            key = (target.scheme, target.host, target.port, address.packed)
            return connection.Connection(key, self._limits.caps, self._connections.forget)

        opened = await dial.first(target, resolution.addresses, self._tls, self._limits.connect_timeout, made)
        self._connections.add(opened)
        return opened


def _wake(_: connection.Connection, waiting: "asyncio.Future[answer.Reply]", reply: answer.Reply) -> None:
    if not waiting.done():
        waiting.set_result(reply)


def _default_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
