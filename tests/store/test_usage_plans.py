"""What quotas and usage cost: reading is bounded by what is asked for, whatever else was published."""

import uuid
from datetime import timedelta

import planning
import rows

from hook0_server.model import quotas
from hook0_server.store import upkeep, usage

FEW = 30
SLOTS, DAYS = 4, 30

FILL = b"""
INSERT INTO event_counts (application_id, day, slot, events)
SELECT application_id, (now() AT TIME ZONE 'UTC')::date - day, slot, 1
  FROM applications, generate_series(0, %(days)s::int - 1) AS d (day), generate_series(0, %(slots)s::int - 1) AS s (slot)"""


async def fill(tables: planning.Tables) -> None:
    """A month of everybody, of which the statistics know nothing unless this database is analyzed."""
    await tables.db.fetch(FILL, {"days": DAYS, "slots": SLOTS})


async def test_the_day_of_those_who_publish_is_read_alone(tables: planning.Tables) -> None:
    await fill(tables)
    asked = [tables.seeded.small, tables.seeded.large, uuid.uuid4()]
    found = await usage.today(tables.requests.pool, asked, 10)
    tables.requests.judge(FEW, "event_counts_pkey")
    assert {(each.application_id, each.events, each.limit) for each in found} == {(each, SLOTS, 10) for each in asked[:2]}


async def test_where_nobody_has_a_limit_nothing_else_is_read(tables: planning.Tables) -> None:
    await fill(tables)
    assert await usage.today(tables.requests.pool, [tables.seeded.small], None) == []
    tables.requests.judge(0)
    assert len(tables.requests.plans) == 1
    assert "event_counts" not in tables.requests.plans[0].shown


async def test_limits_are_found_by_key(tables: planning.Tables) -> None:
    await tables.requests.fetch(usage.SQL.quotas_of_application, {"owner_id": tables.seeded.large})
    tables.requests.judge(FEW)
    await tables.requests.fetch(usage.SQL.quotas_of_organization, {"owner_id": tables.seeded.organization})
    tables.requests.judge(FEW)


async def test_counting_reads_what_it_counts(tables: planning.Tables) -> None:
    for name in ("applications", "members"):
        await tables.requests.fetch(getattr(usage.SQL, f"count_{name}"), {"owner_id": rows.id7()})
        tables.requests.judge(FEW)
    for name in usage.COUNTED[usage.Owner.APPLICATION]:
        for owner_id in (tables.seeded.small, tables.seeded.large):
            [(count,)] = await tables.requests.fetch(getattr(usage.SQL, f"count_{name}"), {"owner_id": owner_id})
            tables.requests.judge(2 * (count + planning.ASIDE * (owner_id == tables.seeded.large)) + FEW)  # a bitmap, then rows


async def test_statistics_read_their_days(tables: planning.Tables) -> None:
    await fill(tables)
    today = (await tables.db.fetch(b"SELECT (now() AT TIME ZONE 'UTC')::date"))[0][0]
    span = today - timedelta(days=2), today
    found = await usage.days(tables.requests.pool, usage.Owner.APPLICATION, tables.seeded.small, *span, most=100)
    tables.requests.judge(3 * SLOTS + FEW)
    assert [each.events for each in found] == [SLOTS] * 3
    [(organization,)] = await tables.db.fetch(
        b"SELECT organization_id FROM applications WHERE application_id = %(id)s", {"id": tables.seeded.small}
    )
    found = await usage.days(tables.requests.pool, usage.Owner.ORGANIZATION, organization, *span, most=100)
    tables.requests.judge(3 * SLOTS + FEW)
    assert [each.events for each in found] == [SLOTS] * 3
    await tables.requests.fetch(usage.SQL.events_today_of_organization, {"owner_id": organization})
    tables.requests.judge(SLOTS + FEW)


async def test_the_steps_of_an_organization_are_looked_up(tables: planning.Tables) -> None:
    await fill(tables)
    for application_id in (tables.seeded.small, tables.seeded.large):
        [(organization,)] = await tables.db.fetch(
            b"SELECT organization_id FROM applications WHERE application_id = %(id)s", {"id": application_id}
        )
        steps = await usage.steps(tables.requests.pool, organization)
        tables.requests.judge(FEW, "event_counts_pkey")
        assert steps == usage.Steps(application=True, event_type=True, subscription=True, event=True)
    assert await usage.steps(tables.db, uuid.uuid4()) == usage.Steps(False, False, False, False)


async def test_an_application_that_is_gone_has_the_instances_limits(tables: planning.Tables) -> None:
    async with tables.db.connection() as connection:
        held = await usage.limits(connection, usage.Owner.APPLICATION, uuid.uuid4(), quotas.Quotas(subscriptions=3))
    assert held == quotas.Quotas(subscriptions=3)


async def test_what_is_forgotten_is_found_by_its_age(tables: planning.Tables) -> None:
    await fill(tables)
    await tables.requests.fetch(upkeep.SQL.forget_event_counts, {"retention_days": DAYS, "slice": 100})
    tables.requests.judge(FEW, "event_counts_by_age")
