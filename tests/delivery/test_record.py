"""The recorder: one statement for a batch, nothing lost by an outage or a neighbour, no trace of what was fenced."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

import pytest
import rows

from hook0_server.delivery import record
from hook0_server.model import errors
from hook0_server.model.outcome import Outcome
from hook0_server.store import database, record as stored_record

NODE = 7
RECORD = stored_record.record


class Recording:
    """A recorder of node 7, and what it said was recorded."""

    def __init__(self, db: database.Database, application_id: uuid.UUID) -> None:
        self.db, self.application_id = db, application_id
        self.recorded: list[stored_record.Finished] = []
        self.due_again = 0
        self.recorder = record.Recorder(db, node=lambda: NODE, recorded=self._recorded)

    def _recorded(self, batch: Sequence[stored_record.Finished], due_again: int) -> None:
        self.recorded += batch
        self.due_again += due_again

    async def held(self, **over: Any) -> uuid.UUID:
        return await rows.delivery(self.db, self.application_id, **{"owner": NODE, **over})

    def finished(self, delivery_id: uuid.UUID, **over: Any) -> stored_record.Finished:
        given = {"outcome": int(Outcome.SUCCEEDED), "reason": "succeeded", "finished_at": time.time(), **over}
        attempt_id = given.pop("attempt_id", delivery_id)
        return stored_record.Finished(self.application_id, delivery_id, attempt_id, **given)

    async def all(self, table: str) -> list[Any]:
        return await self.db.fetch(f"SELECT t.* FROM {table} t".encode())

    async def attempt(self, attempt_id: uuid.UUID, columns: str) -> Any:
        statement = f"SELECT {columns} FROM attempts WHERE attempt_id = %(id)b::uuid".encode()
        [found] = await self.db.fetch(statement, {"id": attempt_id})
        return found


@pytest.fixture
async def recording(db: database.Database) -> AsyncIterator[Recording]:
    made = Recording(db, await rows.application(db))
    async with made.recorder.running():
        yield made


async def drained(recording: Recording) -> None:
    async with asyncio.timeout(10):
        await recording.recorder.drained()


async def test_the_three_ends_of_an_attempt_each_in_its_place(recording: Recording) -> None:
    done, again, dead = [await recording.held(attempt_number=2) for _ in range(3)]
    following = rows.id7()
    recording.recorder.put(recording.finished(done, http_status=204, elapsed=1500, body=b"\0\xff", headers='{"a": "\\u0000"}'))
    failed = {"outcome": int(Outcome.HTTP_ERROR), "http_status": 500}
    recording.recorder.put(recording.finished(again, **failed, reason="retrying", delay=60.0, next_attempt_id=following))
    recording.recorder.put(recording.finished(dead, **failed, reason="retries_exhausted", dead=True))
    await drained(recording)
    [waiting] = await recording.db.fetch(
        b"SELECT delivery_id, attempt_id, owner, attempt_number::int, next_attempt_at - now() > interval '55 s' FROM deliveries"
    )
    assert waiting == (again, following, None, 3, True)
    [letter] = await recording.db.fetch(b"SELECT delivery_id, reason, attempt_number::int FROM dead_letters")
    assert letter == (dead, "retries_exhausted", 2)
    columns = "final, dead, reason, http_status::int, attempt_number::int, response_body, next_attempt_at IS NULL"
    assert await recording.attempt(done, columns) == (True, False, "succeeded", 204, 2, b"\0\xff", True)
    assert await recording.attempt(again, columns) == (False, False, "retrying", 500, 2, None, False)
    assert await recording.attempt(dead, columns) == (True, True, "retries_exhausted", 500, 2, None, True)
    assert {each.delivery_id for each in recording.recorded} == {done, again, dead}


async def test_what_ended_is_recorded_the_same_whether_or_not_others_of_its_batch_go_on(recording: Recording) -> None:
    """They are different statements."""
    answer = {"http_status": 202, "elapsed": 1500, "revision": 3, "picked_at": 1e9, "finished_at": 1e9 + 1, "body": b"\0\xff"}
    ends = [
        {**answer, "headers": '{"a": "b"}', "headers_truncated": True},
        {**answer, "body_truncated": True},
        {"outcome": int(Outcome.CANCELLED), "reason": "cancelled", "error_message": "why", "finished_at": 1e9},
    ]
    held = {"attempt_number": 2, "takeover_count": 1, "trigger": 2, "attempt_id": rows.id7(), "event_day": date(2001, 9, 9)}
    held |= {"created_at": rows.ago(hours=2), "attempt_created_at": rows.ago(hours=1)}
    event_id, subscription_id = rows.id7(), rows.id7()
    for goes_on in (False, True):
        for end in ends:
            delivery_id = await recording.held(event_id=event_id, subscription_id=subscription_id, **held)
            recording.recorder.put(recording.finished(delivery_id, attempt_id=held["attempt_id"], **end))
        if goes_on:
            again = {"outcome": 2, "reason": "retrying", "delay": 60.0, "next_attempt_id": rows.id7()}
            recording.recorder.put(recording.finished(await recording.held(), **again))
        await drained(recording)
    own = "'{recorded_at,recorded_xid,delivery_id}'::text[]"
    kept = await recording.db.fetch(f"SELECT to_jsonb(a) - {own} FROM attempts a WHERE final ORDER BY recorded_at".encode())
    assert len(kept) == 2 * len(ends)
    alone, beside = kept[: len(ends)], kept[len(ends) :]
    assert sorted(map(str, alone)) == sorted(map(str, beside))
    assert {row["reason"] for (row,) in alone} == {"succeeded", "cancelled"}
    assert [row["headers_truncated"] for (row,) in alone].count(True) == 1


async def test_what_waits_becomes_one_batch_of_at_most_its_limit(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    async def noted(hot: database.Hot, node: int, batch: Sequence[stored_record.Finished]) -> tuple[int, int]:
        sizes.append(len(batch))
        return await RECORD(hot, node, batch)

    monkeypatch.setattr(stored_record, "record", noted)
    for delivery_id in [rows.id7() for _ in range(record.BATCH + 100)]:
        recording.recorder.put(recording.finished(delivery_id))
    await drained(recording)
    assert sizes == [record.BATCH, 100]


@pytest.mark.parametrize(
    "fenced",
    [{"owner": NODE + 1}, {"owner": None}, {"owner": 0}, {"attempt_id": uuid.UUID(int=9)}],
    ids=["another node's", "nobody's", "parked", "another attempt"],
)
async def test_what_was_fenced_leaves_no_trace_and_its_neighbour_is_recorded(
    recording: Recording, fenced: dict[str, Any]
) -> None:
    lost = [await recording.held(**fenced) for _ in range(1)]
    lost += [await recording.held(**{**fenced, **({"attempt_id": uuid.UUID(int=10)} if "attempt_id" in fenced else {})})]
    lost += [rows.id7()]  # gone altogether
    before = await recording.all("deliveries")
    good = await recording.held()
    recording.recorder.put(recording.finished(lost[0]))
    recording.recorder.put(recording.finished(lost[1], delay=5.0, next_attempt_id=rows.id7(), outcome=2, reason="retrying"))
    recording.recorder.put(recording.finished(lost[2], dead=True, outcome=2, reason="max_age"))
    recording.recorder.put(recording.finished(good))
    await drained(recording)
    assert await recording.all("deliveries") == before
    assert await recording.all("dead_letters") == []
    assert [each[0] for each in await recording.db.fetch(b"SELECT attempt_id FROM attempts")] == [good]
    assert len(recording.recorded) == 4  # memory forgets them: somebody else has them now


@pytest.mark.parametrize("fenced", [{"owner": NODE + 1}, {"owner": None}, {"attempt_id": uuid.UUID(int=9)}])
async def test_what_was_fenced_leaves_no_trace_where_all_ended(recording: Recording, fenced: dict[str, Any]) -> None:
    lost, good = await recording.held(**fenced), await recording.held()
    before = await recording.all("deliveries")
    for delivery_id in (lost, good, rows.id7()):
        recording.recorder.put(recording.finished(delivery_id))
    await drained(recording)
    assert [row[1] for row in before] == [lost, good]
    assert await recording.all("deliveries") == [row for row in before if row[1] == lost]
    assert [each[0] for each in await recording.db.fetch(b"SELECT attempt_id FROM attempts")] == [good]
    assert recording.recorder.fenced == 2


async def test_an_attempt_that_cannot_be_stored_is_recorded_as_a_protocol_error_and_its_neighbours_as_they_were(
    recording: Recording,
) -> None:
    deliveries = [await recording.held() for _ in range(9)]
    for at, delivery_id in enumerate(deliveries):
        message = "a\0b" if at == 4 else "plain"  # what no receiver should be able to bring this far
        recording.recorder.put(recording.finished(delivery_id, error_message=message, body=b"kept"))
    await drained(recording)
    columns = "outcome::int, error_message, response_body, body_truncated"
    for at, delivery_id in enumerate(deliveries):
        outcome, message, body, truncated = await recording.attempt(delivery_id, columns)
        if at == 4:
            assert (outcome, body, truncated) == (Outcome.PROTOCOL_ERROR, None, True)
            assert "cannot be stored" in message
        else:
            assert (outcome, message, body) == (Outcome.SUCCEEDED, "plain", b"kept")
    assert await recording.all("deliveries") == []
    assert len(recording.recorded) == 9


async def test_an_outage_only_delays(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the statement was committed and only its answer was lost."""
    away = iter(["before", "before", "after"])

    async def cut(hot: database.Hot, node: int, batch: Sequence[stored_record.Finished]) -> tuple[int, int]:
        when = next(away, None)
        answer = (0, 0) if when == "before" else await RECORD(hot, node, batch)
        if when is not None:
            raise database.ResultUnknown("DATABASE_UNAVAILABLE", "cut")
        return answer

    monkeypatch.setattr(stored_record, "record", cut)
    delivery_id = await recording.held()
    recording.recorder.put(recording.finished(delivery_id))
    await drained(recording)
    assert [each.delivery_id for each in recording.recorded] == [delivery_id]
    assert len(await recording.all("attempts")) == 1
    assert await recording.all("deliveries") == []
    assert next(away, "none left") == "none left"


async def test_what_comes_while_the_database_is_away_is_recorded_after_it(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, asked = asyncio.Event(), asyncio.Event()

    async def away(hot: database.Hot, node: int, batch: Sequence[stored_record.Finished]) -> tuple[int, int]:
        asked.set()
        if not back.is_set():
            raise errors.Unavailable("DATABASE_UNAVAILABLE", "away")
        return await RECORD(hot, node, batch)

    monkeypatch.setattr(stored_record, "record", away)
    for _ in range(3):
        recording.recorder.put(recording.finished(await recording.held()))
        await asyncio.wait_for(asked.wait(), 5)
    back.set()
    await drained(recording)
    assert len(await recording.all("attempts")) == 3


async def test_a_retry_of_what_was_cancelled_meanwhile_is_due_at_once(recording: Recording) -> None:
    cancelled, other = await recording.held(cancel_requested=True), await recording.held()
    for delivery_id in (cancelled, other):
        recording.recorder.put(
            recording.finished(delivery_id, outcome=2, reason="retrying", delay=3600.0, next_attempt_id=rows.id7())
        )
    await drained(recording)
    due = await recording.db.fetch(b"SELECT delivery_id FROM deliveries WHERE next_attempt_at <= now()")
    assert due == [(cancelled,)]
    assert recording.due_again == 1


async def test_a_retry_of_a_disabled_subscription_is_parked(recording: Recording) -> None:
    delivery_id = await recording.held()
    recording.recorder.put(
        recording.finished(delivery_id, outcome=2, reason="retrying", delay=5.0, next_attempt_id=rows.id7(), parked=True)
    )
    await drained(recording)
    assert await recording.db.fetch(b"SELECT owner FROM deliveries") == [(0,)]


async def test_nothing_is_recorded_while_somebody_else_has_the_turn(recording: Recording) -> None:
    """Whoever changes the node's number takes the turn first."""
    delivery_id = await recording.held()
    async with recording.recorder.turn:
        recording.recorder.put(recording.finished(delivery_id))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(recording.recorder.drained(), 0.1)
        assert recording.recorded == []
    await drained(recording)
    assert len(recording.recorded) == 1
