"""The forms that settings have: each reads the text of one variable, and raises ValueError for what is not allowed."""

import dataclasses
import email.utils
import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hook0_server.model import addresses, ids

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = 65535
_ENCRYPTION_KEY = re.compile(r"[A-Za-z0-9_-]{1,32}:[0-9A-Fa-f]{64}")
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One variable: the field it fills, its default as it would be written, what it means and what is allowed.

    `parse` raises ValueError for what is not allowed. No default means that the field is None (or empty) when not set.
    """

    variable: str
    field: str
    parse: Callable[[str], Any]
    default: str | None
    meaning: str
    allowed: str
    secret: bool = False
    needs: str = ""  # a variable without which this one means nothing


def address(text: str) -> str:
    host, separator, port = text.rpartition(":")
    if not (host and separator and port.isascii() and port.isdecimal() and int(port) <= _PORTS):
        raise ValueError
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ValueError
    return text


def number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise ValueError
        return int(text)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not least <= float(text) <= most:  # also refuses "nan"
            raise ValueError
        return float(text)

    return parse


def one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return parse


def some_of(words: tuple[str, ...]) -> Callable[[str], frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        given = frozenset(part.strip().lower() for part in text.split(","))
        if not given <= frozenset(words):
            raise ValueError
        return given

    return parse


def identity(text: str) -> UUID:
    parsed = ids.parse(text)
    if parsed is None:
        raise ValueError
    return parsed


def networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))


def encryption_keys(text: str) -> str:
    keys = [key.strip() for key in text.split(",")]
    if not all(map(_ENCRYPTION_KEY.fullmatch, keys)) or len({key.partition(":")[0] for key in keys}) < len(keys):
        raise ValueError
    return ",".join(keys)


def hex_key(text: str) -> str:
    if not _HEX_KEY.fullmatch(text):
        raise ValueError
    return text.lower()


def hex_keys(text: str) -> tuple[str, ...]:
    return tuple(hex_key(part.strip()) for part in text.split(","))


def database_url(text: str) -> str:
    if not (text.startswith(("postgresql://", "postgres://")) or re.match(r"\w+ *=", text)):
        raise ValueError
    return text


def switch(text: str) -> bool:
    if text.lower() not in ("on", "off", "true", "false"):
        raise ValueError
    return text.lower() in ("on", "true")


def web_url(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


def smtp_url(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.port == 0 or parts.path not in ("", "/"):
        raise ValueError
    return text


def mailbox(text: str) -> str:
    named = email.utils.getaddresses([text])
    if len(named) != 1 or not addresses.is_address(named[0][1]) or not text.isprintable():
        raise ValueError
    return text
