"""Plans of the feed as the server runs them: generic, on a hot connection, on tables empty, skewed and not analyzed."""

import dataclasses
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hook0_server.model import cursors
from hook0_server.store import attempts, database, feed, partitions

APPLICATION = uuid.UUID("018f3c5e-7a2b-7c11-8d4e-0123456789ab")


async def test_a_cursor_prunes_the_days_before_it(db: database.Database, reader: feed.Feed) -> None:
    cursor = await feed.position(db, APPLICATION)
    touched = _relations(await _plan(reader, feed._parameters(cursor, feed.ALL, 100, 100)))
    today = (await partitions.calendar(db)).today
    assert touched
    assert min(touched) >= f"attempts_{today - timedelta(days=1):%Y%m%d}"


async def _plan(reader: feed.Feed, parameters: dict[str, Any], statement: bytes = feed.SQL.page) -> dict[str, Any]:
    """EXPLAIN ANALYZE of the generic plan."""
    text = statement.decode().replace("%%", "%")
    values: list[str] = []
    for at, (name, value) in enumerate(parameters.items(), 1):
        text = text.replace(f"%({name})b", f"${at}")
        values.append("NULL" if value is None else f"'{value}'")
    async with reader._turn() as hot:
        await hot.fetch(f"PREPARE page AS {text}".encode())
        rows = await hot.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ({', '.join(values)})".encode())
        await hot.fetch(b"DEALLOCATE page")
    plan: dict[str, Any] = (rows[0][0] if isinstance(rows[0][0], list) else json.loads(rows[0][0]))[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan] + [node for child in plan.get("Plans", []) for node in _nodes(child)]


def _relations(plan: dict[str, Any]) -> set[str]:
    return {node["Relation Name"] for node in _nodes(plan) if node.get("Relation Name", "").startswith("attempts")}


def _judge(plan: dict[str, Any], most_rows: int) -> None:
    """Only the feed index, and no more rows of attempts than asked for."""
    scans = [node for node in _nodes(plan) if node.get("Relation Name", "").startswith("attempts")]
    assert scans
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    assert all("recorded_xid" in node["Index Name"] for node in scans)
    rows = sum(node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0) for node in scans)
    assert rows <= most_rows + len(scans)


SKEWED = b"""
INSERT INTO attempts (recorded_at, recorded_xid, application_id, attempt_id, delivery_id, event_id, event_day, event_type,
  subscription_id, attempt_number, takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at,
  finished_at)
SELECT now() - interval '3 hours' * (1 - g / %(count)s::float8), (g * %(next)s / %(count)s)::text::xid8,
  CASE WHEN %(large)s THEN %(id)s ELSE gen_random_uuid() END, uuid_v7(), uuid_v7(), uuid_v7(), current_date, 'a.b',
  uuid_v7(), 1, 0, 1, 1, true, 'succeeded', now(), now(), now()
  FROM generate_series(1, %(count)s) AS g"""


@pytest.mark.parametrize("tables", ["empty", "skewed", "stale"])
async def test_a_page_reads_the_feed_index_and_no_more_than_it_may_look_at(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any], tables: str
) -> None:
    count = 0
    if tables != "empty":
        count = 12_000
        [next_xid] = await (await writer.execute("SELECT pg_current_xact_id()::text::bigint")).fetchone() or [0]
        for large, rows in ((False, 500), (True, count)):
            await writer.execute(SKEWED, {"large": large, "id": APPLICATION, "count": rows, "next": next_xid})
    if tables == "skewed":
        await writer.execute("ANALYZE attempts")
    now = await feed.position(db, APPLICATION)
    beginning = dataclasses.replace(now, xid=0, attempt_id=cursors.BEGINNING, recorded_at=now.recorded_at - timedelta(days=1))
    narrow = attempts.Filter(subscription_ids=[])
    for after, wanted, take, most in (
        (beginning, feed.ALL, 100, 100),  # stops with the last one it takes
        (beginning, attempts.Filter(outcomes=[7]), 100, 2000),  # nothing matches: the scan limit
        (now, narrow, 2000, 0),  # caught up
    ):
        parameters = {**feed._parameters(after, wanted, 2000, take), "outcomes": "{7}" if wanted.outcomes else None}
        _judge(await _plan(reader, parameters), min(most, count) + 1)


@pytest.mark.parametrize("is_analyzed", [True, False])
async def test_start_at_and_now_are_found_by_a_few_looks_into_the_feed_index(
    db: database.Database, reader: feed.Feed, writer: psycopg.AsyncConnection[Any], is_analyzed: bool
) -> None:
    [next_xid] = await (await writer.execute("SELECT pg_current_xact_id()::text::bigint")).fetchone() or [0]
    await writer.execute(SKEWED, {"large": False, "id": APPLICATION, "count": 500, "next": next_xid})
    await writer.execute(SKEWED, {"large": True, "id": APPLICATION, "count": 12_000, "next": next_xid})
    if is_analyzed:
        await writer.execute("ANALYZE attempts")
    now = datetime.now(UTC)
    at = {"application_id": APPLICATION, "at": now - timedelta(hours=1), "first_day": now - timedelta(days=2)}
    _judge(await _plan(reader, at, feed.SQL.start), 200)
    _judge(await _plan(reader, {"application_id": APPLICATION}, feed.SQL.position), 10)
