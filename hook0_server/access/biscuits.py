"""Biscuit tokens: minted with one key of this server, accepted with any of them.

The facts of the authority are Hook0's, so that what holders append offline means the same here:

    service_access v1                  type, version, token_id, created_at, organization_id
    user_access v1                     … and session_id, user_id, email, first_name, last_name, organization_role(id, role)
    refresh v1                         type, version, token_id, session_id, user_id, created_at
    email_verification, password_reset v1     type, version, user_id, created_at, expired_at

Ids are bytes (`hex:…`). The first three may have the check `time($t), $t < <expiry>`.
"""

import base64
import hashlib
import pathlib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import biscuit_auth

from hook0_server.access import biscuit_format, biscuit_token, encryption, guard, key_file

PRIVATE_SETTING, PUBLIC_SETTING = "HOOK0_BISCUIT_PRIVATE_KEY", "HOOK0_BISCUIT_PUBLIC_KEYS"
FILE_NAME = "biscuit_private_key"
MAX_CHARACTERS = 4096  # of a token
MAX_ROLES = 30  # that a user's token names, so that it stays far below that

Refused = biscuit_format.Refused
Token = biscuit_token.Token
TooCostly = biscuit_token.TooCostly

_HEX = re.compile(r"(?:ed25519(?:-private)?/)?([0-9a-fA-F]{64})")
_CHECKED = b"hook0 biscuit key check"

_START = "type({kind}); version(1); created_at({now});"
_SERVICE = "token_id({token_id}); organization_id({organization_id});"
_SESSION = "token_id({token_id}); session_id({session_id}); user_id({user_id});"
_NAMES = "email({email}); first_name({first_name}); last_name({last_name});"
_MAILED = "user_id({user_id}); expired_at({expires_at});"
_EXPIRY = "check if time($t), $t < {expires_at};"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: URL-safe base64, and the revocation id of its authority block, which all that is narrowed from it has."""

    text: str = field(repr=False)
    root_id: bytes


class Root:
    """The keys of this server's tokens: the first signs, every one accepts."""

    def __init__(self, private_key: bytes, public_keys: Sequence[bytes] = ()) -> None:
        self._private = biscuit_auth.PrivateKey(f"ed25519-private/{private_key.hex()}")
        own = biscuit_auth.KeyPair.from_private_key(self._private).public_key.to_bytes()
        self.public_key: str = own.hex()
        """In hexadecimal digits; clients may know it."""
        self._key_id = _key_id(own)
        accepted = (own, *public_keys)
        self.public_keys: tuple[str, ...] = tuple(key.hex() for key in accepted)
        """Those of which tokens are accepted, its own among them."""
        self._public = {_key_id(key): biscuit_auth.PublicKey(f"ed25519/{key.hex()}") for key in accepted}
        self._checks = {f"biscuit-{_key_id(key):08x}": hashlib.sha256(_CHECKED + key).hexdigest()[:32] for key in accepted}

    @classmethod
    def load(cls, private_key: str | None, public_keys: Sequence[str], data_dir: pathlib.Path) -> Self:
        """Keys in hexadecimal digits; the private one is that of a key file, made when it is absent, where none is given.

        Raises encryption.InvalidKeys, and OSError when the data directory cannot be written.
        """
        older = [_parsed(key, PUBLIC_SETTING) for key in public_keys]
        if private_key:
            return cls(_parsed(private_key, PRIVATE_SETTING), older)
        path = data_dir / FILE_NAME
        made = key_file.read(path, lambda: biscuit_auth.KeyPair().private_key.to_bytes().hex())
        return cls(_parsed(made, str(path)), older)

    def checks(self) -> Mapping[str, str]:
        """Key id → a value that tells whether two servers mean the same key by this id."""
        return self._checks

    def service_access(
        self, *, token_id: uuid.UUID, organization_id: uuid.UUID, now: float, expires_at: float | None = None
    ) -> Minted:
        """A service's token. Times are Unix seconds; without `expires_at` it does not expire."""
        terms: dict[str, object] = {"token_id": token_id.bytes, "organization_id": organization_id.bytes}
        if expires_at is None:
            return self._mint(biscuit_token.SERVICE, _SERVICE, terms, now)
        return self._mint(biscuit_token.SERVICE, _SERVICE + _EXPIRY, {**terms, "expires_at": _date(expires_at)}, now)

    def user_access(
        self,
        *,
        token_id: uuid.UUID,
        session_id: uuid.UUID,
        user_id: uuid.UUID,
        email: str,
        first_name: str,
        last_name: str,
        roles: Mapping[uuid.UUID, str],
        now: float,
        expires_at: float,
    ) -> Minted:
        """A signed-in user's token. It names the first MAX_ROLES of the roles (organization → role): they tell clients, and
        what a user may do is asked of the database.
        """
        terms = {**_session(token_id, session_id, user_id), "expires_at": _date(expires_at)}
        terms |= {"email": email, "first_name": first_name, "last_name": last_name}
        return self._mint(biscuit_token.USER, _SESSION + _NAMES + _EXPIRY, terms, now, list(roles.items())[:MAX_ROLES])

    def refresh(
        self, *, token_id: uuid.UUID, session_id: uuid.UUID, user_id: uuid.UUID, now: float, expires_at: float
    ) -> Minted:
        """What a session gets its next user_access with."""
        terms = {**_session(token_id, session_id, user_id), "expires_at": _date(expires_at)}
        return self._mint(biscuit_token.REFRESH, _SESSION + _EXPIRY, terms, now)

    def email_verification(self, *, user_id: uuid.UUID, now: float, expires_at: float) -> Minted:
        """What is mailed to prove an address."""
        terms = {"user_id": user_id.bytes, "expires_at": _date(expires_at)}
        return self._mint(biscuit_token.EMAIL_VERIFICATION, _MAILED, terms, now)

    def password_reset(self, *, user_id: uuid.UUID, now: float, expires_at: float) -> Minted:
        """What is mailed to set a password anew."""
        terms = {"user_id": user_id.bytes, "expires_at": _date(expires_at)}
        return self._mint(biscuit_token.PASSWORD_RESET, _MAILED, terms, now)

    def read(self, text: str) -> biscuit_token.Token:
        """What this token says. Whether it has expired or was revoked is not asked here. Raises Refused."""
        raw = _decoded(text)
        biscuit = biscuit_format.read(raw, guard.MAX_BLOCKS)
        guard.inspect(biscuit)
        return biscuit_token.of(biscuit, self._verified(raw, biscuit.root_key_id))

    def _verified(self, raw: bytes, key_id: int | None) -> biscuit_auth.Biscuit:
        """A token that names no key, as other servers mint them, is tried with each."""
        for known_id, key in self._public.items():
            if key_id not in (None, known_id):
                continue
            try:
                return biscuit_auth.Biscuit.from_bytes(raw, key)
            except biscuit_auth.BiscuitValidationError:
                continue
        raise Refused("the token is not signed with a key of this server")

    def _mint(
        self,
        kind: str,
        facts: str,
        terms: Mapping[str, object],
        now: float,
        roles: Iterable[tuple[uuid.UUID, str]] = (),
    ) -> Minted:
        builder = biscuit_auth.BiscuitBuilder(_START + facts, {"kind": kind, "now": _date(now), **terms})
        for organization_id, role in roles:
            names = {"organization_id": organization_id.bytes, "role": role}
            builder.add_fact(biscuit_auth.Fact("organization_role({organization_id}, {role})", names))
        builder.set_root_key_id(self._key_id)
        built = builder.build(self._private)
        return Minted(built.to_base64(), bytes.fromhex(built.revocation_ids[0]))


def _session(token_id: uuid.UUID, session_id: uuid.UUID, user_id: uuid.UUID) -> dict[str, object]:
    return {"token_id": token_id.bytes, "session_id": session_id.bytes, "user_id": user_id.bytes}


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _decoded(text: str) -> bytes:
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"the token is longer than {MAX_CHARACTERS} characters")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError as wrong:
        raise Refused("the token is malformed") from wrong


def _key_id(public_key: bytes) -> int:
    """Which key signed is said by a number in the token; it depends on nothing but the key."""
    return int.from_bytes(hashlib.sha256(public_key).digest()[:4])


def _parsed(text: str, origin: str) -> bytes:
    matched = _HEX.fullmatch(text.strip())
    if matched is None or not matched[1].strip("0"):  # zeros are nobody's secret, and anybody signs for that public key
        raise encryption.InvalidKeys(f"{origin} must hold 64 hexadecimal digits for each key, and not only zeros")
    return bytes.fromhex(matched[1])
