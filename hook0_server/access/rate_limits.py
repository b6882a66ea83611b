"""How often callers may call: token buckets, one for each credential, each network, and what fails to authenticate.

A bucket is one number, the time at which it is full again (the generic cell rate algorithm), and it fills by the clock alone.
A key that nobody keeps has a full bucket. Where all places are taken, a new key gets the place of the one that was quiet
longest, with what is left in it: whoever is busy keeps the own one, and nobody gains tokens by being forgotten.
Every process counts for itself.
"""

import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from hook0_server.model import errors

REASON = "RATE_LIMITED"

_MOST = 10_000
_BURST_SECONDS = 2.0  # of calls may come at once
_FAILURE_BURST_SECONDS = 20.0
_LEAST_RETRY_SECONDS = 0.1
_HOLDER_BYTES = 8  # of an IPv6 address: who has one has all 2**64 of its network, and could call from another each time
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4 addresses as a socket for both families shows them


class Buckets:
    """Token buckets by key: `burst` at once, then `per_second`. 0 per second: there is no limit."""

    def __init__(
        self, per_second: float, burst: float, *, clock: Callable[[], float] = time.monotonic, most: int = _MOST
    ) -> None:
        self._clock, self._most = clock, most
        self._interval = 1 / per_second if per_second else 0.0  # seconds in which a token comes
        self._depth = max(1.0, burst) * self._interval  # seconds in which an empty bucket fills
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()  # quiet ones first

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable) -> float:
        """0 when a token was there, which is taken; else the seconds until there is one, and nothing is taken."""
        if not self._interval:
            return 0.0
        now = self._clock()
        full_at = max(self._place(key), now)
        wait = full_at + self._interval - self._depth - now
        if wait > 1e-9:  # sums of intervals are a little off
            return wait
        self._full_at[key] = full_at + self._interval
        return 0.0

    def wait(self, key: Hashable) -> float:
        """What `take` would answer; takes nothing."""
        now = self._clock()
        wait = self._full_at.get(key, now) + self._interval - self._depth - now
        return wait if self._interval and wait > 1e-9 else 0.0

    def charge(self, key: Hashable) -> None:
        """Take a token that may not be there: what is owed comes first then, up to one more burst."""
        if self._interval:
            now = self._clock()
            self._full_at[key] = min(max(self._place(key), now) + self._interval, now + 2 * self._depth)

    def _place(self, key: Hashable) -> float:
        """When the key's bucket is full; it has a place at the end from now on."""
        full_at = self._full_at.get(key)
        if full_at is not None:
            self._full_at.move_to_end(key)
            return full_at
        full_at = self._full_at.popitem(last=False)[1] if len(self._full_at) >= self._most else float("-inf")
        self._full_at[key] = full_at
        return full_at


class RateLimits:
    """The limits of one server process. Every refusal is a QuotaExceeded (RATE_LIMITED) with a time to come back."""

    def __init__(
        self,
        *,
        per_credential: float = 0,
        per_address: float = 0,
        failures_per_minute: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Calls per second, and failed authentications per minute; 0: not limited."""
        per_second = failures_per_minute / 60
        self._credentials = Buckets(per_credential, per_credential * _BURST_SECONDS, clock=clock)
        self._addresses = Buckets(per_address, per_address * _BURST_SECONDS, clock=clock)
        self._failures = Buckets(per_second, per_second * _FAILURE_BURST_SECONDS, clock=clock)

    def called_from(self, network: str | None) -> None:
        """A call, before anything is known of the caller. None: it came through no network. Raises QuotaExceeded."""
        if network is not None and (wait := self._addresses.take(network)):
            raise _refusal("address", f"Too many calls come from {network}", wait, network)

    def called_by(self, credential: Hashable) -> None:
        """A call of an authenticated caller. Raises QuotaExceeded."""
        if wait := self._credentials.take(credential):
            raise _refusal("credential", "This credential calls too often", wait)

    def may_try(self, key: Hashable) -> None:
        """Before a credential that may be wrong is looked up. Raises QuotaExceeded where too many failed.

        `key`: who tries, e.g. a network, or a network with an e-mail address.
        """
        if wait := self._failures.wait(key):
            raise _refusal("failure", "Too many credentials were wrong", wait, key if isinstance(key, str) else "")

    def failed(self, key: Hashable) -> None:
        """It was wrong. Of several tries at the same time each one counts, also where none was left for it."""
        self._failures.charge(key)


def network(source_ip: str | None) -> str | None:
    """What is counted as one address: an IPv4 address, or the /64 network of an IPv6 one."""
    if source_ip is None or ":" not in source_ip:
        return source_ip
    try:
        packed = socket.inet_pton(socket.AF_INET6, source_ip)
    except OSError:
        return source_ip
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :])
    return socket.inet_ntop(socket.AF_INET6, packed[:_HOLDER_BYTES].ljust(16, b"\0")) + "/64"


def _refusal(limit: str, what: str, wait: float, address: str = "") -> errors.QuotaExceeded:
    wait = max(wait, _LEAST_RETRY_SECONDS)
    facts = {"limit": limit} | ({"address": address} if address else {})
    return errors.QuotaExceeded(REASON, f"{what}; come back in {wait:.1f} s.", metadata=facts, retry_after=wait)
