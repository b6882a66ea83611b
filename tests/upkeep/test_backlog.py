"""What waits in the table is counted along the indexes, up to a limit, and never shown when it is old."""

import asyncio
from typing import Any

import pytest

from hook0_server.model import errors
from hook0_server.store import database, upkeep
from hook0_server.upkeep import rounds

SOON = rounds.Intervals(backlog=0.01, retry=0.01)
MANY = b"""INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day,
  event_type, payload_size, owner, next_attempt_at)
SELECT gen_random_uuid(), uuid_v7(), uuid_v7(), gen_random_uuid(), uuid_v7(), current_date, 'a.b', 1,
       CASE n % 4 WHEN 0 THEN 0 WHEN 1 THEN 7 END,
       now() + CASE WHEN n % 4 = 2 THEN interval '-1 hour' ELSE interval '1 hour' END
  FROM generate_series(1, 4000) n"""


async def test_each_kind_is_counted_and_the_oldest_due_one_has_an_age(db: database.Database) -> None:
    assert await upkeep.backlog(db) == upkeep.Backlog(0, 0, 0, 0.0)
    await db.fetch(MANY)
    found = await upkeep.backlog(db)
    assert (found.due, found.later, found.parked) == (1000, 1000, 1000)
    assert 3600 <= found.lag_seconds < 3700
    await db.fetch(b"DELETE FROM deliveries WHERE next_attempt_at < now()")
    assert await upkeep.backlog(db) == upkeep.Backlog(0, 1000, 1000, 0.0)


def _scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [node for child in plan.get("Plans", []) for node in _scans(child)]
    return below + ([plan] if "Scan" in plan["Node Type"] and plan.get("Relation Name") == "deliveries" else [])


@pytest.mark.parametrize("analyzed", [False, True])
async def test_however_much_waits_only_what_is_counted_is_read(
    db: database.Database, analyzed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.fetch(MANY)
    if analyzed:
        await db.fetch(b"ANALYZE deliveries")
    found = await upkeep.backlog(db, most=50)
    assert (found.due, found.later, found.parked) == (50, 50, 50)
    monkeypatch.setattr(upkeep.SQL, "backlog", b"EXPLAIN (ANALYZE, FORMAT JSON) " + upkeep.SQL.backlog)
    monkeypatch.setattr(upkeep, "Backlog", lambda plans: plans[0]["Plan"])
    plan: Any = await upkeep.backlog(db, most=50)
    scans = _scans(plan)
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans) == 3 * 50 + 1


async def test_an_old_backlog_is_forgotten_when_the_database_does_not_answer(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidy = rounds.Upkeep(db, retention_days=5, intervals=SOON)
    async with asyncio.timeout(15), tidy.running():
        while tidy.backlog is None:  # noqa: ASYNC110  # a task of the server sets it
            await asyncio.sleep(0.01)

        async def away(_: database.Database) -> None:
            raise errors.Unavailable("DATABASE_UNAVAILABLE", "Away.")

        monkeypatch.setattr(upkeep, "backlog", away)
        while tidy.backlog is not None:  # noqa: ASYNC110  # a task of the server sets it
            await asyncio.sleep(0.01)
