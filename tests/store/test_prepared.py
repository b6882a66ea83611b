"""Statements bound by the types that they name themselves."""

import asyncio
import uuid
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from hook0_server.store import (
    claim,
    database,
    fanouts,
    feed,
    nodes,
    prepared,
    publish,
    record,
    subscription_changes,
    wake,
)

SLEEPING = b"SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'"
NOW = datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC)
ID = uuid.UUID(int=2**127 + 1)


def test_a_name_has_one_number_and_percent_signs_are_no_parameters() -> None:
    parsed = prepared.parse(b"SELECT %(b)b::int, %(a)b::uuid[], %(b)b::int WHERE 'x' LIKE '%%'")
    assert parsed.text == b"SELECT $1::int, $2::uuid[], $1::int WHERE 'x' LIKE '%'"
    assert parsed.parameters == (("b", b"int"), ("a", b"uuid[]"))


@pytest.mark.parametrize("text", [b"SELECT %(a)b", b"SELECT %(a)s::int", b"SELECT %s"])
def test_a_parameter_without_a_type_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="without a cast"):
        prepared.parse(text)


@pytest.mark.parametrize(
    "module", [claim, fanouts, feed, nodes, publish, record, subscription_changes, wake], ids=lambda module: module.__name__
)
def test_every_parameter_of_the_stages_has_a_type(module: SimpleNamespace) -> None:
    assert all(prepared.parse(statement) for statement in vars(module.SQL).values())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int2", -(2**15)), ("int4", 2**31 - 1), ("int", -1), ("int8", 2**63 - 1), ("bigint", -(2**63)), ("float8", 3),
        ("float8", 0.1), ("bool", True), ("text", "é\n"), ("text", ""), ("uuid", ID), ("timestamptz", NOW),
        ("date", NOW.date()), ("bytea", b"\0\xff"), ("uuid[]", []), ("uuid[]", [ID, None]), ("text[]", ["a", "", "☃"]),
        ("int2[]", [1, -1]), ("int4[]", [2**31 - 1]), ("float8[]", [0.5, None]), ("bool[]", [True, False]),
        ("date[]", [date(1999, 12, 31)]), ("timestamptz[]", [NOW]), ("bytea[]", [b"", b"\0"]), ("int", None), ("text[]", None),
    ],
)  # fmt: skip
async def test_what_is_given_is_what_arrives(db: database.Database, kind: str, value: Any) -> None:
    hot = db.hot("test")
    statement = f"SELECT %(value)b::{kind}, pg_typeof(%(value)b::{kind}) = '{kind}'::regtype".encode()
    for _ in range(2):  # prepared, and used again
        assert await hot.fetch(statement, {"value": value}) == [(value, True)]


async def test_many_rows_none_and_no_result_at_all(db: database.Database) -> None:
    hot = db.hot("test")
    rows = await hot.fetch(b"SELECT n::int, repeat('x', 1000) FROM generate_series(1, %(n)b::int) n", {"n": 5000})
    assert [n for n, _ in rows] == list(range(1, 5001))
    assert await hot.fetch(b"SELECT 1 WHERE false") == []
    assert await hot.fetch(b"CREATE TEMP TABLE t (n int)") == []


async def test_a_large_value_goes_both_ways(db: database.Database) -> None:
    payload = bytes(range(256)) * 80_000  # more than any socket takes at once
    [(back,)] = await db.hot("test").fetch(b"SELECT %(payload)b::bytea", {"payload": payload})
    assert back == payload


async def test_after_an_error_the_connection_goes_on_and_after_a_cancellation_another_one_does(db: database.Database) -> None:
    hot = db.hot("test")
    [(before,)] = await hot.fetch(b"SELECT pg_backend_pid()")
    with pytest.raises(database.Unstorable):
        await hot.fetch(b"SELECT 1 / %(n)b::int", {"n": 0})
    with pytest.raises(database.Unstorable):
        await hot.fetch(b"SELECT %(text)b::text", {"text": "\0"})
    [(same,)] = await hot.fetch(b"SELECT pg_backend_pid()")
    sleeping = asyncio.create_task(hot.fetch(b"SELECT pg_sleep(%(seconds)b::float8)", {"seconds": 60}))
    async with asyncio.timeout(10):
        while not await db.fetch(SLEEPING):
            continue
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
    [(other,)] = await hot.fetch(b"SELECT pg_backend_pid()")
    assert before == same != other
    assert await db.fetch(SLEEPING) == []
