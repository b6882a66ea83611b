"""How much the lists read: the plans behind them, on tables with a history of a month, empty and skewed ones."""

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
import rows

from hook0_server.store import attempts, audit_entries, database, deliveries_read, events, keyset, partitions

DAYS, CROWD = 30, 20_000
FETCH = keyset.fetch
A_PAGE = 3 * 200 + 40 * 10  # three places, and what a merge of many partitions looks ahead
A_LOOKUP = 5 * 10  # a few rows of each of five ids

SEED = b"""
WITH made AS (
  SELECT at, at::date AS day, %(application)b::uuid AS application_id,
         encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
                'hex')::uuid AS id
    FROM generate_series(1, %(days)b::int) AS d (day)
   CROSS JOIN LATERAL (SELECT now() - d.day * interval '20 hours' - n * interval '1 second' AS at
                         FROM generate_series(1, %(each)b::int) AS i (n)) i
), event AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata, received_at)
  SELECT day, application_id, id, 'order.paid', '{}', 'application/json', '{}', '{}', at FROM made
), delivery AS (
  INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type,
                          payload_size, created_at)
  SELECT application_id, id, id, gen_random_uuid(), id, day, 'order.paid', 2, at FROM made
), letter AS (
  INSERT INTO dead_letters (day, application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type,
                            payload_size, attempt_number, takeover_count, trigger, reason, created_at, died_at)
  SELECT day, application_id, id, id, gen_random_uuid(), id, day, 'order.paid', 2, 1, 0, 1, 'max_age', at, at FROM made
)
INSERT INTO attempts (recorded_at, application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id,
                      attempt_number, takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at,
                      finished_at)
SELECT at, application_id, id, id, id, day, 'order.paid', gen_random_uuid(), 1, 0, 1, 1, true, 'succeeded', at, at, at FROM made
RETURNING attempt_id, subscription_id"""


class Plans:
    """Every read also leaves its plan."""

    def __init__(self, db: database.Database) -> None:
        self.db, self.plans = db, list[dict[str, Any]]()

    async def fetch(self, db: database.Database, statement: bytes, parameters: Mapping[str, Any]) -> list[database.Row]:
        shown = (await FETCH(db, b"EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) " + statement, parameters))[0][0]
        self.plans.append((orjson.loads(shown) if isinstance(shown, (str, bytes)) else shown)[0]["Plan"])
        return await FETCH(db, statement, parameters)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def rows_read(plan: dict[str, Any]) -> int:
    """Rows that came from tables and indexes, those that a filter threw away included."""
    total = 0.0
    for node in nodes(plan):
        if "Scan" in node["Node Type"] and ("Relation Name" in node or "Index Name" in node):
            thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            total += (node["Actual Rows"] + thrown) * node["Actual Loops"]
    return round(total)


def sequential(plan: dict[str, Any]) -> list[str]:
    """Tables of more than a few rows that were read from end to end."""
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > 100
    ]


@pytest.fixture
async def month(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> Plans:
    """34 days of partitions, not yet filled; pages look at 200 rows."""
    await partitions.ensure(db, retention_days=DAYS)
    plans = Plans(db)
    monkeypatch.setattr(keyset, "fetch", plans.fetch)
    monkeypatch.setattr(keyset, "SCAN_ROWS", 200)
    return plans


async def seed(db: database.Database, application_id: uuid.UUID, days: int, each: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Pairs of ids (of event, delivery and attempt alike) and subscriptions, newest first."""
    made = await db.fetch(SEED, {"application": application_id, "days": days, "each": each})
    return [(row[0], row[1]) for row in sorted(made, reverse=True)]


async def walk_everything(month: Plans, application_id: uuid.UUID, some: list[tuple[uuid.UUID, uuid.UUID]], most: int) -> None:
    """Each way into each list, at its beginning and further on, at the price of `most` rows; and what is looked up by id."""
    opened, middle = month.db, some[len(some) // 2][0] if some else rows.id7()
    ids, subscriptions = [each[0] for each in some[:5]], [each[1] for each in some[:5]]
    for below in (None, middle):
        for of_attempts in (attempts.Filter(), attempts.Filter(outcomes=[4]), attempts.Filter(subscription_ids=subscriptions)):
            await attempts.find(opened, application_id, of_attempts, size=50, below=below)
        for states in ((), (1,), (3,), (4,)):
            for of_deliveries in (
                deliveries_read.Filter(states=states),
                deliveries_read.Filter(states=states, subscription_ids=subscriptions),
                deliveries_read.Filter(states=states, event_ids=ids),
            ):
                await deliveries_read.find(opened, application_id, of_deliveries, size=50, below=below)
        position = None if below is None else (rows.ago(days=12), below)
        await events.find(opened, application_id, events.Filter(), size=50, below=position)
        await events.find(opened, application_id, events.Filter(labels={"a": "b"}), size=50, below=position)
    judge(month, most)
    await look_up(month.db, application_id, ids)
    judge(month, min(most, A_LOOKUP))


async def look_up(opened: database.Database, application_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
    """Everything about these events, deliveries and attempts."""
    await attempts.find(opened, application_id, attempts.Filter(event_ids=ids), size=50)
    await attempts.find(opened, application_id, attempts.Filter(delivery_ids=ids), size=50)
    await deliveries_read.find(opened, application_id, deliveries_read.Filter(states=(3, 4), event_ids=ids), size=50)
    await events.find(opened, application_id, events.Filter(event_ids=ids), size=50)
    for each in (*ids, rows.id7()):
        await attempts.get(opened, application_id, each)
        await deliveries_read.get(opened, application_id, each)
        await events.get(opened, application_id, each)
    await attempts.last_of(opened, application_id, [(each, each) for each in ids])


def judge(month: Plans, most: int) -> None:
    """Every plan since the last judgement."""
    plans, month.plans = month.plans, []
    assert plans
    for plan in plans:
        shown = orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode()
        assert sequential(plan) == [], shown
        assert rows_read(plan) <= most, shown


async def test_a_month_of_history_costs_a_page_no_more_than_its_scan(month: Plans) -> None:
    application_id = await rows.application(month.db)
    made = await seed(month.db, application_id, DAYS, 400)
    await month.db.fetch(b"ANALYZE")
    await walk_everything(month, application_id, made, A_PAGE)


async def test_days_without_statistics_cost_no_more(month: Plans) -> None:
    application_id = await rows.application(month.db)
    made = await seed(month.db, application_id, 4, CROWD // 5)
    await walk_everything(month, application_id, made, A_PAGE)


async def test_empty_tables_are_read_without_error(month: Plans) -> None:
    application_id = await rows.application(month.db)
    await month.db.fetch(b"ANALYZE")
    await walk_everything(month, application_id, [], 10)


async def test_a_small_application_beside_a_large_one_reads_only_its_own(month: Plans) -> None:
    large, small = await rows.application(month.db), await rows.application(month.db)
    await seed(month.db, large, 1, CROWD)
    made = await seed(month.db, small, 3, 5)
    await month.db.fetch(b"ANALYZE")
    await walk_everything(month, small, made, 200)


@pytest.mark.parametrize("each", [30, 300, 900, CROWD // 4])
async def test_statistics_of_empty_tables_do_not_harm_full_ones(month: Plans, each: int) -> None:
    application_id = await rows.application(month.db)
    await month.db.fetch(b"ANALYZE")
    made = await seed(month.db, application_id, 2, each)
    await walk_everything(month, application_id, made, A_PAGE)


async def test_statistics_of_others_do_not_harm_an_application_that_grew_since(month: Plans) -> None:
    others, grown = await rows.application(month.db), await rows.application(month.db)
    await seed(month.db, others, 2, CROWD // 2)
    await month.db.fetch(b"ANALYZE")
    made = await seed(month.db, grown, 2, CROWD // 4)
    await walk_everything(month, grown, made, A_PAGE)


AUDIT = b"""
INSERT INTO audit_entries (organization_id, action, operation, actor_kind, actor_id, credential_id, request_id, resource_type,
                           resource_id, result)
SELECT %(organization_id)b::uuid, 'event_type:edit', 'S/M', 'master', 'master', 'master', '-', 'event_type', 'a.b', 'OK'
  FROM generate_series(1, %(count)b::int)"""


@pytest.mark.parametrize("state", ["analyzed", "unknown", "of empty tables"])
async def test_the_audit_log_of_one_organization_costs_a_page_beside_those_of_others(month: Plans, state: str) -> None:
    if state == "of empty tables":
        await month.db.fetch(b"ANALYZE audit_entries")
    large, small = uuid.uuid4(), uuid.uuid4()
    for organization_id, count in ((large, CROWD), (None, CROWD // 4), (small, 5)):
        await month.db.fetch(AUDIT, {"organization_id": organization_id, "count": count})
    if state == "analyzed":
        await month.db.fetch(b"ANALYZE audit_entries")
    wanted = {
        audit_entries.Filter(): 50,
        audit_entries.Filter(after=rows.ago(hours=1), before=rows.ago(days=-1)): 50,
        audit_entries.Filter(actors=("nobody",), actions=("subscription:*",)): 0,
        audit_entries.Filter(before=rows.ago(days=1)): 0,
    }
    for each, found in wanted.items():
        for organization_id, most in ((large, 50), (None, 50), (small, 5)):
            page = await audit_entries.find(month.db, organization_id, each, size=50)
            await audit_entries.find(month.db, organization_id, each, size=50, below=page.next)
            assert len(page.rows) == min(found, most)
    judge(month, 210)
