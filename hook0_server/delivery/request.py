"""One HTTP request of one attempt, built from what a subscription's revision fixes and what the event brings."""

import dataclasses
import functools
import importlib.metadata
from collections.abc import Mapping
from typing import Self

from hook0_server.model import signing, targets

USER_AGENT = f"hook0-grpc/{importlib.metadata.version('hook0-grpc')}"

_DEFAULTS = (("User-Agent", USER_AGENT), ("Accept", "*/*"))
# Hook0 stores the literal name of its encoding; what goes out is the decoded bytes.
_BASE64_TYPE = "application/octet-stream+base64"
_BINARY_TYPE = "application/octet-stream"
_EVENT_HEADERS = (
    "Content-Type: %s\r\nX-Event-Id: %s\r\nX-Event-Type: %s\r\nX-Hook0-Signature: %s\r\n"
    # Unsigned on purpose: they differ between tries of the same delivery, and receivers may ignore them.
    "X-Hook0-Delivery-Id: %s\r\nX-Hook0-Attempt: %d\r\nContent-Length: %d\r\n\r\n"
)


@dataclasses.dataclass(slots=True, repr=False)  # not frozen: made for every request, and freezing costs a microsecond
class Request:
    """Ready to be written: `head` ends with the empty line, `body` is sent as it is, for any method."""

    target: targets.Target
    head: bytes
    body: bytes
    bodiless_answer: bool = False
    """HEAD: the answer has no body, whatever its headers say."""


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Template:
    """What every request of one revision of a subscription shares. Holds secrets: never shown, never logged."""

    target: targets.Target
    _head: str
    _signer: signing.Signer
    _bodiless_answer: bool

    @classmethod
    def prepare(cls, method: str, url: str, headers: Mapping[str, str], secret: str) -> Self:
        """Raises `targets.Invalid` for what can never be sent: the attempt is INVALID_TARGET then, without a retry."""
        if method not in targets.METHODS:
            raise targets.Invalid("the method is not one that targets may have")
        target = targets.parse(url)
        # A receiver sees values without the spaces around them: sign them as they will be seen.
        custom = {name.lower(): value.strip(" ") for name, value in headers.items()}
        for name, value in custom.items():
            targets.check_header(name, value)
        lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.host_header}"]
        lines += [f"{name}: {value}" for name, value in _sent(custom, target)]
        head = "\r\n".join(lines).replace("%", "%%") + "\r\n" + _EVENT_HEADERS
        return cls(target, head, signing.Signer.prepare(secret, custom), method == "HEAD")

    def build(
        self,
        *,
        event_id: str,
        event_type: str,
        content_type: str,
        payload: bytes,
        timestamp: int,
        delivery_id: str,
        attempt_number: int,
    ) -> Request:
        """The request of one attempt, signed at `timestamp` (Unix seconds). Raises `targets.Invalid`."""
        content_type = _sendable(content_type, event_type)
        signature = self._signer.sign(timestamp, content_type, event_id, event_type, payload)
        head = self._head % (
            content_type,
            event_id,
            event_type,
            signature,
            delivery_id,
            attempt_number,
            len(payload),
        )
        return Request(self.target, head.encode("ascii"), payload, self._bodiless_answer)


@functools.lru_cache(maxsize=4096)
def _sendable(content_type: str, event_type: str) -> str:
    """The content type as it goes out. Raises `targets.Invalid`."""
    if not (targets.is_visible(content_type) and targets.is_visible(event_type)):
        raise targets.Invalid("the event's type or content type cannot be sent as a header")
    return _BINARY_TYPE if content_type == _BASE64_TYPE else content_type


def _sent(custom: Mapping[str, str], target: targets.Target) -> list[tuple[str, str]]:
    """The custom headers, then what goes out unless a custom header replaces it."""
    sent = list(custom.items())
    sent += [(name, value) for name, value in _DEFAULTS if name.lower() not in custom]
    if target.authorization is not None and "authorization" not in custom:
        sent.append(("Authorization", target.authorization))
    return sent
