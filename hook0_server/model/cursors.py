"""A cursor is a position in the feed of one application's attempts, as opaque text that a client keeps and gives back.

The order of the feed is (xid, attempt_id): the transaction that recorded an attempt, then the attempt. It has nothing
to do with a filter, so the filter may change between two watches that share a cursor.
"""

import base64
import binascii
import struct
import uuid
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hook0_server.model import errors

_VERSION = 1
_FIELDS = struct.Struct(">B16s16sQ16sqq")  # version, application, epoch, xid, attempt, recorded_at and not_before in µs
_CHECKSUM = struct.Struct(">I")
_BYTES = _FIELDS.size + _CHECKSUM.size
_MOST_CHARACTERS = 200
_LARGEST_XID = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_TIME = -(2**63)

BEGINNING = uuid.UUID(int=0)  # before every attempt of a transaction


@dataclass(frozen=True, slots=True)
class Cursor:
    """After the attempt `attempt_id` that transaction `xid` recorded; with BEGINNING: before all attempts of `xid`.

    `recorded_at` only says which partitions can be left out: what follows was recorded at most an hour before it.
    `not_before`: attempts recorded before it are left out (a watch that began at a time, until it is well past it).
    """

    application_id: uuid.UUID
    feed_epoch: uuid.UUID  # transaction ids can only be compared within one life of a database cluster
    xid: int
    attempt_id: uuid.UUID
    recorded_at: datetime
    not_before: datetime | None = None

    @property
    def position(self) -> tuple[int, uuid.UUID]:
        """What is compared: as PostgreSQL orders the same two columns."""
        return self.xid, self.attempt_id


def encode(cursor: Cursor) -> str:
    """The cursor as URL-safe text of about 100 characters."""
    fields = _FIELDS.pack(
        _VERSION,
        cursor.application_id.bytes,
        cursor.feed_epoch.bytes,
        cursor.xid,
        cursor.attempt_id.bytes,
        _microseconds(cursor.recorded_at),
        _NO_TIME if cursor.not_before is None else _microseconds(cursor.not_before),
    )
    return base64.urlsafe_b64encode(fields + _CHECKSUM.pack(zlib.crc32(fields))).rstrip(b"=").decode()


def decode(text: str, application_id: uuid.UUID) -> Cursor:
    """The cursor in `text`. Raises InvalidRequest CURSOR_INVALID when it is none, or one of another application."""
    fields = _checked(text)
    version, application, epoch, xid, attempt_id, recorded_at, not_before = _FIELDS.unpack(fields)
    if version != _VERSION or xid > _LARGEST_XID:
        raise _invalid("is not a cursor that this server gave")
    if application != application_id.bytes:
        raise _invalid("belongs to another application")
    try:
        return Cursor(
            application_id,
            uuid.UUID(bytes=epoch),
            xid,
            uuid.UUID(bytes=attempt_id),
            _time(recorded_at),
            None if not_before == _NO_TIME else _time(not_before),
        )
    except OverflowError:
        raise _invalid("is not a cursor that this server gave") from None


def _checked(text: str) -> bytes:
    """The bytes that the checksum vouches for: a cursor that was cut or mistyped is noticed, not followed."""
    try:
        if len(text) > _MOST_CHARACTERS:
            raise ValueError
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        fields, checksum = raw[: _FIELDS.size], raw[_FIELDS.size :]
        if len(raw) != _BYTES or _CHECKSUM.unpack(checksum)[0] != zlib.crc32(fields):
            raise ValueError
    except (ValueError, binascii.Error):
        raise _invalid("is not a cursor that this server gave") from None
    return fields


def _invalid(why: str) -> errors.InvalidRequest:
    return errors.InvalidRequest.of(
        "cursor", f"{why}; give the `cursor` of an earlier message or a `watch_cursor`", reason="CURSOR_INVALID"
    )


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
