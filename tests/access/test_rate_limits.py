import pytest

from hook0_server.access import rate_limits
from hook0_server.model import errors


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: rate_limits.Buckets, key: str, tries: int = 1000) -> int:
    """How many of so many tries at once succeed."""
    return sum(buckets.take(key) == 0 for _ in range(tries))


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    clock = Clock()
    buckets = rate_limits.Buckets(10, 20, clock=clock)
    assert taken(buckets, "a") == 20
    for _ in range(5):
        clock.now += 0.1
        assert taken(buckets, "a") == 1
    clock.now += 1
    assert taken(buckets, "a") == 10
    clock.now += 3600
    assert taken(buckets, "a") == 20


def test_a_refusal_costs_nothing_and_says_when_there_is_a_token() -> None:
    clock = Clock()
    buckets = rate_limits.Buckets(4, 1, clock=clock)
    assert buckets.take("a") == 0
    for _ in range(100):
        assert buckets.take("a") == pytest.approx(0.25)
    clock.now += 0.15
    assert buckets.take("a") == buckets.wait("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert buckets.take("a") == 0


def test_each_key_has_its_own() -> None:
    buckets = rate_limits.Buckets(10, 20, clock=Clock())
    assert (taken(buckets, "a"), taken(buckets, "b")) == (20, 20)


def test_looking_takes_nothing_and_keeps_nothing() -> None:
    buckets = rate_limits.Buckets(10, 20, clock=Clock())
    assert [buckets.wait("a") for _ in range(100)] == [0] * 100
    assert len(buckets) == 0
    assert taken(buckets, "a") == 20


def test_what_is_owed_comes_first_and_is_bounded() -> None:
    clock = Clock()
    buckets = rate_limits.Buckets(1, 20, clock=clock)
    for _ in range(30):
        buckets.charge("a")
    assert buckets.wait("a") == pytest.approx(11)
    for _ in range(1000):
        buckets.charge("a")
    assert buckets.wait("a") == pytest.approx(21)
    clock.now += 40
    assert taken(buckets, "a") == 20


def test_memory_is_bounded() -> None:
    buckets = rate_limits.Buckets(10, 20, clock=Clock(), most=100)
    for number in range(1000):
        buckets.take(str(number))
        buckets.charge(f"charged {number}")
    assert len(buckets) == 100


def test_a_flood_of_others_does_not_refill_who_is_busy() -> None:
    buckets = rate_limits.Buckets(10, 20, clock=Clock(), most=100)
    assert taken(buckets, "busy") == 20
    for number in range(1000):
        buckets.take(str(number))
        if number % 50 == 0:
            assert buckets.take("busy") > 0


def test_who_comes_round_through_many_keys_gains_nothing_by_being_forgotten() -> None:
    """More keys than places, each used up in turn: in all there is not more to take than the places hold."""
    buckets = rate_limits.Buckets(10, 20, clock=Clock(), most=100)
    assert sum(taken(buckets, str(number % 300), tries=25) for number in range(3000)) == 100 * 20


def test_the_place_of_one_that_was_quiet_for_long_is_a_full_bucket() -> None:
    clock = Clock()
    buckets = rate_limits.Buckets(10, 20, clock=clock, most=1)
    assert taken(buckets, "a") == 20
    clock.now += 2
    assert taken(buckets, "b") == 20


def test_a_rate_of_0_limits_nothing_and_keeps_nothing() -> None:
    buckets = rate_limits.Buckets(0, 0, clock=Clock())
    for _ in range(10):
        buckets.charge("a")
    assert taken(buckets, "a") == 1000
    assert (buckets.wait("a"), len(buckets)) == (0, 0)


def test_a_rate_below_one_still_lets_one_through() -> None:
    clock = Clock()
    limits = rate_limits.RateLimits(failures_per_minute=1, clock=clock)
    limits.may_try("a")
    limits.failed("a")
    with pytest.raises(errors.QuotaExceeded) as caught:
        limits.may_try("a")
    assert caught.value.retry_after == pytest.approx(60)


def test_each_limit_is_refused_with_its_name_and_a_time_to_come_back() -> None:
    limits = rate_limits.RateLimits(per_credential=10_000, per_address=5, failures_per_minute=60, clock=Clock())
    for _ in range(20_000):
        limits.called_by("c")
    for _ in range(10):
        limits.called_from("192.0.2.7")
    for _ in range(20):
        limits.may_try(("192.0.2.7", "somebody@example.com"))
        limits.failed(("192.0.2.7", "somebody@example.com"))
    refused = []
    for ask in (
        lambda: limits.called_by("c"),
        lambda: limits.called_from("192.0.2.7"),
        lambda: limits.may_try(("192.0.2.7", "somebody@example.com")),
    ):
        with pytest.raises(errors.QuotaExceeded) as caught:
            ask()
        assert caught.value.reason == "RATE_LIMITED"
        refused.append((dict(caught.value.metadata), round(caught.value.retry_after or 0, 3)))
    assert refused == [
        ({"limit": "credential"}, 0.1),  # not the 0.1 ms until the next token
        ({"limit": "address", "address": "192.0.2.7"}, 0.2),
        ({"limit": "failure"}, 1),
    ]
    limits.may_try("192.0.2.7")
    limits.called_from(None)


@pytest.mark.parametrize(
    ("source_ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80:x", "fe80:x"),
        (None, None),
    ],
)
def test_an_address_is_counted_with_all_that_its_holder_has(source_ip: str | None, network: str | None) -> None:
    assert rate_limits.network(source_ip) == network
