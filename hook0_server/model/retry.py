"""When a failed delivery is tried again, and when it is given up. Pure: age and randomness are arguments.

Source of the default: Hook0's schedule (3 s, 10 s, 3 min, 30 min, 1 h, 3 h, 5 h, then every 10 h; 24 retries), its
jitter and its reading of Retry-After. All times are in seconds.
"""

import dataclasses
import datetime
import email.utils
import enum
import math

RETRY_AFTER_MAX = 36_000.0
"""A receiver may ask for no more than ten hours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Backoff:
    """The n-th delay is initial * factor^(n-1), at most `maximum`."""

    initial: float
    factor: float
    maximum: float


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """`delays` (the last one repeats) or `backoff`; with neither, Hook0's delays. `max_age` None: no limit.

    Jitter is added, uniform in [0, spread]; spread is jitter_ratio * delay, held between floor and ceiling.
    """

    delays: tuple[float, ...] | None = None
    backoff: Backoff | None = None
    max_retries: int = 24
    max_age: float | None = None
    jitter_ratio: float = 0.0
    jitter_floor: float = 0.0
    jitter_ceiling: float = math.inf


HOOK0_SCHEDULE = Policy(
    delays=(3.0, 10.0, 180.0, 1_800.0, 3_600.0, 10_800.0, 18_000.0, 36_000.0),
    jitter_ratio=0.1,
    jitter_floor=2.0,
    jitter_ceiling=900.0,
)


class GaveUp(enum.Enum):
    """Why there is no further try; the value is a sentence for people."""

    RETRIES = "every retry of the policy was used"
    MAX_AGE = "the next retry would come after the policy's max_age"


def next_delay(policy: Policy, retry_number: int, random: float, retry_after: float | None = None) -> float | None:
    """Seconds until retry `retry_number` (from 1), or None when the policy allows no such retry.

    `random` is uniform in [0, 1). `retry_after` is the receiver's wish: it lengthens a delay, never shortens it, and
    never changes how many retries there are.
    """
    if retry_number > policy.max_retries:
        return None
    base = _base(policy, retry_number)
    return max(base + random * _spread(policy, base), min(retry_after or 0.0, RETRY_AFTER_MAX))


def plan(policy: Policy, retry_number: int, *, age: float, random: float, retry_after: float | None = None) -> float | GaveUp:
    """`next_delay`, held against the delivery's age (seconds since it was created)."""
    delay = next_delay(policy, retry_number, random, retry_after)
    if delay is None:
        return GaveUp.RETRIES
    if policy.max_age is not None and age + delay > policy.max_age:
        return GaveUp.MAX_AGE
    return delay


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds from `now` (Unix time) that a Retry-After header asks for; None when it says nothing readable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        # More digits than this is past the cap anyway, and int() refuses very long ones.
        return RETRY_AFTER_MAX if len(text) > 9 else min(float(text), RETRY_AFTER_MAX)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000" and a missing zone both mean UTC in HTTP
            moment = moment.replace(tzinfo=datetime.UTC)
        return min(max(moment.timestamp() - now, 0.0), RETRY_AFTER_MAX)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # a header nobody can read is as good as none


def _base(policy: Policy, retry_number: int) -> float:
    if policy.backoff is not None:
        return _grown(policy.backoff, retry_number)
    delays = policy.delays or HOOK0_SCHEDULE.delays or ()
    return delays[min(retry_number, len(delays)) - 1]


def _grown(backoff: Backoff, retry_number: int) -> float:
    try:
        return min(backoff.initial * backoff.factor ** (retry_number - 1), backoff.maximum)
    except OverflowError:
        return backoff.maximum


def _spread(policy: Policy, base: float) -> float:
    if policy.jitter_ratio <= 0:
        return 0.0
    return min(max(policy.jitter_ratio * base, policy.jitter_floor), policy.jitter_ceiling)
