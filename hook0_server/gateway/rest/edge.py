"""Serves the rows: each request is read, run through the pipeline with the caller's credential, and its answer shaped.

A request that cannot be read goes through the pipeline all the same: it is refused there behind the rate limits and the
credential, so that nobody without one learns anything. Field rules come after rights, in Hook0's order.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import orjson
import structlog
from aiohttp import web

from hook0_server.api import ending, pipeline, registry
from hook0_server.gateway import bodies, caller
from hook0_server.gateway.rest import asked, openapi, page, problems, public, route, table
from hook0_server.model import errors

log = structlog.get_logger(__name__)

_JSON = {"Content-Type": "application/json"}
_BEARER = "bearer "
_SLICE = 200  # entries of a list, about 2 ms

Routes = list[web.RouteDef]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(operations: Iterable[registry.Operation], through: pipeline.Pipeline, anybody: public.Public) -> Routes:
    """Every row of the table, with and without a slash at its end. None where there are no operations."""
    known = registry.by_name(operations)
    if not known:
        return []
    served = [_at("GET", path, _always(shown)) for path, shown in anybody.lists().items()]
    served.append(_at("GET", "/health", anybody.get_health))
    described = openapi.document(table.ROUTES, lambda row: known[row.operation].scope is registry.Scope.PUBLIC)
    served.append(_at("GET", "/swagger.json", _always(described)))
    served.append(_at("GET", "/docs", _page(page.shown(described))))
    served += [_at(row.method, row.path, _handler(row, known[row.operation], through)) for row in table.ROUTES]
    served.append([web.route("*", f"{openapi.BASE}/{{rest:.*}}", _unknown)])
    return list(itertools.chain.from_iterable(served))


async def _unknown(request: web.Request) -> web.StreamResponse:
    """No such path, or not by this method."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        allowed |= (await resource.resolve(request))[1]
    if methods := allowed - {"*"}:
        raise web.HTTPMethodNotAllowed(request.method, methods)
    what = f"Nothing is served at {errors.excerpt(request.path)}; check the path."
    return problems.answer(problems.Unfit("NotFound", what))


def _always(shown: object) -> Handler:
    body = orjson.dumps(shown)

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers=_JSON)

    return handle


def _page(text: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=text.encode(), headers=page.HEADERS)

    return handle


def _at(method: str, path: str, handler: Handler) -> Sequence[web.RouteDef]:
    """A handler below /api/v1, with and without the slash."""
    return [web.route(method, f"{openapi.BASE}{path}{end}", handler) for end in ("", "/")]


def _handler(row: route.Route, operation: registry.Operation, through: pipeline.Pipeline) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _answer(request, row, operation, through)
        except errors.Refused as refusal:
            return problems.answer(refusal, chosen=row.problems, within=row.within)
        except Exception:
            request_id = caller.request_id(request)
            log.exception("rest.failed", method=row.method, path=row.path, request_id=request_id)
            return problems.answer(ending.Internal(request_id))

    return handle


async def _answer(
    request: web.Request, row: route.Route, operation: registry.Operation, through: pipeline.Pipeline
) -> web.Response:
    authorization = request.headers.get("Authorization")
    if authorization is not None and not _is_text(authorization):
        raise problems.Unfit("AuthInvalidAuthorizationHeader", "The header Authorization is not in UTF-8.")
    bearer = _bearer(authorization)
    came = asked.Asked(request.url, request.match_info, token=(bearer or "")[len(_BEARER) :].strip())
    try:
        message: pipeline.Request = row.read(await _filled(came, request, row))
    except problems.Unfit as unfit:
        message = pipeline.Unreadable(unfit)
    answer = await through.unary(
        operation,
        message,
        authorization=bearer,
        source_ip=caller.source_ip(request),
        request_id=caller.request_id(request),
        rights_first=True,
    )
    return await _answered(row, answer, came)


async def _answered(row: route.Route, answer: object, came: asked.Asked) -> web.Response:
    if row.show is None:
        return web.Response(status=row.status)
    headers = _JSON if row.headers is None else _JSON | dict(row.headers(answer, came))
    return web.Response(status=row.status, body=await _dumped(row.show(answer, came)), headers=headers)


async def _dumped(shown: object) -> bytes:
    """As JSON. An iterator is a long list: others get their turn between its slices."""
    if not isinstance(shown, Iterator):
        return orjson.dumps(shown)
    slices = []
    while some := list(itertools.islice(shown, _SLICE)):
        slices.append(orjson.dumps(some)[1:-1])
        await asyncio.sleep(0)
    return b"[" + b",".join(slices) + b"]"


async def _filled(came: asked.Asked, request: web.Request, row: route.Route) -> asked.Asked:
    """With what is in the headers and the body. Raises Unfit."""
    if row.has_body:
        body = await _body(request, row.most_bytes)
        if not _says_json(request.content_type):
            raise problems.Unfit("JsonPayload", "The body must be JSON: send it with Content-Type: application/json.")
        came.key = asked.checked_key(request.headers.get("Idempotency-Key", ""))
        try:
            came.json = orjson.loads(body)
        except orjson.JSONDecodeError as failure:
            raise problems.Unfit("JsonPayload", f"The body is not JSON: {failure.msg} (at {failure.pos}).") from failure
    return came


async def _body(request: web.Request, most: int) -> bytes:
    """All of it. Raises Unfit, or Unserved (BODY_TOO_SLOW)."""
    try:
        return await bodies.read(request, most)
    except errors.InvalidRequest as refusal:
        raise problems.Unfit("JsonPayload", refusal.message) from refusal


def _says_json(content_type: str) -> bool:
    subtype = content_type.partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _is_text(header: str) -> bool:
    """Whether the header was UTF-8: what was not is kept as halves of characters."""
    return header.isascii() or not any("\ud800" <= character <= "\udfff" for character in header)


def _bearer(authorization: str | None) -> str | None:
    """With its scheme, which Hook0 does not ask for."""
    if authorization is None or authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization
    return f"Bearer {authorization}"
