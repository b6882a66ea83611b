"""The plans of the path's statements, as hot connections run them."""

import time
import uuid
from collections.abc import Sequence

import planning
import pytest
import rows

from hook0_server.ingest import identity
from hook0_server.store import claim, nodes, publish, record

NIL = uuid.UUID(int=0)
EMPTY: list[uuid.UUID] = []


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


def events(tables: planning.Tables) -> list[publish.NewEvent]:
    """A hundred, each with labels that one subscription of its application has at most."""
    made = [event(tables.seeded.large, f'{{"n": "{planning.SMALL_ONES + number}", "x": "y"}}') for number in range(1, 51)]
    made += [event(tables.seeded.small, '{"n": "1"}') for _ in range(50)]
    return sorted(made, key=lambda each: (each.day, each.application_id, each.event_id))


async def test_publishing_reads_only_what_matches(tables: planning.Tables) -> None:
    given = events(tables)
    stored = await publish.publish(tables.hot, given, node=planning.NODE, places=1000, full=EMPTY)
    tables.explaining.judge(51 * 3, "event_types_pkey", "subscriptions_by_route")  # 51 kinds
    assert len(stored.owed) == 100
    assert all(len(owed or ()) == 1 for (application, _), owed in stored.owed.items() if application == tables.seeded.small.int)


async def test_who_wants_events_that_are_alike_is_looked_for_once(tables: planning.Tables) -> None:
    given = [event(tables.seeded.small, '{"n": "1"}') for _ in range(100)]
    stored = await publish.publish(tables.hot, given, node=planning.NODE, places=1000, full=EMPTY)
    tables.explaining.judge(3, "event_types_pkey", "subscriptions_by_route")
    [plan] = tables.explaining.plans
    assert "hashed SubPlan" in plan.shown  # which of them were stored: not each compared with each
    assert [len(owed or ()) for owed in stored.owed.values()] == [1] * 100


async def test_judging_repeats_reads_each_once(tables: planning.Tables) -> None:
    given = events(tables)
    await publish.publish(tables.hot, given, node=planning.NODE, places=1000, full=EMPTY)
    verdicts = await publish.classify(tables.hot, given)
    tables.explaining.judge(100 * 3, "events_pkey", "event_types_pkey")
    assert {each.verdict for each in verdicts} == {"duplicate"}


async def test_the_oldest_are_claimed_by_reading_what_is_looked_at(tables: planning.Tables) -> None:
    await claim.oldest(tables.hot, node=planning.NODE, head=500, most=200, size=10**9, per_subscription=101, closed=EMPTY)
    tables.explaining.judge(500 + 2 * 200, "deliveries_by_time", "deliveries_pkey")


@pytest.mark.parametrize("closed", [False, True])
async def test_a_walk_reads_what_it_visits_and_takes(tables: planning.Tables, closed: bool) -> None:
    claimed = await claim.fair(
        tables.hot, node=planning.NODE, after=NIL, applications=100, visits=20, resume={}, most=200, size=10**9,
        per_subscription=20, closed=[tables.seeded.stuck] if closed else EMPTY,
    )  # fmt: skip
    tables.explaining.judge(100 + 100 * 2 + 2 * 200, "deliveries_by_subscription", "deliveries_pkey")
    assert not closed or tables.seeded.stuck not in {each.subscription_id for each in claimed.deliveries}


async def test_the_next_due_row_is_found_by_reading_it(tables: planning.Tables) -> None:
    await claim.next_due(tables.hot)
    tables.explaining.judge(1, "deliveries_by_time")


async def test_payloads_are_read_by_their_keys(tables: planning.Tables) -> None:
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


async def test_recording_reads_each_delivery_by_its_key(tables: planning.Tables) -> None:
    for _ in range(9):
        await rows.delivery(tables.db, tables.seeded.small, owner=planning.NODE)
    held = await tables.db.fetch(
        b"SELECT application_id, delivery_id, attempt_id FROM deliveries WHERE owner = 7 ORDER BY random() LIMIT 99"
    )
    recorded, _ = await record.record(tables.hot, planning.NODE, finished([(each[0], each[1], each[2]) for each in held]))
    tables.explaining.judge(len(held) * 4, "deliveries_pkey")
    assert recorded == len(held)


async def test_recording_what_ended_reads_each_delivery_by_its_key(tables: planning.Tables) -> None:
    await rows.delivery(tables.db, tables.seeded.small, owner=planning.NODE)
    held = await tables.db.fetch(b"SELECT application_id, delivery_id, attempt_id FROM deliveries WHERE owner = 7 LIMIT 99")
    ended = [record.Finished(*each, 1, "succeeded", time.time()) for each in held]
    assert await record.record(tables.hot, planning.NODE, ended) == (len(held), 0)
    tables.explaining.judge(len(held), "deliveries_pkey")


async def test_a_new_incarnation_keeps_what_was_begun_by_reading_that(tables: planning.Tables) -> None:
    held = await tables.db.fetch(b"SELECT application_id, delivery_id FROM deliveries WHERE owner = 7 LIMIT 50")
    keys = {"application_ids": [each[0] for each in held], "delivery_ids": [each[1] for each in held]}
    kept = await tables.hot.fetch(nodes.SQL.pass_on, keys | {"before": planning.NODE, "node": 8})
    tables.explaining.judge(len(held), "deliveries_pkey")
    assert {each for (each,) in kept} == set(keys["delivery_ids"])
