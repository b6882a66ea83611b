"""Which URLs and addresses a subscription may call. Pure: names are judged by their form, addresses by their network.

`parse` reads a URL once into the parts a request needs; `is_forbidden` judges an address, whether it was written in the
URL or came from name resolution. Source of the networks: the IANA special-purpose registries, as Hook0 applies them.
"""

import base64
import dataclasses
import ipaddress
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_MAX_CHARACTERS = 1000
METHODS = frozenset({"GET", "PATCH", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"})
MASK = "***"

_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:([^@]*)@)?(\[[^\[\]]*\]|[^\[\]:@]*)(?::([0-9]{0,5}))?", re.DOTALL)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_USERINFO = re.compile(r"(://)[^/?#]*@")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PORTS = {"http": 80, "https": 443}
# What a request target may hold as it is; "%" stays, so that what was encoded already is not encoded twice.
_PATH_SAFE = "/?:@!$&'()*+,;=-._~%"

_RESERVED_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "content-type"}
)
_RESERVED_PREFIXES = ("x-event-", "x-hook0-", "webhook-")


class Invalid(Exception):
    """No request can be made of this; the text is one sentence without secrets, fit to be shown."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host` is a lower-case ASCII name, or the normal form of an IP literal (no brackets)."""

    scheme: str
    host: str
    port: int
    path: str
    """Origin-form: path and query, visible ASCII only."""
    host_header: str
    authorization: str | None = dataclasses.field(repr=False)
    """`Basic …` made of the URL's userinfo."""
    address: Address | None
    """Set when the host is an IP literal, in whatever spelling."""


def parse(url: str) -> Target:
    """The parts of an http(s) URL of at most 1000 characters; a fragment is dropped. Raises `Invalid`."""
    if len(url) > URL_MAX_CHARACTERS:
        raise Invalid(f"the URL is longer than {URL_MAX_CHARACTERS} characters")
    # A backslash is a slash to some readers and not to others; such a URL has two hosts.
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise Invalid("the URL contains a space, a backslash or a control character")
    matched = _URL.fullmatch(url)
    if matched is None:
        raise Invalid("the URL must begin with http:// or https://")
    scheme = matched[1].lower()
    userinfo, written_host, port = _authority(matched[2], _PORTS[scheme])
    address = _literal(written_host)
    host = str(address) if address is not None else _name(written_host)
    shown = f"[{host}]" if isinstance(address, ipaddress.IPv6Address) else host
    host_header = shown if port == _PORTS[scheme] else f"{shown}:{port}"
    return Target(scheme, host, port, _origin_form(matched[3]), host_header, _basic(userinfo), address)


def is_forbidden(address: Address, allowed: Sequence[Network]) -> str | None:
    """Why this address is not called ("a loopback address"), or None. `allowed` networks are called whatever they are.

    Addresses that carry an IPv4 address inside them are judged by that one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if _any_holds(allowed, address):
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_forbidden(ipaddress.IPv4Address(address.packed[-4:]), allowed)
        if _any_holds(_CALLABLE_EXCEPTIONS, address):
            return None
    return next((reason for network, reason in _FORBIDDEN[address.version] if address in network), None)


def is_reserved_header(name: str) -> bool:
    """Headers that the server writes itself, or that would let a target speak past the request."""
    lowered = name.lower()
    return lowered in _RESERVED_HEADERS or lowered.startswith(_RESERVED_PREFIXES)


def check_header(name: str, value: str) -> None:
    """Raises `Invalid` for a custom header that cannot be sent as it is."""
    if not _HEADER_NAME.fullmatch(name):
        raise Invalid("a header name is not an HTTP token")
    if is_reserved_header(name):
        raise Invalid(f"the header {name.lower()} is reserved")
    if not is_visible(value):
        raise Invalid(f"the value of the header {name.lower()} is not visible ASCII")


def is_visible(value: str) -> bool:
    """Whether a header value is visible ASCII (and spaces): everything else could be read as something else."""
    return value.isascii() and value.isprintable()


def mask_url(url: str) -> str:
    """The URL with any user and password hidden; works on URLs that `parse` refuses."""
    return _USERINFO.sub(rf"\1{MASK}@", url)


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The names of custom headers, in lower case and sorted, with every value hidden."""
    return dict.fromkeys(sorted(map(str.lower, headers)), MASK)


def _authority(authority: str, default_port: int) -> tuple[str | None, str, int]:
    matched = _AUTHORITY.fullmatch(authority)
    if matched is None:
        raise Invalid("the URL has an impossible host or port")
    port = int(matched[3]) if matched[3] else default_port
    if not 1 <= port <= 65_535:
        raise Invalid("the URL's port is not between 1 and 65535")
    return matched[1], matched[2], port


def _literal(host: str) -> Address | None:
    """The address that this host spells, as a browser would read it; None for a name."""
    if host.startswith("["):
        return _ipv6(host[1:-1])
    parts = _normal(host).split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    # A host whose last label is a number is an IPv4 address or nothing: no name ends that way.
    return _ipv4(parts)


def _ipv6(text: str) -> Address:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise Invalid("the URL's host is not an IPv6 address") from None
    if address.scope_id is not None:
        raise Invalid("an IPv6 zone cannot be called")
    return address.ipv4_mapped or address


def _ipv4(parts: list[str]) -> Address:
    """One to four numbers, each decimal, octal (0…) or hexadecimal (0x…); the last one fills what is left."""
    try:
        numbers = [_number(part) for part in parts]
        rest = 256 ** (5 - len(numbers))
        if len(numbers) > 4 or numbers[-1] >= rest or any(number > 255 for number in numbers[:-1]):
            raise ValueError
    except ValueError:
        raise Invalid("the URL's host is not an IPv4 address") from None
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if not _NUMBER.fullmatch(part):
        raise ValueError
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if len(part) > 1 and part.startswith("0") else int(part)


def _name(host: str) -> str:
    """A host name as it goes into Host, SNI and name resolution."""
    name = _normal(host)
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise Invalid("the URL's host is not a name that can be encoded") from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise Invalid("the URL's host is not a host name")
    return name


def _normal(host: str) -> str:
    """Compatibility forms (full-width digits and dots) become plain ones before anything is judged."""
    normal = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower()
    return normal.removesuffix(".")


def _origin_form(rest: str) -> str:
    try:
        encoded = urllib.parse.quote(rest, safe=_PATH_SAFE)
    except UnicodeEncodeError:
        raise Invalid("the URL contains half of a character") from None
    return encoded if encoded.startswith("/") else f"/{encoded}"


def _basic(userinfo: str | None) -> str | None:
    if not userinfo:
        return None
    user, _, password = userinfo.partition(":")
    pair = urllib.parse.unquote_to_bytes(user) + b":" + urllib.parse.unquote_to_bytes(password)
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _any_holds(networks: Iterable[Network], address: Address) -> bool:
    return any(address in network for network in networks)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_CALLABLE_EXCEPTIONS: tuple[Network, ...] = tuple(
    map(
        ipaddress.IPv6Network,
        # Within 2001::/23, and globally reachable all the same.
        ("2001:1::1", "2001:1::2", "2001:1::3", "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28"),
    )
)
_FORBIDDEN_NETWORKS = {
    "an unspecified address": "0.0.0.0/8 ::/128",
    "a loopback address": "127.0.0.0/8 ::1/128",
    "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
    "a carrier's shared address": "100.64.0.0/10",
    "a link-local address": "169.254.0.0/16 fe80::/10",
    "a site-local address": "fec0::/10",
    "a documentation address": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
    "a benchmarking address": "198.18.0.0/15",
    "a protocol assignment": "192.0.0.0/24 2001::/23",
    "a relay address": "192.88.99.0/24 2002::/16",
    "a translation address": "64:ff9b::/32",
    "a discard-only address": "100::/64",
    "a segment routing address": "5f00::/16",
    "a multicast address": "224.0.0.0/4 ff00::/8",
    "a reserved address": "240.0.0.0/4 ::/8",
    # Everything that can be called over IPv6 lies in 2000::/3; the two halves around it hold no receiver.
    "an unassigned address": "::/3 4000::/2 8000::/1",
}
_FORBIDDEN: dict[int, list[tuple[Network, str]]] = {4: [], 6: []}
for _reason, _written in _FORBIDDEN_NETWORKS.items():
    for _network in map(ipaddress.ip_network, _written.split()):
        _FORBIDDEN[_network.version].append((_network, _reason))
