import pytest

from hook0_server.model import quotas


def test_the_narrower_ones_that_are_set_go_first_zero_among_them() -> None:
    own = quotas.Quotas(subscriptions=0, event_types=5)
    wider = quotas.Quotas(subscriptions=10, members=3)
    assert own.within(wider) == quotas.Quotas(subscriptions=0, event_types=5, members=3)
    assert quotas.Quotas().within(wider) == wider
    assert wider.of_application() == quotas.Quotas(subscriptions=10)


def test_what_is_stored_is_read_back_and_what_a_newer_server_wrote_is_left_out() -> None:
    every = quotas.Quotas(*range(1, 7))
    assert quotas.Quotas.stored(every.set_ones()) == every
    assert quotas.Quotas.stored({"events_per_day": 5, "of_tomorrow": 7}) == quotas.Quotas(events_per_day=5)
    assert set(quotas.BOUNDS) == set(quotas.NAMES)


@pytest.mark.parametrize(
    ("used", "limit", "near"), [(7, 10, False), (8, 10, True), (11, 10, True), (0, 1, False), (0, 0, True)]
)
def test_four_fifths_are_near(used: int, limit: int, near: bool) -> None:
    assert quotas.is_near(used, limit) is near


def test_a_refusal_says_when_time_helps_and_only_then() -> None:
    refusal = quotas.refusal("events_per_day", 5, retry_after=60.0)
    assert (refusal.reason, refusal.retry_after) == ("QUOTA_EXCEEDED", 60.0)
    assert "5 events per day" in refusal.message
    assert "day ends" in refusal.message
    other = quotas.refusal("subscriptions", 7)
    assert (other.retry_after, other.metadata) == (None, {"quota": "subscriptions", "limit": "7"})
    assert "day" not in other.message
