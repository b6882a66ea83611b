"""What holds of every retry policy, whatever its numbers are."""

import datetime
import email.utils

from hypothesis import given, strategies as st

from hook0_server.model import retry

SECONDS = st.floats(0.0, 1e6, allow_nan=False)
RANDOM = st.floats(0.0, 1.0, exclude_max=True)
NUMBERS = st.integers(1, 100_000)
NOW = 1_700_000_000.0


@st.composite
def policies(draw: st.DrawFn) -> retry.Policy:
    floor = draw(st.floats(0.0, 100.0))
    spread = {
        "max_retries": draw(st.integers(0, 100_000)),
        "max_age": draw(st.none() | SECONDS),
        "jitter_ratio": draw(st.floats(0.0, 1.0)),
        "jitter_floor": floor,
        "jitter_ceiling": draw(st.floats(floor, 1e4)),
    }
    if draw(st.booleans()):
        return retry.Policy(delays=tuple(draw(st.lists(SECONDS, min_size=1, max_size=30))), **spread)
    return retry.Policy(backoff=retry.Backoff(draw(SECONDS), draw(st.floats(1.0, 1e6)), draw(SECONDS)), **spread)


@given(policies(), NUMBERS, RANDOM)
def test_jitter_only_adds_and_at_most_what_the_policy_says(policy: retry.Policy, number: int, random: float) -> None:
    least, delay, most = (retry.next_delay(policy, number, each) for each in (0.0, random, 1.0))
    if number > policy.max_retries:
        assert (least, delay, most) == (None, None, None)
        return
    assert least is not None
    assert delay is not None
    assert most is not None
    assert 0.0 <= least <= delay <= most
    most_spread = min(max(policy.jitter_ratio * least, policy.jitter_floor), policy.jitter_ceiling)
    assert most - least <= most_spread * (1 + 1e-9) + 1e-6
    if policy.backoff is not None:
        assert least <= policy.backoff.maximum
    if policy.delays is not None:
        assert least == (policy.delays[number - 1] if number <= len(policy.delays) else policy.delays[-1])


@given(policies(), NUMBERS)
def test_a_backoff_never_shrinks(policy: retry.Policy, number: int) -> None:
    earlier, later = retry.next_delay(policy, number, 0.0), retry.next_delay(policy, number + 1, 0.0)
    if policy.backoff is not None and earlier is not None and later is not None:
        assert earlier <= later


@given(policies(), NUMBERS, RANDOM, st.floats(0.0, 1e9))
def test_a_retry_after_lengthens_to_itself_or_ten_hours_and_buys_no_retry(
    policy: retry.Policy, number: int, random: float, wish: float
) -> None:
    plain, wished = retry.next_delay(policy, number, random), retry.next_delay(policy, number, random, wish)
    assert wished == (None if plain is None else max(plain, min(wish, 36_000.0)))


@given(policies(), NUMBERS, RANDOM, SECONDS)
def test_what_is_planned_comes_within_max_age_or_not_at_all(
    policy: retry.Policy, number: int, random: float, age: float
) -> None:
    delay, planned = retry.next_delay(policy, number, random), retry.plan(policy, number, age=age, random=random)
    if delay is None:
        assert planned is retry.GaveUp.RETRIES
    elif policy.max_age is not None and age + delay > policy.max_age:
        assert planned is retry.GaveUp.MAX_AGE
    else:
        assert planned == delay


@given(st.integers(0, 10**12), st.sampled_from(["", " ", "\t"]))
def test_seconds_are_read_up_to_ten_hours(seconds: int, space: str) -> None:
    assert retry.parse_retry_after(f"{space}{seconds}{space}", NOW) == min(seconds, 36_000)


@given(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(9990, 1, 1)))  # noqa: DTZ001
def test_a_date_is_read_as_the_time_until_then(at: datetime.datetime) -> None:
    moment = at.replace(microsecond=0, tzinfo=datetime.UTC)
    expected = min(max(moment.timestamp() - NOW, 0.0), 36_000.0)
    assert retry.parse_retry_after(email.utils.format_datetime(moment, usegmt=True), NOW) == expected
