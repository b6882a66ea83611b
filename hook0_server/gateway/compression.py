"""gzip in and out, in bounds."""

import zlib

from hook0_server.api import pipeline
from hook0_server.model import errors

NAMES = ("gzip", "identity")
LEAST_BYTES = 1024  # what is shorter hardly gets smaller

_GZIP = 16 + zlib.MAX_WBITS
_FAST = 1


def inflate(compressed: bytes, most_bytes: int = pipeline.LARGEST_REQUEST_BYTES) -> bytes:
    """Raises InvalidRequest: MESSAGE_TOO_LARGE, before more than is allowed is held, or FIELD_INVALID."""
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(compressed, most_bytes + 1)
    except zlib.error as failure:
        raise errors.InvalidRequest.of("request", "is not the gzip that it is said to be") from failure
    if len(plain) > most_bytes:
        raise pipeline.too_large(None, most_bytes).refusal
    if not stream.eof or stream.unused_data:
        raise errors.InvalidRequest.of("request", "is gzip that is cut off, or has something behind its end")
    return plain


def deflate(plain: bytes) -> bytes:
    stream = zlib.compressobj(_FAST, wbits=_GZIP)
    return stream.compress(plain) + stream.flush()


def accepts_gzip(accepted: str) -> bool:
    """Whether a list such as `br, gzip;q=0.5` has gzip."""
    for each in accepted.split(","):
        name, _, quality = each.partition(";")
        if name.strip().lower() == "gzip":
            return quality.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
