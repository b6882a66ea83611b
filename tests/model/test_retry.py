"""When a failed delivery is tried again: Hook0's schedule to the second, and a subscription's own policy."""

import pytest
from hypothesis import given, strategies

from hook0_server.model import retry

HOUR = 3_600.0
BASES = [3, 10, 180, 1_800, HOUR, 3 * HOUR, 5 * HOUR] + [10 * HOUR] * 17


def test_hook0s_schedule_without_jitter_is_seven_and_a_half_days() -> None:
    delays = [retry.next_delay(retry.HOOK0_SCHEDULE, number, 0.0) for number in range(1, 25)]
    assert delays == BASES
    assert sum(BASES) == 646_393


def test_hook0s_schedule_with_the_most_jitter_is_eight_days_at_most() -> None:
    delays = [retry.next_delay(retry.HOOK0_SCHEDULE, number, 1.0) for number in range(1, 25)]
    assert delays[:4] == [5, 12, 198, 1_980]  # at least 2 s, else a tenth
    assert delays[-1] == 10 * HOUR + 900  # at most 15 minutes
    assert sum(delay or 0 for delay in delays) == 664_055


def test_there_is_no_25th_retry() -> None:
    assert retry.next_delay(retry.HOOK0_SCHEDULE, 25, 0.5) is None
    assert retry.plan(retry.HOOK0_SCHEDULE, 25, age=0, random=0) is retry.GaveUp.RETRIES
    assert retry.next_delay(retry.Policy(max_retries=0), 1, 0.0) is None


def test_own_delays_are_kept_to_the_second_and_the_last_one_repeats() -> None:
    policy = retry.Policy(delays=(1.0, 5.0), max_retries=4)
    assert [retry.next_delay(policy, number, 0.999) for number in range(1, 6)] == [1, 5, 5, 5, None]


def test_own_jitter_is_a_share_of_the_delay_and_no_floor() -> None:
    policy = retry.Policy(delays=(1.0,), jitter_ratio=0.5)
    assert retry.next_delay(policy, 1, 1.0) == 1.5


def test_hook0s_jitter_can_be_switched_off() -> None:
    policy = retry.Policy(jitter_floor=2.0, jitter_ratio=0.0)
    assert retry.next_delay(policy, 1, 1.0) == 3


def test_a_backoff_grows_to_its_maximum_and_never_overflows() -> None:
    policy = retry.Policy(backoff=retry.Backoff(2.0, 3.0, 50.0), max_retries=100_000)
    assert [retry.next_delay(policy, number, 0.0) for number in (1, 2, 3, 4, 99_999)] == [2, 6, 18, 50, 50]


def test_a_retry_after_lengthens_a_delay_and_never_shortens_it() -> None:
    assert retry.next_delay(retry.HOOK0_SCHEDULE, 1, 0.0, 60.0) == 60
    assert retry.next_delay(retry.HOOK0_SCHEDULE, 3, 0.0, 60.0) == 180
    assert retry.next_delay(retry.HOOK0_SCHEDULE, 1, 0.0, 1e9) == 36_000


def test_a_retry_past_max_age_is_given_up() -> None:
    policy = retry.Policy(delays=(10.0,), max_age=100.0)
    assert retry.plan(policy, 1, age=90.0, random=0) == 10
    assert retry.plan(policy, 1, age=90.1, random=0) is retry.GaveUp.MAX_AGE
    assert retry.plan(policy, 1, age=50.0, random=0, retry_after=51.0) is retry.GaveUp.MAX_AGE
    assert retry.plan(retry.Policy(delays=(10.0,)), 1, age=1e9, random=0) == 10


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("36001", 36_000),
        ("9" * 5_000, 36_000),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120),
        ("Tue, 14 Nov 2023 22:15:20 -0000", 120),
        ("Tue, 14 Nov 2023 21:15:20 GMT", 0),
        ("Tue, 14 Nov 2033 22:15:20 GMT", 36_000),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Tue, 99 Nov 2023 22:15:20 GMT", None),
        ("Tue, 14 Nov 99999999999999999999 22:15:20 GMT", None),
    ],
)
def test_retry_after_is_whole_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry.parse_retry_after(value, 1_700_000_000) == seconds


@given(strategies.text())
def test_no_text_breaks_the_reading_of_retry_after(value: str) -> None:
    seconds = retry.parse_retry_after(value, 1_700_000_000)
    assert seconds is None or 0 <= seconds <= 36_000
