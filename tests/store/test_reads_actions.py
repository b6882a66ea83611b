"""What operators do to deliveries, also while a node claims or records the same rows."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import rows

from hook0_server.store import attempts, database, deliveries_read, delivery_actions
from hook0_server.store.delivery_actions import Cancelled, Retried

WAITING = b"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
CLAIM = b"UPDATE deliveries SET owner = 5, owned_at = now()"


@pytest.fixture
async def application_id(db: database.Database) -> uuid.UUID:
    return await rows.application(db)


async def column(db: database.Database, statement: bytes) -> list[Any]:
    return [row[0] for row in await db.fetch(statement)]


@contextlib.asynccontextmanager
async def other_transaction(db: database.Database, statement: bytes) -> AsyncIterator[None]:
    """A node that has run its statement and commits when somebody waits for it."""
    async with db.connection() as connection, connection.transaction():
        await connection.execute(statement)
        yield
        async with asyncio.timeout(20):
            while not await column(db, WAITING):  # noqa: ASYNC110 - it is PostgreSQL that is asked
                await asyncio.sleep(0.01)


async def dead_letter(db: database.Database, application_id: uuid.UUID, **over: Any) -> uuid.UUID:
    """One whose event is kept and whose subscription is enabled, two days old."""
    at = rows.ago(days=2)
    event_id = await rows.event(db, application_id, at)
    subscription_id = over.pop("subscription_id", None) or await rows.subscription(db, application_id)
    return await rows.dead_letter(
        db, application_id, at, event_id=event_id, subscription_id=subscription_id, attempt_number=4, takeover_count=2, **over
    )


async def test_retry_makes_a_waiting_delivery_due(db: database.Database, application_id: uuid.UUID) -> None:
    subscription_id = await rows.subscription(db, application_id)
    later = rows.ago(hours=-5)
    delivery_id = await rows.delivery(
        db, application_id, subscription_id=subscription_id, next_attempt_at=later, attempt_number=3
    )
    other = await rows.delivery(db, application_id, subscription_id=subscription_id, next_attempt_at=later)
    assert await delivery_actions.retry(db, application_id, delivery_id) is Retried.DUE
    due = b"SELECT delivery_id, trigger, attempt_number, owner FROM deliveries WHERE next_attempt_at <= now()"
    assert await db.fetch(due) == [(delivery_id, 2, 3, None)]
    assert await column(db, b"SELECT delivery_id FROM deliveries WHERE next_attempt_at > now() AND trigger = 1") == [other]


async def test_retry_revives_a_dead_letter_as_the_next_attempt_of_the_same_delivery(
    db: database.Database, application_id: uuid.UUID
) -> None:
    delivery_id = await dead_letter(db, application_id)
    before = await deliveries_read.get(db, application_id, delivery_id)
    assert await delivery_actions.retry(db, application_id, delivery_id) is Retried.DUE
    after = await deliveries_read.get(db, application_id, delivery_id)
    assert before is not None
    assert after is not None
    assert await column(db, b"SELECT count(*) FROM dead_letters") == [0]
    assert (after.state, after.reason, after.attempt_count, after.takeover_count) == (1, "retrying", 4, 0)
    assert (after.created_at, after.event_id, after.subscription_id) == (
        before.created_at,
        before.event_id,
        before.subscription_id,
    )
    assert after.attempt_id != before.attempt_id
    assert after.attempt_id > before.attempt_id
    facts = await db.fetch(
        b"SELECT d.trigger, d.payload_size, d.event_day = e.day, owner FROM deliveries d JOIN events e USING (event_id)"
    )
    assert facts == [(2, 2, True, None)]


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"is_enabled": False}, Retried.DISABLED),
        ({"is_enabled": False, "deleted_at": rows.ago(hours=1)}, Retried.SUBSCRIPTION_GONE),
    ],
)
async def test_nothing_is_retried_to_a_subscription_that_is_disabled_or_gone(
    db: database.Database, application_id: uuid.UUID, over: dict[str, Any], expected: Retried
) -> None:
    subscription_id = await rows.subscription(db, application_id, **over)
    dead = await dead_letter(db, application_id, subscription_id=subscription_id)
    parked = await rows.delivery(db, application_id, subscription_id=subscription_id, owner=0)
    waiting = await rows.delivery(db, application_id, subscription_id=subscription_id)
    for delivery_id in (dead, parked, waiting):
        assert await delivery_actions.retry(db, application_id, delivery_id) is expected
    assert await column(db, b"SELECT count(*) FROM deliveries WHERE trigger = 1") == [2]
    assert await column(db, b"SELECT count(*) FROM dead_letters") == [1]


async def test_a_parked_delivery_of_an_enabled_subscription_is_not_left_parked(
    db: database.Database, application_id: uuid.UUID
) -> None:
    subscription_id = await rows.subscription(db, application_id)
    delivery_id = await rows.delivery(db, application_id, subscription_id=subscription_id, owner=0)
    assert await delivery_actions.retry(db, application_id, delivery_id) is Retried.DUE
    assert await column(db, b"SELECT owner FROM deliveries") == [None]


async def test_what_cannot_be_retried_says_why(db: database.Database, application_id: uuid.UUID) -> None:
    subscription_id = await rows.subscription(db, application_id)
    held = await rows.delivery(db, application_id, subscription_id=subscription_id, owner=3)
    succeeded, cancelled = rows.id7(), rows.id7()
    await rows.attempt(db, application_id, delivery_id=succeeded)
    await rows.attempt(db, application_id, delivery_id=cancelled, outcome=10)
    eventless = await rows.dead_letter(db, application_id, subscription_id=subscription_id)
    foreign = await rows.delivery(db, await rows.application(db))

    async def answer(delivery_id: uuid.UUID) -> Retried:
        return await delivery_actions.retry(db, application_id, delivery_id)

    assert await answer(held) is Retried.HELD
    assert await answer(succeeded) is Retried.ENDED
    assert await answer(cancelled) is Retried.ENDED
    assert await answer(eventless) is Retried.EVENT_GONE
    assert await answer(foreign) is Retried.NOT_FOUND
    assert await answer(rows.id7()) is Retried.NOT_FOUND
    assert await answer(uuid.uuid4()) is Retried.NOT_FOUND


async def test_two_retries_at_once_revive_a_dead_letter_once(db: database.Database, application_id: uuid.UUID) -> None:
    delivery_id = await dead_letter(db, application_id)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(delivery_actions.retry(db, application_id, delivery_id)) for _ in range(3)]
    assert {task.result() for task in tasks} == {Retried.DUE}
    assert await db.fetch(b"SELECT delivery_id, attempt_number FROM deliveries") == [(delivery_id, 5)]


async def test_a_retry_beside_a_claim_sees_that_it_is_held(db: database.Database, application_id: uuid.UUID) -> None:
    subscription_id = await rows.subscription(db, application_id)
    delivery_id = await rows.delivery(db, application_id, subscription_id=subscription_id)
    async with asyncio.TaskGroup() as group:
        async with other_transaction(db, CLAIM):
            retried = group.create_task(delivery_actions.retry(db, application_id, delivery_id))
        assert await retried is Retried.HELD
    assert await db.fetch(b"SELECT owner, trigger FROM deliveries") == [(5, 1)]


@pytest.mark.parametrize("owner", [None, 0])
async def test_cancel_ends_what_nobody_holds_with_an_attempt_without_a_request(
    db: database.Database, application_id: uuid.UUID, owner: int | None
) -> None:
    delivery_id = await rows.delivery(db, application_id, rows.ago(hours=3), owner=owner, attempt_number=2)
    assert await delivery_actions.cancel(db, application_id, delivery_id) is Cancelled.ENDED
    assert await column(db, b"SELECT count(*) FROM deliveries") == [0]
    ended = await deliveries_read.get(db, application_id, delivery_id)
    assert ended is not None
    assert (ended.state, ended.reason) == (5, "cancelled")
    attempt = await attempts.get(db, application_id, ended.attempt_id)
    assert attempt is not None
    assert (attempt.outcome, attempt.final, attempt.dead, attempt.attempt_number) == (10, True, False, 2)
    assert (attempt.picked_at, attempt.subscription_revision, attempt.elapsed, attempt.http_status) == (None, None, None, None)
    assert attempt.delivery_created_at == ended.created_at


async def test_cancel_asks_the_node_that_holds_it(db: database.Database, application_id: uuid.UUID) -> None:
    delivery_id = await rows.delivery(db, application_id, owner=9)
    other = await rows.delivery(db, application_id, owner=9)
    for _ in range(2):
        assert await delivery_actions.cancel(db, application_id, delivery_id) is Cancelled.ASKED
    assert await column(db, b"SELECT delivery_id FROM deliveries WHERE cancel_requested") == [delivery_id]
    assert await column(db, b"SELECT delivery_id FROM deliveries WHERE NOT cancel_requested") == [other]


async def test_what_has_ended_cannot_be_cancelled(db: database.Database, application_id: uuid.UUID) -> None:
    succeeded = rows.id7()
    await rows.attempt(db, application_id, delivery_id=succeeded)
    for delivery_id in (succeeded, await dead_letter(db, application_id)):
        assert await delivery_actions.cancel(db, application_id, delivery_id) is Cancelled.FINISHED
    foreign = await rows.delivery(db, await rows.application(db))
    for absent in (foreign, rows.id7(), uuid.uuid4()):
        assert await delivery_actions.cancel(db, application_id, absent) is Cancelled.NOT_FOUND


async def test_a_cancellation_beside_a_claim_asks_the_new_owner(db: database.Database, application_id: uuid.UUID) -> None:
    delivery_id = await rows.delivery(db, application_id)
    async with asyncio.TaskGroup() as group:
        async with other_transaction(db, CLAIM):
            cancelled = group.create_task(delivery_actions.cancel(db, application_id, delivery_id))
        assert await cancelled is Cancelled.ASKED
    assert await db.fetch(b"SELECT owner, cancel_requested FROM deliveries") == [(5, True)]
    assert await column(db, b"SELECT count(*) FROM attempts") == [0]


async def test_a_cancellation_beside_a_recorder_finds_it_finished(db: database.Database, application_id: uuid.UUID) -> None:
    delivery_id = await rows.delivery(db, application_id, owner=5)
    record = b"""WITH ended AS (DELETE FROM deliveries RETURNING *)
    INSERT INTO attempts (application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id,
                          attempt_number, takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at,
                          finished_at)
    SELECT application_id, attempt_id, delivery_id, event_id, event_day, event_type, subscription_id, 1, 0, 1, 1, true,
           'succeeded', created_at, created_at, now() FROM ended"""
    async with asyncio.TaskGroup() as group:
        async with other_transaction(db, record):
            cancelled = group.create_task(delivery_actions.cancel(db, application_id, delivery_id))
        assert await cancelled is Cancelled.FINISHED
    assert await column(db, b"SELECT outcome FROM attempts") == [1]


async def test_many_cancellations_at_once_leave_one_final_attempt(db: database.Database, application_id: uuid.UUID) -> None:
    delivery_id = await rows.delivery(db, application_id)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(delivery_actions.cancel(db, application_id, delivery_id)) for _ in range(4)]
    assert sorted(task.result().name for task in tasks) == ["ENDED", "FINISHED", "FINISHED", "FINISHED"]
    assert await column(db, b"SELECT count(*) FROM attempts") == [1]


async def replayed(
    db: database.Database, application_id: uuid.UUID, event_id: uuid.UUID, **over: Any
) -> delivery_actions.Replayed:
    async with db.connection() as connection, connection.transaction():
        return await delivery_actions.replay(connection, application_id, event_id, **over)


async def test_a_replay_reaches_everybody_who_matches_now(db: database.Database, application_id: uuid.UUID) -> None:
    wanted = [
        await rows.subscription(db, application_id),
        await rows.subscription(db, application_id, patterns=("order.paid",)),
        await rows.subscription(db, application_id, patterns=("x.y", "order.*"), labels={"tenant": "a"}),
        await rows.subscription(db, application_id, labels={"tenant": "a", "x": "1"}),
    ]
    await rows.subscription(db, application_id, is_enabled=False)
    await rows.subscription(db, application_id, labels={"tenant": "b"})
    await rows.subscription(db, application_id, patterns=("order.refunded",))
    await rows.subscription(db, await rows.application(db))
    event_id = await rows.event(db, application_id, rows.ago(days=3), labels={"tenant": "a", "x": "1"}, payload=b"12345")
    for times in (1, 2):
        assert await replayed(db, application_id, event_id) == delivery_actions.Replayed(True, True, True, 4)
        made = await db.fetch(
            b"""SELECT array_agg(DISTINCT subscription_id), count(DISTINCT delivery_id)::int, count(DISTINCT attempt_id)::int,
                       array_agg(DISTINCT payload_size), array_agg(DISTINCT trigger), array_agg(DISTINCT attempt_number),
                       count(owner)::int, bool_and(event_day = %(day)b::date), bool_and(event_id = %(event)b::uuid)
                  FROM deliveries""",
            {"day": rows.ago(days=3).date(), "event": event_id},
        )
        assert made == [(sorted(wanted), 4 * times, 4 * times, [5], [3], [1], 0, True, True)]


async def test_a_replay_to_one_subscription_reaches_no_other(db: database.Database, application_id: uuid.UUID) -> None:
    chosen = await rows.subscription(db, application_id)
    other = await rows.subscription(db, application_id, labels={"a": "b"})
    event_id = await rows.event(db, application_id, event_id=uuid.uuid4(), keyed=True)
    assert (await replayed(db, application_id, event_id, only=chosen)).delivery_count == 1
    assert (await replayed(db, application_id, event_id, only=other)).delivery_count == 0
    assert await column(db, b"SELECT subscription_id FROM deliveries") == [chosen]


async def test_a_replay_that_cannot_be_says_why_and_stores_nothing(db: database.Database, application_id: uuid.UUID) -> None:
    event_id = await rows.event(db, application_id)
    disabled = await rows.subscription(db, application_id, is_enabled=False)
    deleted = await rows.subscription(db, application_id, is_enabled=False, deleted_at=rows.now())
    foreign = await rows.subscription(db, await rows.application(db))
    none = delivery_actions.Replayed(False, True, True, 0)
    assert await replayed(db, application_id, rows.id7()) == none
    assert await replayed(db, application_id, uuid.uuid4()) == none
    assert await replayed(db, application_id, event_id, only=disabled) == delivery_actions.Replayed(True, True, False, 0)
    for gone in (deleted, foreign, uuid.uuid4()):
        assert await replayed(db, application_id, event_id, only=gone) == delivery_actions.Replayed(True, False, False, 0)
    assert await column(db, b"SELECT count(*) FROM deliveries") == [0]


async def test_a_replay_to_very_many_becomes_a_broadcast(db: database.Database, application_id: uuid.UUID) -> None:
    for _ in range(4):
        await rows.subscription(db, application_id)
    event_id = await rows.event(db, application_id, payload=b"123")
    assert (await replayed(db, application_id, event_id, broadcast=4)).delivery_count == 4
    assert await column(db, b"SELECT count(*) FROM fanouts") == [0]
    assert (await replayed(db, application_id, event_id, broadcast=3)).delivery_count is None
    assert await column(db, b"SELECT count(*) FROM deliveries") == [4]
    facts = b"SELECT application_id, event_id, event_type, payload_size, trigger FROM fanouts"
    assert await db.fetch(facts) == [(application_id, event_id, "order.paid", 3, 3)]
