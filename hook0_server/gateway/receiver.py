"""The receiver that `hook0-server dev` brings along: it shows what was delivered, and whether the signature holds.

POST /receiver/<anything>   takes a webhook (204)
GET  /receiver              what came, newest first
"""

import collections
import dataclasses
import hmac
from datetime import UTC, datetime

import orjson
import structlog
from aiohttp import web
from multidict import CIMultiDictProxy

from hook0_server.gateway import bodies
from hook0_server.model import signing

log = structlog.get_logger(__name__)

KEPT = 200  # webhooks; with the limits below at most about 0.9 MiB
_EXCERPT_BYTES = 4096
_LARGEST_BYTES = 1024 * 1024  # a webhook's payload has at most 699,050
_LONGEST_TEXT = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Webhook:
    """One request that came in, cut so that 200 of them stay small. `verified` is None where no secret is known."""

    received_at: datetime
    path: str
    event_id: str
    event_type: str
    content_type: str
    verified: bool | None
    payload_bytes: int
    payload: str


class Receiver:
    """Keeps the last webhooks. `secret` is the signing secret of the subscription that points here."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret
        self.received = 0
        self._kept: collections.deque[Webhook] = collections.deque(maxlen=KEPT)

    def routes(self) -> list[web.RouteDef]:
        paths = ("/receiver", "/receiver/{path:.*}")
        return [make(path, handler) for path in paths for make, handler in ((web.get, self._list), (web.post, self._take))]

    async def _take(self, request: web.Request) -> web.Response:
        payload = await bodies.read(request, _LARGEST_BYTES)
        webhook = Webhook(
            datetime.now(UTC),
            request.path[:_LONGEST_TEXT],
            request.headers.get("X-Event-Id", "")[:_LONGEST_TEXT],
            request.headers.get("X-Event-Type", "")[:_LONGEST_TEXT],
            request.content_type[:_LONGEST_TEXT],
            self._verify(request.headers, payload),
            len(payload),
            payload[:_EXCERPT_BYTES].decode(errors="replace"),
        )
        self._kept.appendleft(webhook)
        self.received += 1
        log.info(
            "webhook.received",
            event_id=webhook.event_id,
            event_type=webhook.event_type,
            verified=webhook.verified,
            bytes=webhook.payload_bytes,
        )
        return web.Response(status=204)

    async def _list(self, _: web.Request) -> web.Response:
        body = orjson.dumps({"received": self.received, "webhooks": list(self._kept)}, option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json")

    def _verify(self, headers: CIMultiDictProxy[str], payload: bytes) -> bool | None:
        if self.secret is None:
            return None
        return verifies(self.secret, headers.get("X-Hook0-Signature", ""), dict(headers), payload)


def verifies(secret: str, signature: str, headers: dict[str, str], payload: bytes) -> bool:
    """Whether a `t=…,h=…,v1=…` signature is that of these headers and this payload. Its age is not judged."""
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    given = {name.lower(): value for name, value in headers.items()}
    signed = parts.get("h", "").split()
    if not (parts.get("t", "").isdecimal() and parts["t"].isascii() and signed and all(name in given for name in signed)):
        return False
    expected = signing.sign_v1(secret, int(parts["t"][:20]), [(name, given[name]) for name in signed], payload)
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
