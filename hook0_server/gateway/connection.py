"""The connections of the HTTP port: how many, how long they may idle or stall, and what they are told that is no request.

aiohttp's own handler parses and keeps alive. Here it gets limits, and its answers to rubbish a form that programs read.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from aiohttp import http_exceptions, web

from hook0_server.api import ending
from hook0_server.gateway import browsers, caller, problems, refusals
from hook0_server.model import errors

log = structlog.get_logger(__name__)

_HANDSHAKE_SECONDS = 10.0
_LINGERING_SECONDS = 5.0  # for a body that nobody wants, so that its sender reads the refusal
_LONGEST_LINE = 16_384  # a GET of the Connect protocol carries its request there
_LONGEST_HEADER = 8_190  # tokens have at most 4 KiB
_MOST_HEADERS = 64
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process. What is past `connections` is answered 503 and closed."""

    connections: int = 2000
    first_request_seconds: float = 15.0  # until its head is there, from the connection on
    keep_alive_seconds: float = 75.0  # from an answer until the next head is there; proxies expect more than 60
    body_seconds: float = 30.0
    stalled_seconds: float = 300.0  # a client that reads nothing of its answer


class Listener:
    """Makes the connections of one server, and counts them."""

    def __init__(self, server: web.Server, limits: Limits, on_accept: Callable[[], None]) -> None:
        self.server, self.limits, self.open = server, limits, 0
        self._on_accept = on_accept

    def connection(self) -> "Connection":
        self._on_accept()
        return Connection(self)

    @asynccontextmanager
    async def listening(self, host: str, port: int, *, tls: ssl.SSLContext | None, shares_port: bool) -> AsyncIterator[int]:
        """Accept inside the block; yields the port. Raises OSError where that cannot be."""
        try:
            listening = await asyncio.get_running_loop().create_server(
                self.connection,
                host,
                port,
                ssl=tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
                backlog=_BACKLOG,
                reuse_port=shares_port,
            )
        except OSError as failure:
            raise OSError(f"HTTP cannot listen on {host}:{port}: {failure.strerror or failure}.") from failure
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()


class Connection(web.RequestHandler):
    def __init__(self, listener: Listener) -> None:
        limits = listener.limits
        super().__init__(
            listener.server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None is how it is switched off
            keepalive_timeout=limits.keep_alive_seconds,
            lingering_time=_LINGERING_SECONDS,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
            auto_decompress=False,  # it knows no bound
        )
        self._listener, self._limits = listener, limits
        self._is_counted = False
        self._unasked: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._listener.open >= self._limits.connections:
            _refuse(cast("asyncio.Transport", transport), refusals.too_many_connections(self._limits.connections))
            return
        self._listener.open += 1
        self._is_counted = True
        self._unasked = self._loop.call_later(self._limits.first_request_seconds, self.force_close)
        super().connection_made(transport)

    def asked(self) -> None:
        """A request is there."""
        if self._unasked is not None:
            self._unasked.cancel()
            self._unasked = None

    def data_received(self, data: bytes) -> None:
        if self._is_counted:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.asked()
        self._taken()
        if self._is_counted:
            self._is_counted = False
            self._listener.open -= 1
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._loop.call_later(self._limits.stalled_seconds, self._abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def _taken(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _abort(self) -> None:
        """Closing would wait for what the client does not take."""
        if self.transport is not None:
            self.transport.abort()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):
            said = problems.response(request, problems.of_aiohttp(request, resp))
            if resp.keep_alive is False:
                said.force_close()
            resp = said
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What the parser refuses, and what fails before the middleware that answers for handlers."""
        if isinstance(exc, http_exceptions.HttpProcessingError):
            refusal = _of_parser(exc)
            log.debug("http.malformed", remote=request.remote, reason=refusal.reason)  # what was sent may hold a secret
        else:
            refusal = ending.Internal(caller.request_id(request))
            log.error("http.failed", method=request.method, path=request.path, status=status, exc_info=exc)
        answer = problems.response(request, refusal)
        browsers.secure(answer.headers)
        answer.force_close()
        return answer


def _of_parser(failure: http_exceptions.HttpProcessingError) -> errors.Refused:
    match failure:
        case http_exceptions.LineTooLong(args=(_, limit, *_)) if limit == _LONGEST_LINE:
            return refusals.headers_too_large(f"Path and query have more than {limit} bytes; use POST.", of_path=True)
        case http_exceptions.LineTooLong():
            return refusals.headers_too_large(f"A header has more than {_LONGEST_HEADER} bytes; send shorter ones.")
    if failure.message.startswith("Too many headers"):
        return refusals.headers_too_large(f"There are more than {_MOST_HEADERS} headers; send fewer.")
    lines = [line.strip().rstrip(":") for line in failure.message.splitlines()]
    return refusals.malformed(errors.excerpt(next(filter(None, lines), "unknown")))


def _refuse(transport: asyncio.Transport, refusal: errors.Refused) -> None:
    """Without a request; it is read by who has not sent one yet, too."""
    body = problems.body(refusal, "-")
    fields = refusals.headers(refusal) | {
        "Content-Type": problems.CONTENT_TYPE, "Content-Length": str(len(body)), "Connection": "close",
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    transport.write(f"HTTP/1.1 {refusals.status(refusal)} Service Unavailable\r\n{head}\r\n".encode() + body)
    transport.close()
