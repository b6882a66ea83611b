"""Packed arrays arrive in PostgreSQL as the driver's own would."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Float8, Int2, Int4

from hook0_server.store import arrays, database

AT = datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC)
KINDS: dict[str, tuple[Callable[[Sequence[Any]], arrays.Array], list[Any]]] = {
    "uuid": (arrays.uuids, [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    "text": (arrays.texts, ["", "☃ and more", "x" * 1000]),
    "bytea": (arrays.byteas, [b"", b"\0\xff" * 500]),
    "bool": (arrays.bools, [True, False]),
    "int2": (arrays.smallints, [-32768, 32767, 0]),
    "int4": (arrays.integers, [-(2**31), 2**31 - 1]),
    "float8": (arrays.doubles, [0.0, -1.5, 1e300]),
    "timestamptz": (arrays.times, [AT, datetime(1, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, 1, tzinfo=UTC)]),
    "date": (arrays.dates, [date(2026, 11, 23), date(1, 1, 1), date(9999, 12, 31)]),
}


async def _echo(db: database.Database, kind: str, packed: arrays.Array) -> list[Any]:
    [(found,)] = await db.hot("test").fetch(f"SELECT %(values)b::{kind}[]".encode(), {"values": packed})
    return list(found)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_type_arrives_as_it_was(db: database.Database, kind: str) -> None:
    pack, values = KINDS[kind]
    for given in (values, [], values * 400, [values[-1]] * 400):
        assert await _echo(db, kind, pack(given)) == given
    if kind != "bool":
        for given in ([*values, None, *values], [None, *values, None], [None], [None] * 300):
            assert await _echo(db, kind, pack(given)) == given


def test_one_value_throughout_is_packed_as_the_driver_does_and_a_zero_keeps_its_sign() -> None:
    for column in ([0.0, -0.0, 0.0], [1.5] * 3, [1.5, 2.5, 1.5]):
        dumped = Transformer().get_dumper([Float8(1)], PyFormat.BINARY).dump([Float8(value) for value in column])
        assert arrays.doubles(column).packed == bytes(dumped or b"")


async def test_a_moment_is_kept_to_the_microsecond(db: database.Database) -> None:
    moments = [AT.timestamp(), 0.0, 1_795_401_629.123457]
    expected = [AT, datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(1_795_401_629.123457, UTC)]
    assert await _echo(db, "timestamptz", arrays.moments(moments)) == expected


@pytest.mark.parametrize("text", ["a\0b", "x" * 200 + "\0"], ids=["short", "long"])
def test_nul_in_a_text_is_refused_as_the_driver_does(text: str) -> None:
    with pytest.raises(psycopg.DataError):
        arrays.texts([text])


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        arrays.texts(["\ud800"])


UTC_TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=120)
DRAWN: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any]]] = {
    "uuid": (st.uuids(), lambda value: value),
    "text": (TEXTS, lambda value: value),
    "bytea": (st.binary(max_size=120), lambda value: value),
    "bool": (st.booleans(), lambda value: value),
    "int2": (st.integers(-(2**15), 2**15 - 1), Int2),
    "int4": (st.integers(-(2**31), 2**31 - 1), Int4),
    "float8": (st.floats(allow_nan=False), Float8),
    "timestamptz": (UTC_TIMES, lambda value: value),
    "date": (st.dates(), lambda value: value),
}


@pytest.mark.parametrize("kind", DRAWN)
@hypothesis.given(data=st.data())
def test_every_column_is_packed_byte_by_byte_as_the_driver_dumps_it(kind: str, data: st.DataObject) -> None:
    values, as_driver = DRAWN[kind]
    element = values if kind == "bool" else st.none() | values
    column = data.draw(st.lists(element, max_size=30) | st.lists(values, max_size=30))
    packed = KINDS[kind][0](column)
    if any(value is not None for value in column):  # of nothing else the driver cannot tell the type
        plain = [None if value is None else as_driver(value) for value in column]
        dumper = Transformer().get_dumper(plain, PyFormat.BINARY)
        assert packed.packed == bytes(dumper.dump(plain) or b"")
        assert packed.array_oid == dumper.oid
