from typing import Any

import grpc
import pytest

from hook0_client import backoff, errors

AWAY = errors.unavailable("away")
FULL = errors.QuotaExceeded(grpc.StatusCode.RESOURCE_EXHAUSTED, "INGESTION_QUEUE_FULL", "full", retry_after=1)
TOO_LARGE = errors.QuotaExceeded(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "message larger than max")
REVOKED = errors.Unauthenticated(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REVOKED", "revoked")


def test_waits_double_up_to_a_bound_and_are_spread() -> None:
    assert [backoff.delay(failures, None, 0.999999) for failures in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.4], rel=0.01)
    assert backoff.delay(1, None, 0.0) == 0.05
    assert 2.5 <= backoff.delay(10_000, None, 0.0) <= backoff.MAXIMUM


def test_the_server_may_ask_for_longer_but_not_for_ever() -> None:
    assert backoff.delay(1, 7.0, 0.5) == 7.0
    assert backoff.delay(1, 0.001, 0.0) == 0.05
    assert backoff.delay(1, 1e9, 0.5) == backoff.MAX_RETRY_AFTER


def test_what_is_transient_is_tried_again_without_end_and_what_is_not_never() -> None:
    reconnection = backoff.Reconnection(clock=lambda: 0.0, randomness=lambda: 0.0)
    for _ in range(1000):
        reconnection.failed(AWAY)
        reconnection.failed(FULL)
    with pytest.raises(errors.Unauthenticated):
        reconnection.failed(REVOKED)


@pytest.mark.parametrize("error", [errors.fault("?"), TOO_LARGE])
def test_a_fault_is_tried_a_few_times_and_progress_starts_anew(error: Any) -> None:
    reconnection = backoff.Reconnection(randomness=lambda: 0.0)
    for _ in range(2):
        for _ in range(backoff.MAX_FAULTS - 1):
            reconnection.failed(error)
        reconnection.progressed()
    for _ in range(backoff.MAX_FAULTS - 1):
        reconnection.failed(error)
    with pytest.raises(type(error)):
        reconnection.failed(error)


def test_patience_is_counted_from_the_first_failure_since_progress() -> None:
    now = 0.0
    reconnection = backoff.Reconnection(10.0, clock=lambda: now, randomness=lambda: 0.0)
    reconnection.failed(AWAY)
    now = 9.0
    reconnection.progressed()
    reconnection.failed(AWAY)
    now = 18.9
    reconnection.failed(AWAY)
    now = 19.0
    with pytest.raises(errors.Unavailable):
        reconnection.failed(AWAY)
