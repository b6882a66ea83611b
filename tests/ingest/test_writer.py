"""The writer: what waits becomes one statement, each event gets its own result, nobody fails because of a neighbour."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import rows
from writing import HandOver, event, gated, stored, writing

from hook0_server.ingest import queue, writer
from hook0_server.model import errors
from hook0_server.store import database, publish


def submit(into: writer.Writer, *events: publish.NewEvent, **how: bool) -> "asyncio.Task[list[writer.Result]]":
    return asyncio.ensure_future(into.submit(events[0].application_id, list(events), **how))


def is_new(result: writer.Result) -> bool:
    return isinstance(result, writer.Published) and not result.duplicate


async def test_a_single_event_goes_at_once_and_what_gathers_meanwhile_becomes_one_statement(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        first = submit(into, event(application_id))
        await gate.until(1)
        later = [submit(into, event(application_id)) for _ in range(20)]
        await asyncio.sleep(0)
        gate.open.set()
        results = [result for [result] in await asyncio.gather(first, *later)]
    assert all(map(is_new, results))
    assert [len(batch) for batch in gate.batches] == [1, 20]


async def test_a_whole_batch_that_waits_gets_a_second_writer(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_LATE_SECONDS", 60.0)
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        answers = [submit(into, event(application_id))]
        await gate.until(1)
        answers += [submit(into, event(application_id)) for _ in range(queue.BATCH_EVENTS + 1)]
        await gate.until(2)
        gate.open.set()
        await asyncio.gather(*answers)
    assert [len(batch) for batch in gate.batches] == [1, queue.BATCH_EVENTS, 1]


async def test_what_waits_for_long_gets_a_second_writer(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        answers = [submit(into, event(application_id))]
        await gate.until(1)
        answers.append(submit(into, event(application_id)))
        await gate.until(2)
        gate.open.set()
        await asyncio.gather(*answers)
    assert [len(batch) for batch in gate.batches] == [1, 1]


async def test_nothing_is_acknowledged_before_it_is_committed(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        answer = submit(into, event(application_id))
        await gate.until(1)
        assert not answer.done()
        assert await stored(db) == set()
        gate.open.set()
        [result] = await answer
        assert isinstance(result, writer.Published)
        assert await stored(db) == {uuid.UUID(result.event_id)}


async def test_results_come_in_the_order_of_the_events_over_several_statements(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch, shut=False)
    events = [event(application_id, event_id=uuid.uuid4()) for _ in range(1000)]
    events[3].event_type = events[700].event_type = "no.such"
    async with writing(db) as into:
        results = await into.submit(application_id, events)
    assert [at for at, result in enumerate(results) if isinstance(result, writer.Rejected)] == [3, 700]
    assert [result.event_id for result in results if isinstance(result, writer.Published)] == [
        each.event_id_text for each in events if each.event_type == rows.EVENT_TYPE
    ]
    assert max(map(len, gate.batches)) <= queue.BATCH_EVENTS


async def test_a_batch_is_written_in_one_order_whatever_order_it_came_in(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch, shut=False)
    events = [event(application_id, event_id=uuid.uuid4()) for _ in range(50)]
    async with writing(db) as into:
        await into.submit(application_id, events)
    [batch] = gate.batches
    keys = [(each.day, each.application_id, each.event_id) for each in batch]
    assert keys == sorted(keys)


async def test_repeats_in_one_batch_are_judged_after_the_first(db: database.Database) -> None:
    application_id = await rows.application(db)
    first = event(application_id)
    same, other = event(application_id, event_id=first.event_id), event(application_id, event_id=first.event_id, payload=b"[]")
    async with writing(db) as into:
        results = await into.submit(application_id, [first, same, other])
    assert is_new(results[0])
    assert isinstance(results[0], writer.Published)
    assert results[1] == writer.Published(first.event_id_text, results[0].received_at, True, None)
    assert isinstance(results[2], writer.Rejected)
    assert (results[2].reason, results[2].field) == ("EVENT_ID_REUSED", "event_id")


async def test_many_applications_may_use_the_same_event_id_at_once(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id is unique within its application only; that somebody else uses it too costs nobody an error."""
    applications = [await rows.application(db) for _ in range(7)]
    shared = rows.id7()
    gate = gated(monkeypatch)
    async with writing(db) as into:
        busy = [submit(into, event(applications[0]))]
        await gate.until(1)
        busy.append(submit(into, event(applications[0])))
        await gate.until(2)
        answers = [submit(into, event(each, event_id=shared)) for each in applications]
        await asyncio.sleep(0)
        gate.open.set()
        results = [result for [result] in await asyncio.gather(*answers, *busy)]
    assert all(map(is_new, results))


@pytest.mark.parametrize("id_of", [rows.id7, uuid.uuid4], ids=["version 7", "keyed"])
async def test_an_event_that_cannot_be_stored_is_refused_alone(db: database.Database, id_of: Callable[[], uuid.UUID]) -> None:
    application_id = await rows.application(db)
    events = [event(application_id, event_id=id_of()) for _ in range(9)]
    events[4].metadata = '{"broken": "\\u0000"}'  # what gets past the rules and jsonb refuses
    async with writing(db) as into:
        results = await into.submit(application_id, events)
    assert results[4] == writer.Rejected("FIELD_INVALID", "This event holds something that cannot be stored.", "event")
    assert sum(map(is_new, results)) == 8
    assert await stored(db) == {each.event_id for each in events if each is not events[4]}


async def test_a_contended_statement_is_tried_again(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application_id = await rows.application(db)
    real, refusals = publish.publish, iter([errors.Unavailable("DATABASE_UNAVAILABLE", "deadlock")] * 2)

    async def contended(*args: Any, **options: Any) -> publish.Stored:
        for refusal in refusals:
            raise refusal
        return await real(*args, **options)

    monkeypatch.setattr(publish, "publish", contended)
    async with writing(db) as into:
        [result] = await into.submit(application_id, [event(application_id)])
    assert is_new(result)


async def test_an_unknown_result_is_told_to_the_caller_and_to_delivery(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    hand_over = HandOver()

    async def cut(*_: Any, **__: Any) -> publish.Stored:
        raise database.ResultUnknown("DATABASE_UNAVAILABLE", "cut")

    async with writing(db, hand_over) as into:
        with monkeypatch.context() as patched:
            patched.setattr(publish, "publish", cut)
            with pytest.raises(errors.Unavailable):
                await into.submit(application_id, [event(application_id)])
        assert hand_over.unknown == 1
        [result] = await into.submit(application_id, [event(application_id)])
    assert is_new(result)


async def test_a_cancelled_caller_harms_nobody_and_its_event_is_stored(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    events = [event(application_id) for _ in range(3)]
    async with writing(db) as into:
        answers = [submit(into, each) for each in events]
        await gate.until(1)
        answers[1].cancel()
        gate.open.set()
        kept = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(kept[1], asyncio.CancelledError)
    assert await stored(db) == {each.event_id for each in events}


async def test_a_request_is_taken_whole_or_refused_whole(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application_id = await rows.application(db)
    monkeypatch.setattr(queue, "QUEUE_EVENTS", 500)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        answer = submit(into, *[event(application_id) for _ in range(1000)])
        await asyncio.sleep(0)
        gate.open.set()
        results: list[writer.Result] = []
        with contextlib.suppress(errors.QuotaExceeded):
            results = await answer
    assert len(await stored(db)) == sum(map(is_new, results))


async def test_a_patient_caller_waits_for_room_instead_of_being_refused(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    monkeypatch.setattr(queue, "QUEUE_EVENTS", 2)
    gate = gated(monkeypatch)
    async with writing(db) as into:
        answers = [submit(into, event(application_id), patient=True) for _ in range(12)]
        await gate.until(1)
        with pytest.raises(errors.QuotaExceeded):
            await into.submit(application_id, [event(application_id)])
        gate.open.set()
        results = [result for [result] in await asyncio.gather(*answers)]
    assert sum(map(is_new, results)) == 12


async def test_an_event_that_cannot_be_judged_now_fails_only_its_own_caller(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is still kept although its event was dropped with its day: neither stored nor a duplicate."""
    troubled, neighbour = await rows.application(db), await rows.application(db)
    torn = uuid.uuid4()
    await rows.insert(db, "event_keys", application_id=troubled, event_id=torn, day=rows.ago(days=300).date())
    gate = gated(monkeypatch)
    async with writing(db) as into:
        busy = submit(into, event(neighbour))
        await gate.until(1)
        answers = [submit(into, event(troubled, event_id=torn)), submit(into, event(neighbour))]
        gate.open.set()
        refused, [stored_too], _ = await asyncio.gather(*answers, busy, return_exceptions=True)  # type: ignore[misc]
    assert isinstance(refused, errors.Unavailable)
    assert is_new(stored_too)


async def test_leaving_writes_what_waits_and_what_is_being_written(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = await rows.application(db)
    gate = gated(monkeypatch)
    answers: list[asyncio.Task[list[writer.Result]]] = []
    async with asyncio.timeout(10), writing(db) as into:
        for number in range(1, 3):
            answers.append(submit(into, event(application_id)))
            await gate.until(number)
        answers.append(submit(into, event(application_id)))
        asyncio.get_running_loop().call_later(0.05, gate.open.set)
    assert [is_new(result) for [result] in await asyncio.wait_for(asyncio.gather(*answers), 1)] == [True] * 3


async def test_deliveries_are_handed_over_with_their_payload_and_the_rest_is_left_for_the_claimer(
    db: database.Database,
) -> None:
    application_id = await rows.application(db)
    subscriptions = {await rows.subscription(db, application_id) for _ in range(3)}
    closed = next(iter(subscriptions))
    hand_over = HandOver(closed=[closed])
    async with writing(db, hand_over) as into:
        [result] = await into.submit(application_id, [event(application_id, payload=b"[1]")])
        assert isinstance(result, writer.Published)
        assert result.delivery_count == 3
        assert {(each.subscription_id, each.payload, each.owner) for each in hand_over.taken} == {
            (each, b"[1]", 7) for each in subscriptions - {closed}
        }
        assert hand_over.unowned == 1
        hand_over.free, hand_over.taken = 0, []
        await into.submit(application_id, [event(application_id)])
        assert (hand_over.taken, hand_over.unowned) == ([], 2)
    owners = await db.fetch(b"SELECT owner, count(*) FROM deliveries GROUP BY owner ORDER BY owner")
    assert owners == [(7, 2), (None, 4)]
