"""What is given back, taken up again, and done slice by slice."""

import asyncio
import uuid

import pytest
import rows
from test_claim import Waiting

from hook0_server.delivery import claim, nodes, open_work, scheduler
from hook0_server.model import delivery, errors
from hook0_server.store import claim as stored_claim, database, nodes as stored_nodes, subscription_changes


class Alive(nodes.Node):
    """A node that may always send."""

    def __init__(self, db: database.Database) -> None:
        async def reborn(before: int) -> int:
            raise AssertionError(before)

        super().__init__(db, reborn=reborn, others_changed=lambda: None, taken_over=lambda: None)
        self.number = 7

    def may_send(self) -> bool:
        return True


async def _claimed(db: database.Database, hot: database.Hot) -> tuple[int, list[delivery.Delivery]]:
    node = await stored_nodes.register(hot, stored_nodes.Description(True, True, "1"))
    found = await stored_claim.oldest(hot, node=node, head=10, most=10, size=10**9, per_subscription=10, closed=[])
    return node, found.deliveries


async def _started(db: database.Database) -> int:
    [(count,)] = await db.fetch(b"SELECT count(*) FROM deliveries WHERE started_at IS NOT NULL")
    return int(count)


async def test_a_start_that_no_request_followed_is_taken_back_with_its_delivery(db: database.Database) -> None:
    await Waiting(db).rows(rows.id7(), 3)
    hot = db.hot("test")
    node, (first, second, third) = await _claimed(db, hot)
    for each in (first, second, third):
        assert await stored_nodes.start(hot, node, each.application_id, each.delivery_id, each.attempt_id)
    assert await _started(db) == 3
    await stored_nodes.give_back(hot, node, [(first.application_id, first.delivery_id)], parked=False)
    await stored_nodes.give_back(hot, node, [(second.application_id, second.delivery_id)], parked=True)
    await stored_nodes.reincarnate(hot, node, [], stored_nodes.Description(True, True, "1"))
    assert await _started(db) == 0


async def test_the_start_of_a_former_owner_is_kept(db: database.Database) -> None:
    await Waiting(db).rows(rows.id7(), 1)
    await db.fetch(b"UPDATE deliveries SET started_at = now() - interval '1 min'")
    hot = db.hot("test")
    node, [only] = await _claimed(db, hot)
    await stored_nodes.give_back(hot, node, [(only.application_id, only.delivery_id)], parked=False)
    assert await _started(db) == 1


async def test_a_large_deletion_does_not_hold_up_an_enabling(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    both = asyncio.Event()

    async def cancel(*_: object) -> int:
        order.append("cancel")
        if "release" in order:
            both.set()
        return 1000 if order.count("cancel") < 50 else 0

    async def release(*_: object) -> int:
        order.append("release")
        return 0

    monkeypatch.setattr(subscription_changes, "cancel", cancel)
    monkeypatch.setattr(subscription_changes, "release", release)
    memory = scheduler.Scheduler(most=1000, most_bytes=10**9)
    work = open_work.OpenWork(
        db, node=Alive(db), memory=memory, claimable=lambda: None, ended=lambda applications: None, max_age=10
    )
    deleted = subscription_changes.Change(uuid.uuid4(), uuid.uuid4(), 2, False, True)
    work.changed([deleted, subscription_changes.Change(uuid.uuid4(), uuid.uuid4(), 2, True, False)])
    async with asyncio.timeout(10), work.running():
        await both.wait()
    assert order.index("release") < 3


async def test_a_walk_goes_on_in_an_application_where_it_stopped(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "LOOK", 10)
    monkeypatch.setattr(claim, "_APPLICATIONS", 3)
    monkeypatch.setattr(claim, "_VISITS", 60)
    waiting, applications = Waiting(db), sorted(uuid.uuid4() for _ in range(9))
    full = [await waiting.rows(applications[3], 20, due=-1000)]
    for _ in range(30):
        await waiting.rows(applications[3], 1, due=600)
    last = uuid.UUID(int=2**128 - 1)
    await waiting.rows(applications[3], 1, due=-5, subscription=last)
    for application in applications[:3] + applications[4:]:
        await waiting.rows(application, 1, due=600)
    memory = scheduler.Scheduler(most=1000, most_bytes=10**9)
    monkeypatch.setattr(memory, "full", lambda: full)
    claimer = claim.Claimer(db, node=Alive(db), memory=memory, gone=lambda each: None, unknown=lambda: None)
    found: set[uuid.UUID] = set()
    for _ in range(30):
        await claimer._claim(100, 10**9)
        found |= {each.subscription_id for each in memory.drop_waiting()}
    assert last in found


async def test_a_database_that_became_read_only_is_unavailable_for_now(db: database.Database) -> None:
    hot = db.hot("test")
    await hot.fetch(b"SET default_transaction_read_only = on")
    with pytest.raises(errors.Unavailable):
        await stored_nodes.register(hot, stored_nodes.Description(True, True, "1"))
