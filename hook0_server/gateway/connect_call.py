"""What a Connect call says about itself, in headers and in the query of a GET: its form, version, compression and deadline."""

import base64
import binascii
import urllib.parse
from dataclasses import dataclass

from aiohttp import web

from hook0_server.gateway import codec, refusals
from hook0_server.model import errors

_MOST_DIGITS = 10
_MOST_PARAMETERS = 20
_TIMEOUT = "Connect-Timeout-Ms"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Query:
    """A request in the query of a GET."""

    form: codec.Codec
    body: bytes
    is_gzip: bool


def form(request: web.Request, prefix: str) -> codec.Codec:
    """By the content type: `prefix` and json or proto. Raises Unserved (415)."""
    allowed = [f"{prefix}{name}" for name in codec.CODECS]
    given = request.headers.get("Content-Type", "")
    kind, _, parameters = given.partition(";")
    kind = kind.strip().lower()
    charset = parameters.partition("charset=")[2].split(";")[0].strip(' "').lower()
    if kind not in allowed or charset not in ("", "utf-8", "utf8"):
        raise refusals.content_type_unsupported(given, allowed)
    return codec.CODECS[kind.removeprefix(prefix)]


def check_version(given: str | None, field: str, wanted: str) -> None:
    """It may be left out, as people do who use curl. Raises InvalidRequest."""
    if given is not None and given != wanted:
        raise errors.InvalidRequest.of(field, f"{errors.excerpt(given)} is not a version of this server, which speaks {wanted}")


def is_gzip(field: str, given: str) -> bool:
    """Raises Unserved (501) for what is neither gzip nor identity."""
    name = given.strip().lower()
    if name not in ("", "identity", "gzip"):
        raise refusals.compression_unsupported(field, given, "gzip", "identity")
    return name == "gzip"


def check_identity(field: str, given: str) -> None:
    """Where a whole stream must not be compressed, only its messages. Raises Unserved (501)."""
    if given.strip().lower() not in ("", "identity"):
        raise refusals.compression_unsupported(field, given, "identity")


def timeout(request: web.Request) -> int | None:
    """Milliseconds. Raises InvalidRequest."""
    given = request.headers.get(_TIMEOUT)
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS):
        raise errors.InvalidRequest.of(
            _TIMEOUT, f"{errors.excerpt(given)} is not a number of milliseconds with at most {_MOST_DIGITS} digits"
        )
    return int(given)


def query(request: web.Request) -> Query:
    """`?connect=v1&encoding=json&message=…`, and `base64=1` where the message is in that. Raises InvalidRequest, Unserved."""
    given = _parameters(request)
    check_version(given["connect"].decode("latin-1") if "connect" in given else None, "connect", "v1")
    encoding = given.get("encoding", b"").decode("latin-1")
    if encoding not in codec.CODECS:
        raise errors.InvalidRequest.of("encoding", f"{errors.excerpt(encoding)} is not one; use {' or '.join(codec.CODECS)}")
    if "message" not in given:
        raise errors.InvalidRequest.of("message", "is missing; send the request there, an empty one as nothing or {}")
    compressed = is_gzip("compression", given.get("compression", b"").decode("latin-1"))
    return Query(codec.CODECS[encoding], _message(given), compressed)


def _message(given: dict[str, bytes]) -> bytes:
    said, encoded = given["message"], given.get("base64", b"0").decode("latin-1")
    if encoded not in ("0", "1"):
        raise errors.InvalidRequest.of("base64", f"{errors.excerpt(encoded)} is neither 0 nor 1")
    if encoded == "0":
        return said
    digits = said.rstrip(b"=").translate(_URL_SAFE)  # either alphabet, with or without padding
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error as failure:
        raise errors.InvalidRequest.of("message", "is not base64 (URL-safe), although base64=1 says so") from failure


def _parameters(request: web.Request) -> dict[str, bytes]:
    """Once each, as bytes: a message of the binary form is no text."""
    raw = request.rel_url.raw_query_string.encode("utf-8", errors="surrogateescape").decode("latin-1")
    try:
        pairs = urllib.parse.parse_qsl(raw, keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_PARAMETERS)
    except ValueError as failure:
        raise errors.InvalidRequest.of("query", f"has more than {_MOST_PARAMETERS} parameters") from failure
    found: dict[str, bytes] = {}
    for name, value in pairs:
        if name in found:
            raise errors.InvalidRequest.of("query", f"has {errors.excerpt(name)} twice; send it once")
        found[name] = value.encode("latin-1")
    return found
