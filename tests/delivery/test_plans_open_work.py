"""The plans of what delivery does beside the path: nodes, changed subscriptions, broadcasts, and keys of old ids."""

import uuid

import planning
import pytest
import rows

from hook0_server.model import ids
from hook0_server.store import fanouts, nodes, publish, subscription_changes
from tests.delivery import test_plans

FEW = 20  # rows that a plan may read beside those that it is about


async def count(tables: planning.Tables, what: str) -> int:
    [(found,)] = await tables.db.fetch(f"SELECT count(*)::int FROM {what}".encode())
    return int(found)


async def test_changed_subscriptions_are_found_by_their_transaction(tables: planning.Tables) -> None:
    since = await subscription_changes.position(tables.hot)
    changed = await rows.subscription(tables.db, tables.seeded.large)
    _, found = await subscription_changes.changes(tables.hot, since)
    tables.explaining.judge(FEW, "subscriptions_by_change")
    assert [each.subscription_id for each in found] == [changed]


async def test_subscriptions_are_loaded_by_their_ids(tables: planning.Tables) -> None:
    some = await tables.db.fetch(
        b"SELECT subscription_id FROM subscriptions WHERE deleted_at IS NULL ORDER BY random() LIMIT 50"
    )
    loaded = await subscription_changes.load(tables.hot, [each for (each,) in some])
    tables.explaining.judge(2 * len(some), "subscriptions_by_id")
    assert len(loaded) == len(some)


@pytest.fixture
def slice_size(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(subscription_changes, "SLICE", 100)
    return 100


async def test_a_slice_of_waiting_deliveries_is_parked_by_reading_it(tables: planning.Tables, slice_size: int) -> None:
    await tables.db.fetch(b"UPDATE deliveries SET subscription_id = %(id)s WHERE owner IS NULL", {"id": tables.seeded.parked})
    parked = await subscription_changes.park(tables.hot, tables.seeded.large, tables.seeded.parked)
    tables.explaining.judge(2 * parked + FEW, "deliveries_by_subscription", "deliveries_pkey")
    assert parked in (0, slice_size)


async def test_a_slice_of_parked_deliveries_is_released_by_reading_it(tables: planning.Tables, slice_size: int) -> None:
    await tables.db.fetch(
        b"UPDATE subscriptions SET is_enabled = true WHERE subscription_id = %(id)s", {"id": tables.seeded.parked}
    )
    released = await subscription_changes.release(tables.hot, tables.seeded.large, tables.seeded.parked)
    tables.explaining.judge(2 * released + FEW, "deliveries_parked", "deliveries_pkey")
    assert released in (0, slice_size)


async def test_a_slice_of_a_deleted_subscription_is_ended_by_reading_it(tables: planning.Tables, slice_size: int) -> None:
    for subscription_id in (tables.seeded.parked, tables.seeded.stuck):
        ended = await subscription_changes.cancel(tables.hot, tables.seeded.large, subscription_id)
        tables.explaining.judge(2 * ended + FEW, "deliveries_by_subscription", "deliveries_parked", "deliveries_pkey")
        assert ended in (0, slice_size)


async def test_parked_subscriptions_are_found_without_reading_what_is_parked(tables: planning.Tables) -> None:
    found = await subscription_changes.parked(tables.hot)
    tables.explaining.judge(FEW, "deliveries_parked")
    assert len(found) == (await count(tables, "deliveries WHERE owner = 0") > 0)


async def test_parked_deliveries_that_are_not_too_old_are_not_read(tables: planning.Tables, slice_size: int) -> None:
    key = tables.seeded.large, tables.seeded.parked
    assert await subscription_changes.expire_parked(tables.hot, *key, 3600.0) == 0
    tables.explaining.judge(0, "deliveries_parked")
    expired = await subscription_changes.expire_parked(tables.hot, *key, 0.0)
    tables.explaining.judge(2 * expired + FEW, "deliveries_parked", "deliveries_pkey")
    assert expired in (0, slice_size)


async def registered(tables: planning.Tables) -> int:
    node, described = 0, nodes.Description(is_answering=True, is_sending=True, version="1")
    while node < planning.NODE:
        node = await nodes.register(tables.db.hot("register"), described)
    return node


async def test_a_beat_reads_the_nodes_and_no_delivery(tables: planning.Tables) -> None:
    node = await registered(tables)
    assert (await nodes.beat(tables.hot, node)).is_alive
    tables.explaining.judge(FEW, whole=("nodes",))
    assert await nodes.bury(tables.hot, node, 1)
    tables.explaining.judge(1, "nodes_pkey")
    await nodes.leave(tables.hot, node)
    tables.explaining.judge(0, "nodes_pkey")


async def test_what_the_dead_held_is_found_by_one_look_at_open_work(tables: planning.Tables) -> None:
    await registered(tables)
    everything = await count(tables, "deliveries")
    assert await nodes.take_over(tables.hot) == 0
    tables.explaining.judge(everything + FEW, whole=("nodes", "deliveries"))
    held = await count(tables, "deliveries WHERE owner = 7")
    await nodes.leave(tables.hot, planning.NODE)
    assert await nodes.take_over(tables.hot) == held
    tables.explaining.judge(everything + held + FEW, whole=("nodes", "deliveries"))


async def test_what_memory_lost_is_found_by_one_look_at_open_work(tables: planning.Tables) -> None:
    everything = await count(tables, "deliveries")
    held = await nodes.held_long(tables.hot, planning.NODE, 0.0)
    tables.explaining.judge(everything, whole=("deliveries",))
    assert len(held) == await count(tables, "deliveries WHERE owner = 7")


async def held(tables: planning.Tables) -> list[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]:
    for _ in range(5):
        await rows.delivery(tables.db, tables.seeded.small, owner=planning.NODE)
    found = await tables.db.fetch(
        b"SELECT application_id, delivery_id, attempt_id FROM deliveries WHERE owner = 7 AND NOT cancel_requested LIMIT 50"
    )
    return [(each[0], each[1], each[2]) for each in found]


async def test_what_is_given_back_is_read_by_its_key(tables: planning.Tables) -> None:
    some = await held(tables)
    before = await count(tables, "deliveries WHERE owner = 7")
    await nodes.give_back(tables.hot, planning.NODE, [each[:2] for each in some], parked=False)
    tables.explaining.judge(len(some), "deliveries_pkey")
    assert await count(tables, "deliveries WHERE owner = 7") == before - len(some)


async def test_a_delivery_is_begun_by_its_key(tables: planning.Tables) -> None:
    application_id, delivery_id, attempt_id = (await held(tables))[0]
    assert await nodes.start(tables.hot, planning.NODE, application_id, delivery_id, attempt_id)
    tables.explaining.judge(1, "deliveries_pkey")


async def test_cancellations_are_found_without_reading_open_work(tables: planning.Tables) -> None:
    asked = await nodes.cancelled(tables.hot, planning.NODE)
    tables.explaining.judge(2 * len(asked), "deliveries_to_cancel")
    assert len(asked) in (0, 20)


async def test_a_slice_of_a_broadcast_reads_its_subscriptions(tables: planning.Tables) -> None:
    event_id = await rows.event(tables.db, tables.seeded.large, labels={"n": "777"})
    for _ in range(3):
        await rows.insert(
            tables.db, "fanouts", fanout_id=rows.id7(), application_id=tables.seeded.large, event_id=event_id,
            event_day=ids.day_of(event_id), event_type=rows.EVENT_TYPE, payload_size=2,
        )  # fmt: skip
    assert await fanouts.expand(tables.hot, 100) is not None
    tables.explaining.judge(100 + FEW, "subscriptions_pkey", "events_pkey", "event_types_pkey", whole=("fanouts",))


async def test_keys_of_old_ids_are_taken_and_judged_by_reading_each_once(tables: planning.Tables) -> None:
    given = [test_plans.event(tables.seeded.large, "{}") for _ in range(50)]
    for each in given:
        each.keyed, each.own_day = True, each.day
    taking = publish._keys(given) | {
        "day": publish.arrays.dates([each.day for each in given]),
        "event_type": publish.arrays.texts([each.event_type for each in given]),
        "own_day": publish.arrays.dates([each.own_day for each in given]),
    }
    taken = await tables.explaining.fetch(publish.SQL.take_keys, taking)
    tables.explaining.judge(len(given), "event_types_pkey", "events_pkey")
    assert len(taken) == len(given)
    verdicts = await publish.classify(tables.hot, given)
    tables.explaining.judge(2 * len(given), "event_keys_pkey", "events_pkey", "event_types_pkey")
    assert {each.verdict for each in verdicts} == {"again"}
    await tables.explaining.fetch(publish.SQL.drop_keys, publish._keys(given))
    tables.explaining.judge(len(given), "event_keys_pkey")


async def test_a_server_that_is_born_again_looks_at_open_work_once(tables: planning.Tables) -> None:
    """One of four statements in a transaction, explained alone."""
    everything = await count(tables, "deliveries")
    await tables.explaining.fetch(nodes.SQL.let_go_all, {"before": planning.NODE})
    tables.explaining.judge(everything, whole=("deliveries",))
    assert await count(tables, "deliveries WHERE owner = 7") == 0
