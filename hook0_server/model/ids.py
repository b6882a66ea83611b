"""UUIDs of version 7 (RFC 9562): the first 48 bits are the Unix time in milliseconds."""

import uuid
from datetime import UTC, date, datetime

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM_BITS = (0xFFF << 64) | ((1 << 62) - 1)


def uuid7(now: float, random_bits: int) -> uuid.UUID:
    """A UUIDv7 of `now` (Unix seconds) with randomness (80 bits or more) from `random_bits`."""
    return uuid.UUID(int=(int(now * 1000) & 0xFFFFFFFFFFFF) << 80 | _VERSION_AND_VARIANT | random_bits & _RANDOM_BITS)


def unix_seconds(id7: uuid.UUID) -> float:
    """The time inside a UUIDv7, to the millisecond."""
    return (id7.int >> 80) / 1000


def day_of(id7: uuid.UUID) -> date:
    """The UTC day inside a UUIDv7."""
    return datetime.fromtimestamp(unix_seconds(id7), UTC).date()


def parse(text: str) -> uuid.UUID | None:
    """A UUID in its hyphenated form, in either case; None when it is anything else."""
    if len(text) != 36:
        return None
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if text[8] == text[13] == text[18] == text[23] == "-" else None
