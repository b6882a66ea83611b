"""Secrets at rest: AES-256-GCM under named keys, each value bound to the id of its row.

    sealed = 1 (format) │ length of key id │ key id │ nonce (12 bytes) │ ciphertext and tag

A value that is copied into another row does not open there. The first key encrypts, every key decrypts, so a new key is
put in front and the old one stays as long as something is sealed with it.
"""

import hashlib
import hmac
import os
import pathlib
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hook0_server.access import key_file

SETTING = "HOOK0_ENCRYPTION_KEYS"
FILE_NAME = "encryption_key"

_FORMAT = 1
_KEY_BYTES, _NONCE_BYTES = 32, 12
_ENTRY = re.compile(rf"([A-Za-z0-9_-]{{1,32}}):([0-9a-fA-F]{{{_KEY_BYTES * 2}}})")
_CHECKED = b"hook0 encryption key check"


class InvalidKeys(ValueError):
    """The keys that were given cannot be read; the text names the setting or file and what is allowed, never a key."""


class WrongKey(Exception):
    """Nothing can open this: its key is not known, or it was sealed for another row, or it was changed."""


class Keyring:
    """The keys of this server, by id; the first one encrypts."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._current = keys[0][0]
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        self._checks = {key_id: hmac.digest(key, _CHECKED, hashlib.sha256).hex()[:32] for key_id, key in keys}

    @classmethod
    def load(cls, setting: str | None, data_dir: pathlib.Path) -> Self:
        """The keys of HOOK0_ENCRYPTION_KEYS (`id:hex[,id:hex…]`), else that of a key file, made when it is absent.

        Raises InvalidKeys, and OSError when the data directory cannot be written.
        """
        if setting:
            return cls(_parsed(setting, SETTING))
        path = data_dir / FILE_NAME
        return cls(_parsed(key_file.read(path, _new_entry), str(path)))

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all keys, the one that encrypts first."""
        return tuple(self._ciphers)

    def encrypt(self, plain: bytes, row_id: uuid.UUID) -> bytes:
        """Seal a value for the row with this id."""
        key_id = self._current.encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, row_id.bytes)
        return bytes([_FORMAT, len(key_id)]) + key_id + nonce + sealed

    def decrypt(self, sealed: bytes, row_id: uuid.UUID) -> bytes:
        """What was sealed for the row with this id. Raises WrongKey."""
        if len(sealed) < 2 or sealed[0] != _FORMAT:
            raise WrongKey("the sealed value has a format that this version does not know")
        end = 2 + sealed[1]
        key_id = sealed[2:end].decode("ascii", "replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise WrongKey(f"a value is sealed with the key {key_id!r}, which {SETTING} does not hold")
        try:
            return cipher.decrypt(sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :], row_id.bytes)
        except (InvalidTag, ValueError) as failure:
            raise WrongKey(f"a value sealed with the key {key_id!r} does not open") from failure

    def checks(self) -> Mapping[str, str]:
        """Key id → a value that tells whether two servers mean the same key by this id, and nothing about the key."""
        return self._checks


def key_id(sealed: bytes) -> str | None:
    """The id of the key that this was sealed with; None where that cannot be read."""
    if len(sealed) < 2 or sealed[0] != _FORMAT:
        return None
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def add_key(data_dir: pathlib.Path) -> None:
    """Put a new key before those of the key file, durably. Raises OSError."""
    path = data_dir / FILE_NAME
    key_file.replace(path, f"{_new_entry()},{path.read_text(encoding='utf-8').strip()}\n")


def drop_older_keys(data_dir: pathlib.Path) -> None:
    """Keep only the first key of the key file, durably. Raises OSError."""
    path = data_dir / FILE_NAME
    key_file.replace(path, f"{path.read_text(encoding='utf-8').partition(',')[0].strip()}\n")


def _new_entry() -> str:
    return f"k{secrets.token_hex(4)}:{secrets.token_hex(_KEY_BYTES)}"


def _parsed(text: str, origin: str) -> list[tuple[str, bytes]]:
    keys = []
    for entry in text.split(","):
        matched = _ENTRY.fullmatch(entry.strip())
        if matched is None:
            raise InvalidKeys(
                f"{origin} must be id:hex[,id:hex…]: an id of 1 to 32 characters A-Z a-z 0-9 _ - and 64 hexadecimal digits"
            )
        keys.append((matched[1], bytes.fromhex(matched[2])))
    if len({key_id for key_id, _ in keys}) != len(keys):
        raise InvalidKeys(f"{origin} gives one id to two keys; every key needs its own")
    return keys
