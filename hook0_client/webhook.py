"""For receivers: is this webhook from Hook0, unchanged and fresh?

The header is `t=<unix seconds>[,v0=<hex>][,h=<names>,v1=<hex>]`. Codes are HMAC-SHA256 in hex, keyed with the
subscription's secret as it is written:

    v1 over <t>.<names>.<values>.<body>     names as in `h`, values of those headers in the same order joined by '.'
    v0 over <t>.<body>                      what older senders give; looked at only where there is no v1

Source: Hook0's documented verification; its own client judges the same headers in the tests.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

HEADER = "X-Hook0-Signature"
TOLERANCE = 300  # seconds

# The header is written by whoever reaches the endpoint: it is bounded before it is taken apart.
MAX_HEADER_BYTES = 8 * 1024
MAX_PARTS = 32
MAX_COVERED_HEADERS = 64

_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_CODE = re.compile(rb"[0-9A-Fa-f]{64}")

Headers = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]

Reason = Literal[
    "signature_missing",  # no signature header
    "signature_malformed",  # not of the form above, or beyond a bound
    "header_missing",  # a header that the signature covers was not delivered
    "header_ambiguous",  # it was delivered twice with different values
    "code_mismatch",  # another secret, or something was changed on the way
    "timestamp_out_of_tolerance",  # an old webhook sent again, or a clock that is wrong
]


class SignatureInvalid(Exception):
    """The webhook must not be believed; answer it with 400 or 401. `reason` is a stable word, see `Reason`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Webhook:
    """What the signature vouches for, besides the body; None for what it does not cover (v0 covers only the body)."""

    timestamp: int  # when this attempt was signed, Unix seconds
    event_id: str | None  # the same in every attempt: what to deduplicate by
    event_type: str | None


@dataclass(frozen=True, slots=True)
class _Signature:
    timestamp: bytes
    covered: tuple[bytes, ...]  # lower case, in the order of `h`
    v1: tuple[bytes, ...]  # more than one while a sender rolls its codes over; any may match
    v0: tuple[bytes, ...]


def verify_webhook(
    secret: str,
    headers: Headers,
    body: bytes,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
    signature_header: str = HEADER,
) -> Webhook:
    """Accepts a webhook or raises SignatureInvalid.

    `secret` is the subscription's, `body` the raw bytes as received (never re-encoded JSON), `headers` the request's in
    any case: a mapping, or pairs as ASGI has them. `tolerance` in seconds, both ways and inclusive. `now` in Unix
    seconds, default this machine's clock. `signature_header` for senders that rename it.
    """
    delivered = _delivered(headers)
    signature = _parse(_value(delivered, signature_header.lower().encode(), "signature_missing"))
    values = [_value(delivered, name, "header_missing") for name in signature.covered] if signature.v1 else []
    if not _matches(secret, signature, values, body):
        raise SignatureInvalid("code_mismatch", "the signature is not the one that this secret and content give")
    timestamp = int(signature.timestamp)
    if not abs((time.time() if now is None else now) - timestamp) <= tolerance:
        raise SignatureInvalid("timestamp_out_of_tolerance", f"signed at {timestamp}, more than {tolerance} s from now")
    vouched = dict(zip(signature.covered, values, strict=True)) if signature.v1 else {}
    return Webhook(timestamp, _text(vouched.get(b"x-event-id")), _text(vouched.get(b"x-event-type")))


def _matches(secret: str, signature: _Signature, values: list[bytes], body: bytes) -> bool:
    code = hmac.new(secret.encode(), signature.timestamp + b".", hashlib.sha256)
    if signature.v1:  # where both are given the stronger one decides, else dropping it would be an attack
        code.update(b" ".join(signature.covered) + b"." + b".".join(values) + b".")
    code.update(body)
    wanted = code.hexdigest().encode()
    matches = [hmac.compare_digest(wanted, offered) for offered in signature.v1 or signature.v0]
    return any(matches)


def _parse(header: bytes) -> _Signature:
    if len(header) > MAX_HEADER_BYTES:
        raise _malformed(f"it is longer than {MAX_HEADER_BYTES} bytes")
    parts = header.split(b",")
    if len(parts) > MAX_PARTS:
        raise _malformed(f"it has more than {MAX_PARTS} parts")
    read: dict[bytes, list[bytes]] = {}
    for part in parts:
        name, assigned, value = part.partition(b"=")
        if assigned:
            read.setdefault(name.strip(), []).append(value.strip())
    signature = _Signature(_timestamp(read), _covered(read), _codes(read, b"v1"), _codes(read, b"v0"))
    if not signature.v1 and not signature.v0:
        raise _malformed("it has neither a v1 nor a v0 code")
    return signature


def _timestamp(read: Mapping[bytes, list[bytes]]) -> bytes:
    match read.get(b"t", []):
        case [only] if _TIMESTAMP.fullmatch(only):
            return only
        case _:
            raise _malformed("it needs one t=<unix seconds>")


def _covered(read: Mapping[bytes, list[bytes]]) -> tuple[bytes, ...]:
    match read.get(b"h", [b""]):
        case [b""]:
            return ()
        case [only]:
            names = only.split(b" ")
        case _:
            raise _malformed("it has more than one h part")
    if len(names) > MAX_COVERED_HEADERS:
        raise _malformed(f"it covers more than {MAX_COVERED_HEADERS} headers")
    if not all(map(_TOKEN.fullmatch, names)):
        raise _malformed("its h part is not header names separated by single spaces")
    return tuple(name.lower() for name in names)


def _codes(read: Mapping[bytes, list[bytes]], scheme: bytes) -> tuple[bytes, ...]:
    codes = read.get(scheme, [])
    if not all(map(_CODE.fullmatch, codes)):
        raise _malformed(f"its {scheme.decode()} code is not 64 hexadecimal digits")
    return tuple(code.lower() for code in codes)


def _delivered(headers: Headers) -> dict[bytes, set[bytes]]:
    """All values of each header, by its name in lower case."""
    delivered: dict[bytes, set[bytes]] = {}
    pairs: Iterable[tuple[str | bytes, str | bytes]]
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        delivered.setdefault(_bytes(name).lower(), set()).add(_bytes(value))
    return delivered


def _value(delivered: Mapping[bytes, set[bytes]], name: bytes, missing: Reason) -> bytes:
    match tuple(delivered.get(name, ())):
        case ():
            raise SignatureInvalid(missing, f"the header {name.decode()} was not delivered")
        case (only,):
            return only
        case _:  # which of them the receiver reads is not for us to guess
            raise SignatureInvalid("header_ambiguous", f"the header {name.decode()} was delivered twice")


def _bytes(text: str | bytes) -> bytes:
    """As it was on the wire, where servers decode headers with `surrogateescape`."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # never came over a wire, so no signature covers it
        return text.encode("utf-8", "replace")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _malformed(what: str) -> SignatureInvalid:
    return SignatureInvalid("signature_malformed", f"the signature header cannot be read: {what}")
