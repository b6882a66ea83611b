"""Refusals as problem documents (RFC 9457): for everything on the HTTP port that has no form of its own."""

from typing import Any

import orjson
from aiohttp import web

from hook0_server.api import pipeline
from hook0_server.gateway import caller, refusals
from hook0_server.model import errors

CONTENT_TYPE = "application/problem+json"
_TOO_LARGE = "MESSAGE_TOO_LARGE"


def status(refusal: errors.Refused) -> int:
    """What is too large has a status of its own, which the Connect protocol has not."""
    return 413 if refusal.reason == _TOO_LARGE else refusals.status(refusal)


def document(refusal: errors.Refused, request_id: str) -> dict[str, Any]:
    """`reason` is the stable word, `detail` the sentence; the rest is there where it applies."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": refusals.code(refusal).replace("_", " ").capitalize(),
        "status": status(refusal),
        "detail": refusal.message,
        "code": refusals.code(refusal),
        "reason": refusal.reason,
        "request_id": request_id,
    }
    if refusal.metadata:
        said["metadata"] = dict(refusal.metadata)
    if refusal.violations:
        said["violations"] = [{"field": each.field, "description": each.description} for each in refusal.violations]
    if refusal.retry_after is not None:
        said["retry_after"] = refusal.retry_after
    return said


def body(refusal: errors.Refused, request_id: str) -> bytes:
    return orjson.dumps(_storable(document(refusal, request_id)))


def response(request: web.BaseRequest, refusal: errors.Refused) -> web.Response:
    return web.Response(
        status=status(refusal),
        body=body(refusal, caller.request_id(request)),
        content_type=CONTENT_TYPE,
        headers=refusals.headers(refusal),
    )


def of_aiohttp(request: web.BaseRequest, raised: web.HTTPException) -> errors.Refused:
    """What aiohttp refuses by itself, as one of our refusals."""
    match raised:
        case web.HTTPNotFound():
            return refusals.path_not_found(request.path)
        case web.HTTPMethodNotAllowed():
            return refusals.method_not_allowed(request.method, sorted(raised.allowed_methods))
        case web.HTTPRequestEntityTooLarge():
            return pipeline.too_large(None, request.client_max_size).refusal
        case web.HTTPExpectationFailed():
            return refusals.malformed("Expect may only be 100-continue")
    return refusals.malformed(raised.reason)


def _storable(value: Any) -> Any:
    """Bytes of a request that are no UTF-8 come as lone surrogates, which JSON has not."""
    match value:
        case str():
            return value if value.isascii() else value.encode(errors="replace").decode()
        case dict():
            return {_storable(name): _storable(each) for name, each in value.items()}
        case list():
            return [_storable(each) for each in value]
    return value
