"""Who calls over HTTP: their address, their credential, and the id that a request is known by."""

import functools
import ipaddress
import re
from collections.abc import Callable

from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TRUSTED_PROXIES: web.AppKey[tuple[Network, ...]] = web.AppKey("trusted_proxies", tuple)
_REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
_GIVEN_ID = re.compile(r"[!-~]{1,128}")
_UNKNOWN = "-"  # of a request that could not be read


def identify(request: web.BaseRequest, new: Callable[[], str]) -> None:
    """Keep the X-Request-Id that was sent where it is short and printable, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    request[_REQUEST_ID] = given if _GIVEN_ID.fullmatch(given) else new()


def request_id(request: web.BaseRequest) -> str:
    """What `identify` kept; it is in the answer's X-Request-Id and in the log line of the call."""
    return request[_REQUEST_ID] if _REQUEST_ID in request else _UNKNOWN  # noqa: SIM401 - its `get` loses the type


def authorization(request: web.BaseRequest) -> str | None:
    """As it was sent; bytes outside ASCII, which no credential has, are replaced."""
    given = request.headers.get("Authorization")
    return given if given is None or given.isascii() else given.encode("ascii", errors="replace").decode()


def source_ip(request: web.Request) -> str | None:
    """The address that calls; None where it came through no network.

    Behind trusted proxies it is the rightmost address of X-Forwarded-For that is not one of theirs: what stands left of it
    the caller may have made up. What is no address ends the search at the proxy that passed it on.
    """
    peer = _address(request.remote or "")
    if peer is None:
        return None
    trusted = request.config_dict[TRUSTED_PROXIES]
    passed = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while _is_one_of(peer, trusted) and passed:
        before = _address(passed.pop())
        if before is None:
            break
        peer = before
    return str(peer)


@functools.lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    """With or without a port, brackets or zone; IPv4 in IPv6 is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _is_one_of(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
