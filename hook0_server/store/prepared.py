"""Statements that a stage runs again and again, prepared and bound without the driver's adaptation of each value.

The driver looks at the type of every value on every call, which is most of what it spends on a statement with twenty
parameters. Here the statement says the types: each %(name)b carries a cast, and what is sent follows from that.
"""

import functools
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import adapt, generators, pq

from hook0_server.store import arrays

_PARAMETER = re.compile(rb"%\((\w+)\)b::(\w+(?:\[\])?)")
_NUMBERS: dict[bytes, Callable[[Any], bytes]] = {
    b"int2": struct.Struct(">h").pack,
    b"int": struct.Struct(">i").pack,
    b"int4": struct.Struct(">i").pack,
    b"int8": struct.Struct(">q").pack,
    b"bigint": struct.Struct(">q").pack,
    b"float8": struct.Struct(">d").pack,
}
_LISTS: dict[bytes, Callable[[Any], arrays.Array]] = {
    b"bool[]": arrays.bools,
    b"bytea[]": arrays.byteas,
    b"date[]": arrays.dates,
    b"float8[]": arrays.doubles,
    b"int2[]": arrays.smallints,
    b"int4[]": arrays.integers,
    b"text[]": arrays.texts,
    b"timestamptz[]": arrays.times,
    b"uuid[]": arrays.uuids,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` with $1, $2, …; a parameter's type is the one of its first cast."""

    text: bytes
    parameters: tuple[tuple[str, bytes], ...]


@functools.cache
def parse(statement: bytes) -> Statement:
    """From the form of the .sql files. Raises ValueError where a parameter has no cast."""
    types: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        types.setdefault(found[1], found[2])
        return b"$%d::%b" % (list(types).index(found[1]) + 1, found[2])

    text = _PARAMETER.sub(number, statement)
    if b"%" in text.replace(b"%%", b""):
        raise ValueError(f"a parameter without a cast: {text[text.index(b'%') :][:40]!r}")
    return Statement(text.replace(b"%%", b"%"), tuple((name.decode(), kind) for name, kind in types.items()))


class Prepared:
    """What is prepared on one connection. One statement at a time; the driver's own errors are raised."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection, self._pgconn = connection, connection.pgconn
        self._adapt = adapt.Transformer(connection)
        self._names: dict[bytes, bytes] = {}

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows, in a transaction of its own."""
        parsed = parse(statement)
        values = [self._encode(parameters[name], kind) for name, kind in parsed.parameters]
        name = self._names.get(statement) or await self._prepare(statement, parsed)
        self._pgconn.send_query_prepared(name, values, [pq.Format.BINARY] * len(values), pq.Format.BINARY)
        result = await self._result()
        self._adapt.set_pgresult(result)
        return self._adapt.load_rows(0, result.ntuples, tuple) if result.nfields else []

    async def _prepare(self, statement: bytes, parsed: Statement) -> bytes:
        name = b"hot_%d" % len(self._names)
        self._pgconn.send_prepare(name, parsed.text)
        await self._result()
        self._names[statement] = name
        return name

    async def _result(self) -> Any:
        [result] = await self._connection.wait(generators.execute(self._pgconn))
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise psycopg.errors.error_from_result(result, self._connection.info.encoding)
        return result

    def _encode(self, value: Any, kind: bytes) -> Any:
        if isinstance(value, arrays.Array):
            return value.packed
        if value is None:
            return None
        if isinstance(value, (list, tuple)):
            return _LISTS[kind](value).packed
        number = _NUMBERS.get(kind)
        return number(value) if number else self._adapt.get_dumper(value, adapt.PyFormat.BINARY).dump(value)
