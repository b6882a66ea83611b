"""The ring is bounded, and says when somebody fell behind it."""

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta

from hook0_server.model import cursors
from hook0_server.store import attempts
from hook0_server.watch import ring

NOW = datetime(2026, 7, 1, tzinfo=UTC)
START = cursors.Cursor(uuid.UUID(int=1), uuid.UUID(int=2), 10, uuid.UUID(int=5), NOW)


def attempt(xid: int, number: int, error_message: str | None = None) -> attempts.Attempt:
    some = uuid.UUID(int=number)
    values = {each.name: some for each in dataclasses.fields(attempts.Attempt)}
    others = {"recorded_xid": xid, "recorded_at": NOW + timedelta(seconds=number), "event_type": "a.b"}
    return attempts.Attempt(**{**values, **others, "error_message": error_message})  # type: ignore[arg-type]


def after(row: attempts.Attempt) -> cursors.Cursor:
    return dataclasses.replace(START, xid=row.recorded_xid, attempt_id=row.attempt_id)


def test_what_follows_a_position_comes_in_order_and_no_more_than_asked_for() -> None:
    rows = [attempt(11, 1), attempt(11, 2), attempt(12, 1)]
    shared = ring.Ring(START)
    shared.add(rows, after(rows[-1]))
    assert shared.after(START.position, 10) == rows
    assert shared.after(START.position, 2) == rows[:2]
    assert shared.after((11, uuid.UUID(int=1)), 10) == rows[1:]
    assert shared.after((12, uuid.UUID(int=1)), 10) == []
    assert shared.after((99, uuid.UUID(int=1)), 10) == []
    assert shared.oldest_after((11, uuid.UUID(int=1))) == NOW + timedelta(seconds=1)
    assert shared.oldest_after((12, uuid.UUID(int=1))) is None


def test_before_its_beginning_it_says_that_it_does_not_know() -> None:
    assert ring.Ring(START).after((10, uuid.UUID(int=4)), 10) is None
    assert ring.Ring(START).after(START.position, 10) == []


def test_the_oldest_rows_make_room_and_nothing_is_missing_after_the_new_beginning() -> None:
    shared = ring.Ring(START, most_rows=8)
    for number in range(30):
        row = attempt(20, number)
        shared.add([row], after(row))
        rows = shared.after(shared.begin, 100)
        assert rows is not None
        assert len(rows) <= 8
        assert [each.attempt_id.int for each in rows] == list(range(number + 1 - len(rows), number + 1))
    assert shared.begin > (20, uuid.UUID(int=20))
    assert shared.after((20, uuid.UUID(int=0)), 10) is None


def test_it_is_bounded_by_bytes_too() -> None:
    shared = ring.Ring(START, most_bytes=100_000)
    for number in range(30):
        row = attempt(20, number, "x" * 5_000)
        shared.add([row], after(row))
    rows = shared.after(shared.begin, 100)
    assert rows is not None
    assert 1 <= len(rows) <= 5
    huge = attempt(21, 1, "x" * 100_000)
    shared.add([huge], after(huge))
    assert shared.after(shared.begin, 100) == []
    assert shared.begin == (21, uuid.UUID(int=1))
