"""What is shown to all who watch is made once, bounded, and never another application's."""

import dataclasses
import uuid
from datetime import UTC, datetime
from typing import Any

from hook0_server.api import convert, shown_attempts
from hook0_server.store import attempts


def attempt(number: int, application: int = 1) -> attempts.Attempt:
    values: dict[str, Any] = {each.name: None for each in dataclasses.fields(attempts.Attempt)}
    ids = {name: uuid.UUID(int=number) for name in values if name.endswith("_id")}
    times = {name: datetime(2026, 7, 1, tzinfo=UTC) for name in values if name.endswith("_at")}
    others = {"event_type": "a.b", "attempt_number": number, "trigger": 1, "outcome": 1, "final": True, "takeover_count": 0}
    return attempts.Attempt(**values | ids | times | others | {"application_id": uuid.UUID(int=application)})


def test_one_that_was_made_is_taken_again_and_is_what_it_was() -> None:
    shown = shown_attempts.ShownAttempts()
    first = shown.of(attempt(1))
    assert shown.of(attempt(1)) is first
    assert first == convert.attempt(attempt(1))


def test_the_same_id_in_another_application_is_another_attempt() -> None:
    shown = shown_attempts.ShownAttempts()
    shown.of(attempt(1))
    assert shown.of(attempt(1, application=2)).application_id == str(uuid.UUID(int=2))


def test_the_oldest_make_room() -> None:
    shown = shown_attempts.ShownAttempts(most=2)
    first, second = shown.of(attempt(1)), shown.of(attempt(2))
    shown.of(attempt(3))
    assert shown.of(attempt(2)) is second
    assert shown.of(attempt(1)) is not first
