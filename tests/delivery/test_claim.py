"""Claiming what is due: the oldest first, everybody in turn where much is due, never more than there is room for."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import rows

from hook0_server.delivery import claim, nodes, scheduler
from hook0_server.model import delivery, ids
from hook0_server.store import claim as stored_claim, database

NODE = 7
NIL = uuid.UUID(int=0)

MANY = b"""
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                        next_attempt_at, created_at)
SELECT %(application)b::uuid, id, id, %(subscription)b::uuid, %(event)b::uuid, %(day)b::date, 'order.paid', %(size)b::int,
       now() + %(due)b::float8 * interval '1 s' + n * interval '1 ms', now()
  FROM generate_series(1, %(count)b::int) n, LATERAL (SELECT gen_random_uuid() AS id WHERE n > 0 OFFSET 0) i"""


class Waiting:
    """Rows that wait, and statements of a claimer."""

    def __init__(self, db: database.Database) -> None:
        self.db, self.hot = db, db.hot("test")
        self.events: dict[uuid.UUID, uuid.UUID] = {}

    async def rows(self, application: uuid.UUID, count: int, *, due: float = -60.0, size: int = 2, **over: Any) -> uuid.UUID:
        """So many deliveries of one subscription; its id."""
        if application not in self.events:
            self.events[application] = await rows.event(self.db, application)
        subscription = over.get("subscription") or rows.id7()
        event_id = self.events[application]
        given = {"application": application, "subscription": subscription, "event": event_id, "day": ids.day_of(event_id)}
        await self.db.fetch(MANY, given | {"count": count, "due": due, "size": size})
        return subscription

    async def oldest(self, **over: Any) -> stored_claim.Claimed:
        given = {"head": 1000, "most": 1000, "size": 10**9, "per_subscription": 1000, "closed": list[uuid.UUID]()}
        return await stored_claim.oldest(self.hot, node=NODE, **{**given, **over})

    async def fair(self, **over: Any) -> stored_claim.Claimed:
        given = {
            "after": NIL, "applications": 100, "visits": 20, "resume": dict[uuid.UUID, uuid.UUID](), "most": 1000,
            "size": 10**9, "per_subscription": 20, "closed": list[uuid.UUID](),
        }  # fmt: skip
        return await stored_claim.fair(self.hot, node=NODE, **{**given, **over})

    async def owned(self) -> int:
        [(count,)] = await self.db.fetch(b"SELECT count(*)::int FROM deliveries WHERE owner = 7")
        return int(count)


@pytest.fixture
async def waiting(db: database.Database) -> Waiting:
    return Waiting(db)


def by_subscription(claimed: stored_claim.Claimed) -> Counter[uuid.UUID]:
    return Counter(each.subscription_id for each in claimed.deliveries)


async def test_the_oldest_due_rows_are_claimed_and_nothing_that_is_not_due(waiting: Waiting) -> None:
    application = rows.id7()
    late, early = await waiting.rows(application, 5, due=-10), await waiting.rows(application, 5, due=-100)
    await waiting.rows(application, 5, due=60)
    first = await waiting.oldest(most=6)
    assert by_subscription(first) == {early: 5, late: 1}
    assert not first.head_full
    assert by_subscription(await waiting.oldest()) == {late: 4}
    assert (await waiting.oldest()).deliveries == []
    assert await waiting.owned() == 10


async def test_a_look_keeps_its_limits(waiting: Waiting) -> None:
    application = rows.id7()
    large = await waiting.rows(application, 50, due=-100, size=1000)
    small = await waiting.rows(application, 3, due=-10, size=10)
    assert by_subscription(await waiting.oldest(per_subscription=4, most=5)) == {large: 4, small: 1}
    assert by_subscription(await waiting.oldest(size=3500)) == {large: 3}
    assert by_subscription(await waiting.oldest(size=1)) == {large: 1}  # one always fits, or it would wait for ever
    assert by_subscription(await waiting.oldest(closed=[large])) == {small: 2}
    assert (await waiting.oldest(head=10)).head_full


async def test_rows_that_somebody_else_is_claiming_are_passed_over(waiting: Waiting) -> None:
    application = rows.id7()
    await waiting.rows(application, 10)
    async with waiting.db.connection() as connection, connection.transaction():
        await connection.execute(b"SELECT FROM deliveries ORDER BY next_attempt_at LIMIT 4 FOR UPDATE")
        assert len((await waiting.oldest()).deliveries) == 6
    assert len((await waiting.oldest()).deliveries) == 4


async def test_a_walk_gives_a_few_to_everybody(waiting: Waiting) -> None:
    large, small = sorted([rows.id7(), rows.id7()])
    heavy = [await waiting.rows(large, 100) for _ in range(3)]
    light = await waiting.rows(small, 2)
    await waiting.rows(small, 5, due=100)
    claimed = await waiting.fair(per_subscription=5)
    assert by_subscription(claimed) == {heavy[0]: 5, heavy[1]: 5, heavy[2]: 5, light: 2}
    assert claimed.walked == {large: None, small: None}
    cut = await waiting.fair(per_subscription=5, most=8)
    assert len(cut.deliveries) == 8
    assert by_subscription(await waiting.fair(closed=heavy)) == {}


async def test_a_walk_goes_on_where_the_last_one_stopped(waiting: Waiting) -> None:
    applications = sorted(rows.id7() for _ in range(5))
    subscriptions = {each: sorted([await waiting.rows(each, 3) for _ in range(4)]) for each in applications}
    first = await waiting.fair(applications=2, visits=3, per_subscription=1)
    assert set(first.walked) == set(applications[:2])
    assert first.walked == {each: subscriptions[each][2] for each in applications[:2]}
    resumed = {each: after for each, after in first.walked.items() if after}
    again = await waiting.fair(applications=2, visits=3, per_subscription=1, resume=resumed)
    assert by_subscription(again) == {subscriptions[each][3]: 1 for each in applications[:2]}
    assert again.walked == dict.fromkeys(applications[:2])
    onwards = await waiting.fair(applications=10, after=applications[1], per_subscription=1)
    assert set(onwards.walked) == set(applications[2:])


async def test_payloads_of_events_that_are_gone_are_missing(waiting: Waiting) -> None:
    application = rows.id7()
    event_id = await rows.event(waiting.db, application, payload=b"\0\xff", payload_content_type="application/octet-stream")
    gone = rows.id7()
    days = {(application, each): ids.day_of(each) for each in (event_id, gone)}
    loaded = await stored_claim.load_payloads(waiting.hot, days)
    assert loaded == {(application, event_id): ("application/octet-stream", b"\0\xff")}


class Alive(nodes.Node):
    """A node that is registered under a number and may send."""

    def __init__(self, db: database.Database) -> None:
        async def reborn(before: int) -> int:
            raise AssertionError(before)

        super().__init__(db, reborn=reborn, resumed=lambda: None, others_changed=lambda: None, taken_over=lambda: None)
        self.number = NODE

    def may_send(self) -> bool:
        return True


@contextlib.asynccontextmanager
async def claiming(waiting: Waiting, memory: scheduler.Scheduler) -> AsyncIterator[list[delivery.Delivery]]:
    """A running claimer; the list is of deliveries whose event is gone."""
    gone: list[delivery.Delivery] = []
    claimer = claim.Claimer(waiting.db, node=Alive(waiting.db), memory=memory, gone=gone.append, unknown=lambda: None)
    async with claimer.running():
        yield gone


def send_all(memory: scheduler.Scheduler) -> list[delivery.Delivery]:
    """What a quick sender and recorder would do."""
    sent = []
    while (each := memory.next()) is not None:
        sent.append(each)
        memory.sent(each)
        memory.forget(each.delivery_id)
    return sent


async def until_sent(memory: scheduler.Scheduler, wanted: set[uuid.UUID], seconds: float) -> list[delivery.Delivery]:
    """Everything that was sent until a delivery of each of these subscriptions was."""
    sent: list[delivery.Delivery] = []
    async with asyncio.timeout(seconds):
        while wanted - {each.subscription_id for each in sent}:
            sent += send_all(memory)
            await asyncio.sleep(0.002)
    return sent


async def test_the_small_come_through_beside_20000_rows_of_a_large_one(waiting: Waiting) -> None:
    """Also while the large one cannot send at all and fills all of memory that it may."""
    large = rows.id7()
    stuck = await waiting.rows(large, 20_000, due=-1000)
    small = {await waiting.rows(rows.id7(), 3, due=-1) for _ in range(50)} | {await waiting.rows(large, 3, due=-1)}
    await waiting.db.fetch(b"ANALYZE deliveries")
    memory = scheduler.Scheduler(most=4000, most_bytes=10**9)
    memory.limit_of = lambda subscription_id: 1 if subscription_id == stuck else 16
    hung = delivery.Delivery(large, NIL, NIL, stuck, NIL, "", "order.paid", "", b"", NODE, 0.0)
    memory.take([hung])
    assert memory.next() is hung  # and it is never answered
    async with claiming(waiting, memory) as gone:
        sent = await until_sent(memory, small, 10)
    assert gone == []
    assert stuck not in {each.subscription_id for each in sent}
    assert {each.payload for each in sent} == {b"{}"}
    assert memory.held <= 4000
    assert await waiting.owned() == memory.held - 1 + len(sent)


async def test_who_has_little_due_is_not_behind_all_of_a_crowd_that_can_send(waiting: Waiting) -> None:
    """The oldest are one application's, of so many subscriptions that none is full, and each look fills memory."""
    large = rows.id7()
    for _ in range(100):
        await waiting.rows(large, 100, due=-1000)
    small = await waiting.rows(rows.id7(), 1, due=-1)
    await waiting.db.fetch(b"ANALYZE deliveries")
    memory = scheduler.Scheduler(most=1000, most_bytes=10**9)
    async with claiming(waiting, memory):
        sent = await until_sent(memory, {small}, 10)
    assert len(sent) <= 3000


async def test_everything_that_is_due_is_claimed_once_and_what_comes_due_later_in_its_time(waiting: Waiting) -> None:
    applications = [rows.id7() for _ in range(3)]
    for application in applications:
        for _ in range(4):
            await waiting.rows(application, 300)
    last = await waiting.rows(applications[0], 2, due=1.5)
    memory = scheduler.Scheduler(most=500, most_bytes=10**9)
    async with claiming(waiting, memory):
        sent = await until_sent(memory, {last}, 15)
        async with asyncio.timeout(10):
            while len(sent) < 3602:
                sent += send_all(memory)
                await asyncio.sleep(0.002)
    assert len({each.delivery_id for each in sent}) == len(sent) == 3602


async def test_the_byte_limit_of_memory_is_kept_but_for_one_delivery(waiting: Waiting) -> None:
    application = rows.id7()
    waiting.events[application] = await rows.event(waiting.db, application, payload=b"x" * 400)
    await waiting.rows(application, 100, size=400)
    memory = scheduler.Scheduler(most=1000, most_bytes=4100)
    async with claiming(waiting, memory):
        async with asyncio.timeout(5):
            while memory.held < 10:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # a few looks
        assert memory.held_bytes <= 4100 + 400


async def test_a_delivery_whose_event_is_gone_is_not_held(waiting: Waiting) -> None:
    application = rows.id7()
    waiting.events[application] = rows.id7()
    await waiting.rows(application, 3)
    memory = scheduler.Scheduler(most=1000, most_bytes=10**9)
    async with claiming(waiting, memory) as gone, asyncio.timeout(5):
        while len(gone) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert memory.held == 0
