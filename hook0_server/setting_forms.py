"""The forms that settings have: each reads the text of one variable, and raises ValueError for what is not allowed."""

import ipaddress
import re
from collections.abc import Callable
from uuid import UUID

from hook0_server.model import ids

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = 65535
_ENCRYPTION_KEY = re.compile(r"[A-Za-z0-9_-]{1,32}:[0-9A-Fa-f]{64}")
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


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
