"""What browsers are told with every answer: to be careful with it, and which pages of other servers may read it."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from aiohttp import web
from multidict import MutableMultiMapping

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_PREFLIGHT_SECONDS = "7200"
_SENT = (
    "Authorization, Content-Type, Content-Encoding, Accept, Accept-Encoding, Connect-Protocol-Version, Connect-Timeout-Ms, "
    "Connect-Content-Encoding, Connect-Accept-Encoding, Last-Event-ID, Cache-Control, X-Request-Id, X-User-Agent, "
    "Hook0-Client-Options, Idempotency-Key"
)
_SHOWN = "Connect-Content-Encoding, Link, Retry-After, WWW-Authenticate, X-Request-Id"
# An answer may carry its own: a page wants a policy with scripts, a file may be kept.
_SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Cors:
    """Which origins of other servers a browser lets call: none, these, or all ("*"). No cookie is ever asked for."""

    origins: tuple[str, ...] = ()

    def preflight(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a question of a browser whether it may call; None: it is none, or it may not."""
        is_question = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not is_question or self.allowed(request) is None:
            return None
        fields = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _SENT,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
        return web.Response(status=204, headers=fields)

    def mark(self, request: web.BaseRequest, headers: MutableMultiMapping[str]) -> None:
        """Say in an answer who may read it."""
        if self.origins and "*" not in self.origins:
            headers.add("Vary", "Origin")
        if (origin := self.allowed(request)) is not None:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _SHOWN

    def allowed(self, request: web.BaseRequest) -> str | None:
        """What Access-Control-Allow-Origin says to this request."""
        origin = request.headers.get("Origin")
        if origin is None or not self.origins:
            return None
        return "*" if "*" in self.origins else origin if origin in self.origins else None


def secure(headers: MutableMapping[str, str]) -> None:
    for name, value in _SAFE.items():
        headers.setdefault(name, value)
    headers["Server"] = "hook0"  # not which version of what
