"""When to try again: how long to wait, and when to stop hoping."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hook0_client import errors

INITIAL = 0.1  # seconds
MAXIMUM = 5.0
MAX_RETRY_AFTER = 60.0  # the longest wait that a server can ask of us
MAX_FAULTS = 5  # a server that fails the same way this often will not get better by asking it again


def is_transient(error: errors.Hook0Error) -> bool:
    """Whether the same call may well succeed a moment later."""
    return isinstance(error, errors.Unavailable | errors.QuotaExceeded | errors.DeadlineExceeded)


def delay(failures: int, retry_after: float | None, randomness: float) -> float:
    """Seconds to wait after this many failures in a row (from 1): doubling, spread so that clients do not come back
    together, and never less than what the server asked for (up to a minute). `randomness` is in [0, 1)."""
    ceiling = min(MAXIMUM, INITIAL * 2.0 ** min(failures - 1, 30))
    return max(ceiling * (0.5 + randomness / 2), min(retry_after or 0.0, MAX_RETRY_AFTER))


@dataclass(slots=True)
class Reconnection:
    """Decides for one long-lived stream, failure by failure; `progressed()` after anything good starts anew."""

    patience: float | None = None  # seconds without progress until it gives up; None: never
    clock: Callable[[], float] = time.monotonic
    randomness: Callable[[], float] = random.random
    _failures: int = field(default=0, init=False)
    _faults: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def progressed(self) -> None:
        self._failures = self._faults = 0

    def failed(self, error: errors.Hook0Error) -> float:
        """Seconds to wait before the next try; raises `error` where there should be none."""
        if not self._failures:
            self._since = self.clock()
        self._failures += 1
        self._faults += _is_fault(error)
        tired = self.patience is not None and self.clock() - self._since >= self.patience
        if tired or self._faults >= MAX_FAULTS or not (_is_fault(error) or is_transient(error)):
            raise error
        return delay(self._failures, error.retry_after, self.randomness())


def _is_fault(error: errors.Hook0Error) -> bool:
    """Perhaps an accident, perhaps for ever. gRPC itself says RESOURCE_EXHAUSTED, without a time to come back, to a
    message that is too large and to one call too many."""
    no_time = isinstance(error, errors.QuotaExceeded) and error.retry_after is None
    return no_time or isinstance(error, errors.ServerFault)


@dataclass(slots=True)
class Retries:
    """Decides for one call that may be repeated: a bounded number of tries before a moment of `clock`."""

    tries: int
    end: float
    clock: Callable[[], float]
    randomness: Callable[[], float] = random.random
    _failures: int = field(default=0, init=False)

    def failed(self, error: errors.Hook0Error) -> float:
        """Seconds to wait before the next try; raises `error` where there should be none."""
        self._failures += 1
        wait = delay(self._failures, error.retry_after, self.randomness())
        if not is_transient(error) or self._failures >= self.tries or self.clock() + wait >= self.end:
            raise error
        return wait
