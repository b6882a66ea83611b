"""Tokens as holders may make them: with the library, or byte by byte, and signed as they should be."""

import base64
import pathlib
import uuid

import biscuit_auth

from hook0_client import attenuation
from hook0_server.access import biscuits

NOW = 1_800_000_000.0
ORGANIZATION, APPLICATION, TOKEN, SESSION, USER = (uuid.UUID(int=number) for number in range(1, 6))
ROOT = biscuits.Root.load("11" * 32, (), pathlib.Path("/nonexistent"))
PUBLIC = biscuit_auth.PublicKey.from_bytes(bytes.fromhex(ROOT.public_key), biscuit_auth.Algorithm.Ed25519)


def service(root: biscuits.Root = ROOT, expires_at: float | None = None) -> str:
    return root.service_access(token_id=TOKEN, organization_id=ORGANIZATION, now=NOW, expires_at=expires_at).text


def user(roles: int) -> str:
    """A user's token with so many roles."""
    return ROOT.user_access(
        token_id=TOKEN,
        session_id=SESSION,
        user_id=USER,
        email="ada@example.com",
        first_name="Ada",
        last_name="Byron",
        roles={uuid.UUID(int=number): "viewer" for number in range(roles)},
        now=NOW,
        expires_at=NOW + 300,
    ).text


def verified(text: str) -> biscuit_auth.Biscuit:
    return biscuit_auth.Biscuit.from_base64(text, PUBLIC)


def appended(source: str, text: str | None = None) -> str:
    """A token with one more block."""
    return verified(text or service()).append(biscuit_auth.BlockBuilder(source)).to_base64()


def last_block(text: str) -> bytes:
    """The content of the last block."""
    outer = list(attenuation._fields(base64.urlsafe_b64decode(text)))
    return bytes(dict(attenuation._fields(outer[-2][1]))[1])


def signed(block: bytes, text: str | None = None) -> str:
    """A token with these bytes as one more block."""
    raw = base64.urlsafe_b64decode(text or service())
    return base64.urlsafe_b64encode(attenuation._followed(attenuation._opened(raw), block)).decode()
