"""Page tokens: where a list goes on, in a form that only the same list with the same filter takes back.

A token is base64url of: version (1 byte), checksum (12 bytes), position (a JSON array of texts). The checksum covers
the kind of list and the digest of the application and filter too, so that a token of another list is refused like a damaged
one. It keeps no secret and proves no origin: a position only says where to go on within what the caller may read anyway,
and a list that cannot read a position calls `refused`.
"""

import base64
import binascii
import hashlib
import json

from hook0_server.model import errors

MAX_CHARACTERS = 2000
_VERSION = b"\x01"
_CHECKSUM_BYTES = 12


def digest(*parts: bytes) -> bytes:
    """What a list is about (application id, filter, order), as 32 bytes. Protobuf: SerializeToString(deterministic=True)."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()


def encode(kind: str, filter_digest: bytes, position: tuple[str, ...]) -> str:
    """The token that goes on after `position`."""
    body = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_VERSION + _checksum(kind, filter_digest, body) + body).rstrip(b"=").decode()


def decode(token: str, kind: str, filter_digest: bytes) -> tuple[str, ...]:
    """The position inside a token. Raises InvalidRequest / PAGE_TOKEN_INVALID for what is not one."""
    if len(token) > MAX_CHARACTERS:
        raise refused()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as failure:
        raise refused() from failure
    version, checksum, body = raw[:1], raw[1 : 1 + _CHECKSUM_BYTES], raw[1 + _CHECKSUM_BYTES :]
    if version != _VERSION or checksum != _checksum(kind, filter_digest, body):
        raise refused()
    return _position(body)


def refused() -> errors.InvalidRequest:
    """What a list raises for a token that it did not make."""
    return errors.InvalidRequest.of(
        "page_token",
        "is not the next_page_token of this list with this filter; begin again without it",
        reason="PAGE_TOKEN_INVALID",
    )


def _checksum(kind: str, filter_digest: bytes, body: bytes) -> bytes:
    return digest(_VERSION, kind.encode(), filter_digest, body)[:_CHECKSUM_BYTES]


def _position(body: bytes) -> tuple[str, ...]:
    try:
        position = json.loads(body)
    except ValueError as failure:
        raise refused() from failure
    if not (isinstance(position, list) and all(isinstance(part, str) for part in position)):
        raise refused()
    return tuple(position)
