"""Which attempts say how quick deliveries are: first ones that sent something, by clocks that may disagree."""

import uuid
from typing import Any

import pytest

from hook0_server.delivery import counts
from hook0_server.model import delivery, outcome
from hook0_server.store import record

ID = uuid.uuid4()
RECEIVED_AT = 1_000_000.0


def held(**over: Any) -> delivery.Delivery:
    given = {
        "event_id_text": "",
        "event_type": "a.b",
        "content_type": "",
        "payload": b"",
        "owner": 1,
        "created_at": RECEIVED_AT,
    }
    ids = ("application_id", "delivery_id", "attempt_id", "subscription_id", "event_id")
    return delivery.Delivery(**{**dict.fromkeys(ids, ID), **given, **over})


def finished(after: float = 2.0, **over: Any) -> record.Finished:
    made: dict[str, Any] = {"outcome": int(outcome.Outcome.SUCCEEDED), "reason": "succeeded", "elapsed": 250_000, **over}
    return record.Finished(ID, ID, ID, finished_at=RECEIVED_AT + after, **made)


def test_a_first_request_says_how_long_the_event_took() -> None:
    attempts = counts.Attempts()
    attempts.add([finished(2.0), finished(4.0)], [held(), held()])
    assert (attempts.arrivals.cumulated()[-1], attempts.arrivals.total) == (2, 6.0)
    assert (attempts.requests.cumulated()[-1], attempts.requests.total) == (2, 0.5)


@pytest.mark.parametrize("other", [held(attempt_number=2), held(is_manual=True), None], ids=["a retry", "asked for", "fenced"])
def test_others_only_say_how_long_their_request_took(other: delivery.Delivery | None) -> None:
    attempts = counts.Attempts()
    attempts.add([finished()], [other])
    assert (attempts.arrivals.cumulated()[-1], attempts.requests.cumulated()[-1]) == (0, 1)


def test_what_ended_without_a_request_has_no_duration() -> None:
    attempts = counts.Attempts()
    attempts.add([finished(outcome=int(outcome.Outcome.CANCELLED), elapsed=None)], [held()])
    assert (attempts.arrivals.cumulated()[-1], attempts.requests.cumulated()[-1]) == (0, 0)
    assert attempts.outcomes[outcome.Outcome.CANCELLED] == 1


def test_clocks_that_differ_by_what_is_known_change_nothing() -> None:
    attempts = counts.Attempts()
    attempts.add([finished(3602.0)], [held()], 3600.0)
    assert attempts.arrivals.total == 2.0


def test_a_clock_that_is_behind_the_databases_takes_nothing_from_the_sum() -> None:
    attempts = counts.Attempts()
    attempts.add([finished(-5.0), finished(1.0)], [held(), held()])
    assert (attempts.arrivals.cumulated()[0], attempts.arrivals.total) == (1, 1.0)


def test_dead_letters_are_counted_by_reason_and_each_reason_begins_at_0() -> None:
    attempts = counts.Attempts()
    assert set(attempts.dead.values()) == {0}
    attempts.add([finished(dead=True, reason="max_age"), finished(reason="retrying")], [None, None])
    assert attempts.dead == {"retries_exhausted": 0, "max_age": 1, "event_gone": 0, "interrupted": 0}
