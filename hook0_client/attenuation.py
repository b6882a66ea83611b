"""Narrow a token offline: nobody is asked, and nobody but its holder needs to know.

A Biscuit ends with a private key for the one block that may follow. So a holder can append checks, which every later
holder is bound by and none can take away, without the key that the token was minted with. The library that writes such
blocks only takes a token whose root key it was given, and the root key is the server's affair; so it writes the block
here for a token of its own with the same symbols, and this module signs it into the real one (signatures of version 1 in
the Biscuit specification).
"""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

MAX_CHARACTERS = 4096  # of a token that a server takes
MAX_BLOCKS = 4  # likewise; the first is the server's

_ED25519 = 0
_SIGNATURE_VERSION = 1
_UNREADABLE = "this is not a Biscuit token, or not all of it"


def attenuate(
    token: str,
    *,
    applications: Collection[UUID | str] = (),
    actions: Collection[str] = (),
    expires: datetime | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """The token, further limited to what is given: these applications, these actions, until then, with all these labels.

    Each limit is one check, an empty one is none; what the token already forbids stays forbidden. A token with labels is
    good only for what has labels, as publishing does. Raises ValueError where the token cannot be narrowed or nothing is given,
    and ModuleNotFoundError where the packages for it are missing.
    """
    checks = list(_checks(applications, actions, expires, labels or {}))
    if not checks:
        raise ValueError("no limit was given: a token is narrowed to applications, actions, a time or labels")
    opened = _opened(_decoded(token.strip()))
    narrowed = base64.urlsafe_b64encode(_followed(opened, _block(opened.symbols, checks))).decode()
    if len(narrowed) > MAX_CHARACTERS:
        raise ValueError(f"the narrowed token would be longer than the {MAX_CHARACTERS} characters that servers take")
    return narrowed


def _checks(
    applications: Collection[UUID | str], actions: Collection[str], expires: datetime | None, labels: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Datalog with its parameters. What is known is told to it as Hook0 does: ids as bytes, labels as a map."""
    if applications:
        ids = {_application_id(each).bytes for each in applications}
        yield "check if application_id($id), {applications}.contains($id)", {"applications": ids}
    if actions:
        yield "check if action($action), {actions}.contains($action)", {"actions": set(actions)}
    if expires is not None:
        if expires.tzinfo is None:
            raise ValueError("the time at which the token expires has no time zone")
        yield "check if time($now), $now < {expires}", {"expires": expires.astimezone(UTC)}
    if labels:
        wanted = ", ".join(f"$labels.get({{key{number}}}) == {{value{number}}}" for number in range(len(labels)))
        keys = {f"key{number}": key for number, key in enumerate(labels)}
        yield (
            f"check if labels($labels), {wanted}",
            keys | {f"value{number}": text for number, text in enumerate(labels.values())},
        )


@dataclass(frozen=True, slots=True)
class _Opened:
    """What of a token matters for the next block."""

    head: bytes  # everything but the proof
    symbols: Sequence[str]
    signature: bytes  # of the last block
    secret: bytes  # signs the next one


def _decoded(token: str) -> bytes:
    if _is_uuid(token):
        raise ValueError(
            "this is an application secret (a UUID), which cannot be narrowed; a service token can: create one and narrow that"
        )
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except ValueError as wrong:
        raise ValueError(_UNREADABLE) from wrong


def _opened(raw: bytes) -> _Opened:
    """Raises ValueError with a sentence for people; none of them repeats the token."""
    try:
        outer = list(_fields(raw))
        signed = [dict(_fields(value)) for number, value in outer if number in (2, 3)]
        proof = dict(_fields(dict(outer)[4]))
        algorithm = dict(_fields(signed[-1][2]))[1]
        symbols = [text.decode() for block in signed for number, text in _fields(block[1]) if number == 1]
        head = b"".join(_field(number, value) for number, value in outer if number != 4)
        signature = signed[-1][3]
    except (ValueError, LookupError, TypeError, AttributeError) as wrong:
        raise ValueError(_UNREADABLE) from wrong
    if len(signed) >= MAX_BLOCKS:
        raise ValueError(f"the token was narrowed {MAX_BLOCKS - 1} times already; servers take no more")
    if 1 not in proof or algorithm != _ED25519 or any(4 in block for block in signed):
        raise ValueError("the token is sealed or has a block of a third party: it cannot be narrowed")
    return _Opened(head, symbols, signature, proof[1])


def _followed(token: _Opened, block: bytes) -> bytes:
    """The token with one more block, which is signed with the key that the token holds for it."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError as missing:
        raise _needs_more() from missing
    following = ed25519.Ed25519PrivateKey.generate()
    next_key = following.public_key().public_bytes_raw()
    payload = (
        b"\0BLOCK\0\0VERSION\0" + _SIGNATURE_VERSION.to_bytes(4, "little") + b"\0PAYLOAD\0" + block
        + b"\0ALGORITHM\0" + _ED25519.to_bytes(4, "little") + b"\0NEXTKEY\0" + next_key + b"\0PREVSIG\0" + token.signature
    )  # fmt: skip
    signature = ed25519.Ed25519PrivateKey.from_private_bytes(token.secret).sign(payload)
    key = _field(1, _ED25519) + _field(2, next_key)
    signed = _field(1, block) + _field(2, key) + _field(3, signature) + _field(5, _SIGNATURE_VERSION)
    return token.head + _field(3, signed) + _field(4, _field(1, following.private_bytes_raw()))


def _block(symbols: Sequence[str], checks: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    """The checks as a block after those that have these symbols."""
    try:
        import biscuit_auth
    except ModuleNotFoundError as missing:
        raise _needs_more() from missing
    names = {f"symbol{number}": symbol for number, symbol in enumerate(symbols)}
    builder = biscuit_auth.BiscuitBuilder(f"read({', '.join(f'{{{name}}}' for name in names)})", names)
    block = biscuit_auth.BlockBuilder("")
    for source, parameters in checks:
        block.add_check(biscuit_auth.Check(source, parameters))
    stand_in = builder.build(biscuit_auth.KeyPair().private_key).append(block)
    return bytes(dict(_fields(dict(_fields(bytes(stand_in.to_bytes())))[3]))[1])


def _needs_more() -> ModuleNotFoundError:
    return ModuleNotFoundError("narrowing a token needs more than the client: pip install 'hook0-grpc[cli]'")


def _application_id(given: UUID | str) -> UUID:
    try:
        return UUID(str(given))
    except ValueError as wrong:
        raise ValueError(f"{str(given)[:50]!r} is no application's id, which is a UUID") from wrong


def _is_uuid(text: str) -> bool:
    try:
        return len(text) >= 32 and UUID(text) is not None
    except ValueError:
        return False


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a protobuf message: their number, and a number or bytes. Raises ValueError or IndexError."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        value, at = _number(message, at)
        if tag & 7 == 2:
            if at + value > len(message):
                raise ValueError("cut off")
            yield tag >> 3, message[at : at + value]
            at += value
        elif tag & 7 == 0:
            yield tag >> 3, value
        else:
            raise ValueError("not a field that a Biscuit has")


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 0x80:
            return value, at


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
