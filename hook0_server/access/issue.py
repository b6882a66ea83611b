"""New identities and new secrets: where the clock and the randomness of management come from."""

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field

from hook0_server.access import encryption
from hook0_server.model import ids


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as Hook0 has them: a random UUID in lower case, known to its holder, stored sealed."""

    text: str = field(repr=False)
    sealed: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    """What it is looked up by."""


def new_id() -> uuid.UUID:
    """A UUIDv7 of now."""
    return ids.uuid7(time.time(), secrets.randbits(80))


def secret(keyring: encryption.Keyring, row_id: uuid.UUID) -> Secret:
    """A new secret, sealed for the row that will hold it."""
    text = str(uuid.uuid4())
    return Secret(text, keyring.encrypt(text.encode(), row_id), digest(text))


def digest(text: str) -> bytes:
    """SHA-256 of a secret's 36 characters in lower case: 32 bytes."""
    return hashlib.sha256(text.lower().encode()).digest()
