"""How a refusal is said over HTTP: its status and headers, and the refusals that only this edge knows."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hook0_server.api import ending
from hook0_server.model import errors

# Those of the Connect protocol; REST would choose the same ones.
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "CANCELLED": 499,
        "UNKNOWN": 500,
        "INVALID_ARGUMENT": 400,
        "DEADLINE_EXCEEDED": 504,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "PERMISSION_DENIED": 403,
        "RESOURCE_EXHAUSTED": 429,
        "FAILED_PRECONDITION": 400,
        "ABORTED": 409,
        "OUT_OF_RANGE": 400,
        "UNIMPLEMENTED": 501,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "UNAUTHENTICATED": 401,
    }
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Unserved(errors.Refused):
    """What the HTTP edge itself refuses, before any operation is asked."""

    def __init__(
        self, reason: str, message: str, *, code: str, status: int | None = None, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        """`code` is a canonical one; `status` None: the one of the code."""
        super().__init__(reason, message)
        self.code, self.headers = code, headers
        self.status = STATUSES[code] if status is None else status


def code(refusal: errors.Refused) -> str:
    """The canonical code."""
    return refusal.code if isinstance(refusal, Unserved) else ending.code(refusal)


def status(refusal: errors.Refused) -> int:
    return refusal.status if isinstance(refusal, Unserved) else STATUSES[ending.code(refusal)]


def headers(refusal: errors.Refused) -> dict[str, str]:
    """When to come back, what to authenticate with, and what the edge says."""
    said = dict(refusal.headers) if isinstance(refusal, Unserved) else {}
    if refusal.retry_after is not None:
        said["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    if isinstance(refusal, errors.Unauthenticated):
        said["WWW-Authenticate"] = "Bearer"
    return said


def path_not_found(path: str) -> Unserved:
    return Unserved(
        "PATH_NOT_FOUND", f"Nothing is served at {errors.excerpt(path)}; check the path.", code="UNIMPLEMENTED", status=404
    )


def method_not_allowed(method: str, allowed: Sequence[str]) -> Unserved:
    listed = ", ".join(sorted(allowed))
    return Unserved(
        "METHOD_NOT_ALLOWED",
        f"{errors.excerpt(method)} is not served here; use {listed}.",
        code="UNIMPLEMENTED",
        status=405,
        headers={"Allow": listed},
    )


def content_type_unsupported(given: str, allowed: Sequence[str]) -> Unserved:
    listed = ", ".join(allowed)
    return Unserved(
        "CONTENT_TYPE_UNSUPPORTED",
        f"Content-Type is {errors.excerpt(given)}; send {listed}.",
        code="UNIMPLEMENTED",
        status=415,
        headers={"Accept-Post": listed},
    )


def compression_unsupported(field: str, given: str, *supported: str) -> Unserved:
    return Unserved(
        "COMPRESSION_UNSUPPORTED",
        f"{field} is {errors.excerpt(given)}; supported: {', '.join(supported)}.",
        code="UNIMPLEMENTED",
        headers={"Accept-Encoding": ", ".join(supported)},
    )


def malformed(what: str) -> Unserved:
    return Unserved("HTTP_MALFORMED", f"This is not an HTTP/1.1 request: {what}.", code="INVALID_ARGUMENT", status=400)


def headers_too_large(what: str, *, of_path: bool = False) -> Unserved:
    return Unserved("HEADERS_TOO_LARGE", what, code="INVALID_ARGUMENT", status=414 if of_path else 431)


def body_too_slow(seconds: float) -> Unserved:
    return Unserved(
        "BODY_TOO_SLOW", f"The body did not come within {seconds:g} s; send it faster.", code="DEADLINE_EXCEEDED", status=408
    )


def deadline_exceeded(milliseconds: int) -> Unserved:
    return Unserved(
        "DEADLINE_EXCEEDED",
        f"The {milliseconds} ms of Connect-Timeout-Ms are over; whether something was written is unknown.",
        code="DEADLINE_EXCEEDED",
    )


def too_many_connections(most: int) -> Unserved:
    return Unserved(
        "TOO_MANY_CONNECTIONS",
        f"{most} connections are open, and no more are allowed; keep fewer open and use each for many requests.",
        code="UNAVAILABLE",
        headers={"Retry-After": "1"},
    )
