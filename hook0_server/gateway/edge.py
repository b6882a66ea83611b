"""What every request on the HTTP port passes: an id, bounded headers, pages of other servers, and an end that programs read."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hook0_server.api import ending
from hook0_server.gateway import browsers, caller, connection, problems, refusals
from hook0_server.model import errors

log = structlog.get_logger(__name__)

_MOST_HEADER_BYTES = 32_768


def guarding(new_id: Callable[[], str], cors: browsers.Cors) -> Middleware:
    """The middleware around every handler, and around aiohttp's own answers to unknown paths."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller.identify(request, new_id)
        if isinstance(request.protocol, connection.Connection):
            request.protocol.asked()
        if sum(len(name) + len(value) for name, value in request.raw_headers) > _MOST_HEADER_BYTES:
            refusal = refusals.headers_too_large(f"The headers have more than {_MOST_HEADER_BYTES} bytes; send fewer.")
            return problems.response(request, refusal)
        try:
            allowed = cors.preflight(request)
            return await handler(request) if allowed is None else allowed
        except errors.Refused as refusal:
            return problems.response(request, refusal)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as failure:
            return _failed(request, failure)

    return guard


def finishing(cors: browsers.Cors) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal before an answer's head is written."""

    async def finish(request: web.Request, response: web.StreamResponse) -> None:
        browsers.secure(response.headers)
        response.headers["X-Request-Id"] = caller.request_id(request)
        cors.mark(request, response.headers)

    return finish


def _failed(request: web.Request, failure: Exception) -> web.Response:
    """What was not meant to happen; the stack only in the log."""
    refusal = ending.Internal(caller.request_id(request))
    log.error("http.failed", method=request.method, path=request.path, request_id=caller.request_id(request), exc_info=failure)
    if request.writer.output_size > 0:
        raise ConnectionError("The answer has begun; it can only be cut.") from failure
    return problems.response(request, refusal)
