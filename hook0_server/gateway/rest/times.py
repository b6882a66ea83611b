"""Moments as Hook0 writes them: RFC 3339 in UTC, as precise as they are, to the microsecond at most."""

import functools
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(moment: Timestamp) -> str:
    """2026-01-02T03:04:05Z, …05.678Z or …05.678901Z."""
    return _text(moment.seconds, moment.nanos // 1000)


def text_or_none(message: Message, name: str) -> str | None:
    """The member of this name; None where it is not set."""
    return text(getattr(message, name)) if message.HasField(name) else None


def of(moment: datetime) -> str:
    return _written(moment.astimezone(UTC))


@functools.lru_cache(maxsize=256)
def _text(seconds: int, microseconds: int) -> str:
    """Those that are committed together have one time."""
    return _written(_EPOCH + timedelta(seconds=seconds, microseconds=microseconds))


def _written(moment: datetime) -> str:
    precision = "seconds"
    if moment.microsecond:
        precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return f"{moment.replace(tzinfo=None).isoformat(timespec=precision)}Z"
