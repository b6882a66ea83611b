"""The plans of the hot statements, with the settings of a hot connection: on empty tables, on skewed ones, and on ones whose
statistics are of an empty table: never filled, or vacuumed when all its rows were done.

Each plan is the generic one that a kept connection uses, whatever the parameters are.
"""

import dataclasses
import itertools
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
import psycopg
import pytest
import rows

from hook0_server.ingest import identity
from hook0_server.store import claim, database, nodes, publish, record, subscription_changes

SMALL_ONES, CROWD, NODE = 500, 10_000, 7
NIL = uuid.UUID(int=0)
EMPTY: list[uuid.UUID] = []

SEED = b"""
WITH owner AS (
  SELECT n, CASE WHEN n <= %(small)b::int THEN id ELSE %(large)b::uuid END AS application_id
    FROM generate_series(1, %(small)b::int + %(crowd)b::int) n, LATERAL (SELECT gen_random_uuid() AS id WHERE n > 0 OFFSET 0) i
), application AS (
  INSERT INTO applications (application_id, organization_id, name)
  SELECT DISTINCT application_id, %(organization)b::uuid, 'a' FROM owner ON CONFLICT DO NOTHING
), type AS (
  INSERT INTO event_types (application_id, event_type, candidates)
  SELECT DISTINCT application_id, 'order.paid', '{**,order.paid}'::text[] FROM owner ON CONFLICT DO NOTHING
), subscription AS (
  INSERT INTO subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label, metadata,
                             secret_encrypted)
  SELECT application_id, gen_random_uuid(), true, '{**}', jsonb_build_object('n', n::text), '1:n=' || n, '{}', '-' FROM owner
  RETURNING application_id, subscription_id
), event AS (
  INSERT INTO events (day, application_id, event_id, event_type, payload, payload_content_type, labels, metadata)
  SELECT %(day)b::date, application_id, gen_random_uuid(), 'order.paid', '{}', 'application/json', '{}', '{}' FROM owner
  RETURNING application_id, event_id
)
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                        next_attempt_at, owner)
SELECT e.application_id, e.event_id, e.event_id,
       CASE WHEN e.application_id = %(large)b::uuid THEN %(stuck)b::uuid ELSE e.event_id END,
       e.event_id, %(day)b::date, 'order.paid', 2, now() - interval '1 minute', CASE WHEN random() < 0.1 THEN 7 END
  FROM event e"""


@dataclasses.dataclass
class Plan:
    """What one statement reads."""

    shown: str
    rows_read: int
    sequential: list[str]
    indexes: set[str]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


def _read(plan: dict[str, Any]) -> Plan:
    total, sequential, indexes = 0.0, [], set()
    for node in _nodes(plan):
        if "Index Name" in node:
            indexes.add(re.sub(r"_[0-9]{8}", "", node["Index Name"]))
        if "Scan" not in node["Node Type"] or not ("Relation Name" in node or "Index Name" in node):
            continue
        thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        total += (node["Actual Rows"] + thrown) * node["Actual Loops"]
        if node["Node Type"] == "Seq Scan":
            sequential.append(node["Relation Name"])
    return Plan(orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode(), round(total), sequential, indexes)


class Explaining:
    """A hot connection that also keeps the generic plan of what it runs; the explained run itself is taken back."""

    def __init__(self, db: database.Database) -> None:
        self.hot, self.plans = db.hot("plans"), list[Plan]()
        self._names = itertools.count()

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> list[database.Row]:
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)b", statement.decode())))
        text = re.sub(r"%\((\w+)\)b", lambda found: f"${names.index(found[1]) + 1}", statement.decode())
        name, holes = f"plan_{next(self._names)}", ", ".join("%s" for _ in names)
        as_text = ("SELECT " + ", ".join(f"%({each})b::text" for each in names)).encode()
        # EXECUTE takes no parameters of its own, only literals.
        [values] = await self.hot.fetch(as_text, parameters) if names else [()]
        async with self.hot.transaction() as connection:
            cursor = psycopg.AsyncClientCursor(connection)
            await cursor.execute(f"PREPARE {name} AS {text}".encode())
            async with connection.transaction(force_rollback=True):
                called = f"{name}({holes})" if names else name
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) EXECUTE {called}".encode()
                await cursor.execute(explain, values)
                [(shown,)] = await cursor.fetchall()
        self.plans.append(_read((orjson.loads(shown) if isinstance(shown, (str, bytes)) else shown)[0]["Plan"]))
        return await self.hot.fetch(statement, parameters)

    def judge(self, most: int, *indexes: str) -> None:
        """The last statement read so many rows at most, by these indexes, and no table from end to end."""
        plan = self.plans[-1]
        assert plan.sequential == [], plan.shown
        assert set(indexes) <= plan.indexes, plan.shown
        assert plan.rows_read <= most, plan.shown


@dataclasses.dataclass
class Tables:
    """The statements under test, the large application with its stuck subscription, and one small application."""

    db: database.Database
    explaining: Explaining
    large: uuid.UUID
    stuck: uuid.UUID
    small: uuid.UUID

    @property
    def hot(self) -> database.Hot:
        return cast("database.Hot", self.explaining)


@pytest.fixture(params=["empty", "skewed", "stale", "vacuumed"])
async def tables(request: pytest.FixtureRequest, db: database.Database) -> Tables:
    small, large, stuck = await rows.application(db), await rows.application(db), rows.id7()
    [(organization,)] = await db.fetch(b"SELECT organization_id FROM organizations LIMIT 1")
    await rows.subscription(db, small, labels={"n": "1"})
    if request.param in {"stale", "vacuumed"}:
        if request.param == "vacuumed":  # pages and no rows: however many come later, they are planned for as none
            await rows.delivery(db, small)
            await db.fetch(b"DELETE FROM deliveries")
            await db.fetch(b"VACUUM (TRUNCATE OFF) deliveries")
        await db.fetch(b"ANALYZE")  # of the empty tables: what is planned from them now must still be right later
        for table in (b"deliveries", b"subscriptions", b"event_types"):
            await db.fetch(b"ALTER TABLE " + table + b" SET (autovacuum_enabled = off)")
    if request.param != "empty":
        today = rows.now().date()
        given = {
            "small": SMALL_ONES,
            "crowd": CROWD,
            "large": large,
            "stuck": stuck,
            "organization": organization,
            "day": today,
        }
        await db.fetch(SEED, given)
    if request.param in {"empty", "skewed"}:
        await db.fetch(b"ANALYZE")
    return Tables(db, Explaining(db), large, stuck, small)


def event(application_id: uuid.UUID, labels: str) -> publish.NewEvent:
    event_id = rows.id7()
    place = identity.place(event_id, time.time())
    return publish.NewEvent(
        application_id,
        event_id,
        str(event_id),
        place.day,
        False,
        None,
        rows.EVENT_TYPE,
        b"{}",
        "application/json",
        labels,
        "{}",
        None,
        None,
    )


def events(tables: Tables) -> list[publish.NewEvent]:
    """A hundred, each with labels that one subscription of its application has at most."""
    made = [event(tables.large, f'{{"n": "{SMALL_ONES + number}", "x": "y"}}') for number in range(1, 51)]
    made += [event(tables.small, '{"n": "1"}') for _ in range(50)]
    return sorted(made, key=lambda each: (each.day, each.application_id, each.event_id))


async def test_publishing_reads_only_what_matches(tables: Tables) -> None:
    given = events(tables)
    stored = await publish.publish(tables.hot, given, node=NODE, places=1000, full=EMPTY)
    tables.explaining.judge(100 * 5, "event_types_pkey", "subscriptions_by_route")
    assert len(stored.owed) == 100
    assert all(len(owed or ()) == 1 for (application, _), owed in stored.owed.items() if application == tables.small.int)


async def test_judging_repeats_reads_each_once(tables: Tables) -> None:
    given = events(tables)
    await publish.publish(tables.hot, given, node=NODE, places=1000, full=EMPTY)
    verdicts = await publish.classify(tables.hot, given)
    tables.explaining.judge(100 * 3, "events_pkey", "event_types_pkey")
    assert {each.verdict for each in verdicts} == {"duplicate"}


async def test_the_oldest_are_claimed_by_reading_what_is_looked_at(tables: Tables) -> None:
    await claim.oldest(tables.hot, node=NODE, head=500, most=200, size=10**9, per_subscription=101, closed=EMPTY)
    tables.explaining.judge(500 + 2 * 200, "deliveries_by_time", "deliveries_pkey")


@pytest.mark.parametrize("closed", [False, True])
async def test_a_walk_reads_what_it_visits_and_takes(tables: Tables, closed: bool) -> None:
    claimed = await claim.fair(
        tables.hot, node=NODE, after=NIL, applications=100, visits=20, resume={}, most=200, size=10**9,
        per_subscription=20, closed=[tables.stuck] if closed else EMPTY,
    )  # fmt: skip
    tables.explaining.judge(100 + 100 * 2 + 2 * 200, "deliveries_by_subscription", "deliveries_pkey")
    assert not closed or tables.stuck not in {each.subscription_id for each in claimed.deliveries}


async def test_the_next_due_row_is_found_by_reading_it(tables: Tables) -> None:
    await claim.next_due(tables.hot)
    tables.explaining.judge(1, "deliveries_by_time")


async def test_payloads_are_read_by_their_keys(tables: Tables) -> None:
    found = await tables.db.fetch(b"SELECT application_id, event_id, day FROM events LIMIT 100")
    days = {(application_id, event_id): day for application_id, event_id, day in found}
    loaded = await claim.load_payloads(tables.hot, days)
    tables.explaining.judge(len(days), *(["events_pkey"] if days else []))
    assert len(loaded) == len(days)


def finished(held: Sequence[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]) -> list[record.Finished]:
    """A third of each: ended, tried again, given up."""
    batch = []
    for number, (application_id, delivery_id, attempt_id) in enumerate(held):
        each = record.Finished(application_id, delivery_id, attempt_id, 1, "succeeded", time.time())
        if number % 3 == 1:
            each.outcome, each.reason, each.delay, each.next_attempt_id = 2, "retrying", 5.0, rows.id7()
        elif number % 3 == 2:
            each.outcome, each.reason, each.dead = 2, "retries_exhausted", True
        batch.append(each)
    return batch


async def test_recording_reads_each_delivery_by_its_key(tables: Tables) -> None:
    for _ in range(9):
        await rows.delivery(tables.db, tables.small, owner=NODE)
    held = await tables.db.fetch(
        b"SELECT application_id, delivery_id, attempt_id FROM deliveries WHERE owner = 7 ORDER BY random() LIMIT 99"
    )
    recorded, _ = await record.record(tables.hot, NODE, finished([(each[0], each[1], each[2]) for each in held]))
    tables.explaining.judge(len(held) * 4, "deliveries_pkey")
    assert recorded == len(held)


async def test_letting_go_and_cancelling_read_what_they_change(tables: Tables) -> None:
    held = await tables.db.fetch(b"SELECT application_id, delivery_id FROM deliveries WHERE owner = 7 LIMIT 99")
    await nodes.give_back(tables.hot, NODE, [(each[0], each[1]) for each in held], parked=False)
    tables.explaining.judge(len(held), "deliveries_pkey")
    cancelled = await subscription_changes.cancel(tables.hot, tables.large, tables.stuck)
    tables.explaining.judge(2 * subscription_changes.SLICE, "deliveries_by_subscription", "deliveries_pkey")
    assert cancelled == (subscription_changes.SLICE if held else 0)
