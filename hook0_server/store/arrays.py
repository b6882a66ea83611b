"""Parameters of the hot statements: arrays in PostgreSQL's binary form, packed a column at a time.

The driver dumps a list element by element, which was a tenth of what the server spends on an event; packed, it is a third
of that. A column that holds one value throughout, as most of a batch do, costs next to nothing.
"""

import contextlib
import functools
import itertools
import struct
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

import psycopg
from psycopg import adapt, pq

Value = TypeVar("Value")

_HEAD = struct.Struct(">5i")  # dimensions, has nulls, element type, length, lower bound
_LENGTH = struct.Struct(">i")
_SHORT = 100  # characters
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
_UUID_LENGTH = b"\0\0\0\x10"
_UNIX_TO_POSTGRES_SECONDS = 946_684_800  # 2000-01-01
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()


class Array:
    """One packed array. Each element type has a class of its own, because the driver asks the class for the type."""

    __slots__ = ("packed",)
    element_oid = 0
    array_oid = 0

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    @classmethod
    def of(
        cls, values: Sequence[Value | None], pack: Callable[[list[Value]], Iterable[bytes]], one: Callable[[Value], bytes]
    ) -> "Array":
        """`pack` takes a column without nulls, and answers it in pieces; `one` an element, with its length."""
        length = len(values)
        if not length:
            return cls(_HEAD.pack(0, 0, cls.element_oid, 0, 0)[:12])
        first = values[0]
        # Not zeros: 0.0 and -0.0 are equal, and not the same bytes.
        if first == values[-1] and first != 0 and values.count(first) == length:
            element = _NULL if first is None else one(first)
            return cls(_HEAD.pack(1, first is None, cls.element_oid, length, 1) + element * length)
        if first is not None:
            # Tried rather than counted: to find a null, every value would be compared with it.
            with contextlib.suppress(AttributeError, TypeError, struct.error):
                return cls(b"".join([_HEAD.pack(1, 0, cls.element_oid, length, 1), *pack(values)]))  # type: ignore[arg-type]
        head = _HEAD.pack(1, 1, cls.element_oid, length, 1)
        return cls(head + b"".join([_NULL if value is None else one(value) for value in values]))


class _Uuids(Array):
    __slots__ = ()
    element_oid, array_oid = 2950, 2951


class _Texts(Array):
    __slots__ = ()
    element_oid, array_oid = 25, 1009


class _Byteas(Array):
    __slots__ = ()
    element_oid, array_oid = 17, 1001


class _Bools(Array):
    __slots__ = ()
    element_oid, array_oid = 16, 1000


class _Smallints(Array):
    __slots__ = ()
    element_oid, array_oid = 21, 1005


class _Integers(Array):
    __slots__ = ()
    element_oid, array_oid = 23, 1007


class _Doubles(Array):
    __slots__ = ()
    element_oid, array_oid = 701, 1022


class _Times(Array):
    __slots__ = ()
    element_oid, array_oid = 1184, 1185


class _Dates(Array):
    __slots__ = ()
    element_oid, array_oid = 1082, 1182


def uuids(values: Sequence[uuid.UUID | None]) -> Array:
    numbers = [None if value is None else value.int for value in values]  # a UUID compares in Python
    return _Uuids.of(numbers, _pack_uuids, lambda number: _UUID_LENGTH + number.to_bytes(16))


def _pack_uuids(numbers: list[int]) -> list[bytes]:
    return [_UUID_LENGTH.join([b"", *[number.to_bytes(16) for number in numbers]])]


def texts(values: Sequence[str | None]) -> Array:
    """Raises psycopg.DataError for NUL, as the driver does; UnicodeEncodeError for what is not UTF-8."""
    return _Texts.of(values, lambda given: [_text(value) for value in given], _text)


def _text(value: str) -> bytes:
    return _short_text(value) if len(value) <= _SHORT else _any_text(value)


@functools.lru_cache(maxsize=4096)
def _short_text(value: str) -> bytes:
    """Types, labels and reasons come again and again."""
    return _any_text(value)


def _any_text(value: str) -> bytes:
    encoded = value.encode()
    if b"\0" in encoded:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return _LENGTH.pack(len(encoded)) + encoded


def byteas(values: Sequence[bytes | None]) -> Array:
    return _Byteas.of(values, _pack_byteas, _bytea)


def _pack_byteas(values: list[bytes]) -> Iterable[bytes]:
    """Each payload is copied once: put together with its length first, it takes 1 µs and not 0.1."""
    return itertools.chain.from_iterable(zip([_LENGTH.pack(len(value)) for value in values], values, strict=True))


def _bytea(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def bools(values: Sequence[bool]) -> Array:
    return _Bools.of(values, _pack_bools, lambda value: _TRUE if value else _FALSE)


def _pack_bools(values: list[bool]) -> list[bytes]:
    return [_TRUE if value else _FALSE for value in values] if True in values else [_FALSE * len(values)]


def smallints(values: Sequence[int | None]) -> Array:
    one = struct.Struct(">ih").pack
    return _Smallints.of(values, lambda given: [one(2, value) for value in given], lambda value: one(2, value))


def integers(values: Sequence[int | None]) -> Array:
    one = struct.Struct(">ii").pack
    return _Integers.of(values, lambda given: [one(4, value) for value in given], lambda value: one(4, value))


def doubles(values: Sequence[float | None]) -> Array:
    one = struct.Struct(">id").pack
    return _Doubles.of(values, lambda given: [one(8, value) for value in given], lambda value: one(8, value))


def moments(values: Sequence[float | None]) -> Array:
    """timestamptz[] of Unix seconds, to the microsecond."""
    one = struct.Struct(">iq").pack
    start = _UNIX_TO_POSTGRES_SECONDS
    return _Times.of(
        values,
        lambda given: [one(8, round((value - start) * 1e6)) for value in given],
        lambda value: one(8, round((value - start) * 1e6)),
    )


def times(values: Sequence[datetime | None]) -> Array:
    """timestamptz[] of aware datetimes."""
    one = struct.Struct(">iq").pack

    def pack(value: datetime) -> bytes:
        since = value - _EPOCH
        return one(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)

    return _Times.of(values, lambda given: [pack(value) for value in given], pack)


def dates(values: Sequence[date | None]) -> Array:
    one = struct.Struct(">ii").pack

    def pack(value: date) -> bytes:
        return one(4, value.toordinal() - _EPOCH_DAY)

    return _Dates.of(values, lambda given: [pack(value) for value in given], pack)


def register(context: psycopg.AsyncConnection[object]) -> None:
    """Let this connection take packed arrays as parameters."""
    for kind in Array.__subclasses__():
        context.adapters.register_dumper(kind, _DUMPERS[kind])


def _dumper(kind: type[Array]) -> type[adapt.Dumper]:
    class Packed(adapt.Dumper):
        format = pq.Format.BINARY
        oid = kind.array_oid

        def dump(self, obj: Array) -> bytes:
            return obj.packed

    return Packed


_DUMPERS = {kind: _dumper(kind) for kind in Array.__subclasses__()}
