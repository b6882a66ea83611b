"""Hook0's v1 signature: what a receiver checks to know that a request came from here, unchanged.

The header's value is `t=<unix seconds>,h=<names>,v1=<hex>`. The code is HMAC-SHA256, keyed with the secret as it is
written, over `<t>.<names>.<values>.<payload>`: names in lower case, sorted, joined by a space; values in the same
order, joined by a dot. Covered are the custom headers and the three that name the event; not what proxies rewrite.
Source: Hook0's documented verification, checked against its own client in the tests.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Self

EVENT_HEADERS = ("content-type", "x-event-id", "x-event-type")

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def sign_v1(secret: str, timestamp: int, headers: Iterable[tuple[str, str]], payload: bytes) -> str:
    """The header's value for any set of headers; names may come in any order and case."""
    pairs = sorted((name.lower(), value) for name, value in headers)
    names = " ".join(name for name, _ in pairs)
    values = ".".join(value for _, value in pairs)
    inner, outer = _keyed(secret)
    inner.update(f"{timestamp}.{names}.{values}.".encode())
    inner.update(payload)
    outer.update(inner.digest())
    return f"t={timestamp},h={names},v1={outer.hexdigest()}"


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Signs for one subscription: everything that its events share is worked out once.

    The two half-fed hashes are the HMAC's own key schedule; a copy of them costs less than keying anew.
    """

    _inner: "hashlib._Hash"
    _outer: "hashlib._Hash"
    _message: str
    _value: str

    @classmethod
    def prepare(cls, secret: str, headers: Mapping[str, str]) -> Self:
        """`headers` are the custom ones; their values are signed exactly as given."""
        values = {name.lower(): value.replace("%", "%%") for name, value in headers.items()}
        values |= dict.fromkeys(EVENT_HEADERS, "%s")
        names = sorted(values)
        joined = " ".join(names).replace("%", "%%")
        inner, outer = _keyed(secret)
        # EVENT_HEADERS are in sorted order themselves, so their places fill in that order.
        message = f"%d.{joined}.{'.'.join(values[name] for name in names)}."
        return cls(inner, outer, message, f"t=%d,h={joined},v1=%s")

    def sign(self, timestamp: int, content_type: str, event_id: str, event_type: str, payload: bytes) -> str:
        """The `X-Hook0-Signature` value of one attempt; `timestamp` in Unix seconds, new for each attempt."""
        inner = self._inner.copy()
        inner.update((self._message % (timestamp, content_type, event_id, event_type)).encode() + payload)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return self._value % (timestamp, outer.hexdigest())


def _keyed(secret: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """RFC 2104: the inner and the outer hash after their key block."""
    key = secret.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))
