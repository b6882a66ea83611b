"""Names become vetted addresses. One hung name server holds up nobody but those who wait for that name.

The system's resolver is used (hosts file, search domains and all), in short-lived daemon threads: it cannot be
interrupted, so a thread that hangs is left behind, at most one for each name. Every address is judged: one that is
refused refuses the whole target, so a name cannot mix a public address with a private one.
"""

import asyncio
import collections
import contextlib
import dataclasses
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Sequence

from hook0_server.model import targets
from hook0_server.model.outcome import Outcome

Lookup = Callable[[str], Sequence[str]]
"""Name → addresses as text; runs in a thread; raises OSError or UnicodeError."""

_TEMPORARY = frozenset({socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM})
_UNKNOWN = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """Either addresses, in the order to try them, or `failure` (DNS_ERROR, TARGET_REFUSED) and a sentence."""

    addresses: tuple[targets.Address, ...] = ()
    failure: Outcome | None = None
    message: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """Times in seconds. A temporary failure is remembered shortly, so that the next retry asks again."""

    timeout: float = 5.0
    known_for: float = 300.0
    failed_for: float = 30.0
    temporary_for: float = 2.0
    names: int = 10_000
    threads: int = 64
    waiting: int = 1024


def system_lookup(name: str) -> list[str]:
    """The system's resolver, as the standard library reaches it."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Resolver:
    """Belongs to one event loop. `allowed` are networks that may be called although they are private.

    It holds no task: a lookup is a thread that reports to the loop, and a timer that ends the wait for it.
    """

    def __init__(
        self, *, allowed: Sequence[targets.Network] = (), lookup: Lookup = system_lookup, bounds: Bounds | None = None
    ) -> None:
        self._allowed = tuple(allowed)
        self._lookup = lookup
        self._bounds = bounds or Bounds()
        self._cache: collections.OrderedDict[str, tuple[float, Resolution]] = collections.OrderedDict()
        self._flights: dict[str, asyncio.Future[Resolution]] = {}
        self._waiting: collections.deque[str] = collections.deque()
        self._running: set[str] = set()

    def known(self, target: targets.Target) -> Resolution | None:
        """What the cache knows of this target, without waiting."""
        host = target.host
        cached = self._cache.get(host)
        if cached is not None:
            if cached[0] > time.monotonic():
                self._cache.move_to_end(host)
                return cached[1]
            del self._cache[host]
        if target.address is None:
            return None
        return self._remember(host, self.vet([target.address]), self._bounds.known_for)

    async def resolve(self, target: targets.Target) -> Resolution:
        """The vetted addresses of the target's host; waits at most `timeout` seconds, and raises only cancellation."""
        known = self.known(target)
        if known is not None:
            return known
        flight = self._flights.get(target.host) or self._take_off(target.host)
        return await asyncio.shield(flight)  # whoever leaves must not end the wait of the others

    def vet(self, addresses: Sequence[targets.Address]) -> Resolution:
        """All of them, or the reason why one of them refuses the target. The address itself is not told."""
        for address in addresses:
            reason = targets.is_forbidden(address, self._allowed)
            if reason is not None:
                return Resolution(failure=Outcome.TARGET_REFUSED, message=f"the target's address is {reason}")
        return Resolution(tuple(dict.fromkeys(addresses)))

    def _take_off(self, name: str) -> asyncio.Future[Resolution]:
        loop = asyncio.get_running_loop()
        flight = loop.create_future()
        if name not in self._running and len(self._running) >= self._bounds.threads:
            if len(self._waiting) >= self._bounds.waiting:
                flight.set_result(_failed("too many names wait to be resolved"))
                return flight
            self._waiting.append(name)
        elif name not in self._running:
            self._start(loop, name)
        self._flights[name] = flight
        timer = loop.call_later(self._bounds.timeout, self._too_late, name)
        flight.add_done_callback(lambda _: timer.cancel())
        return flight

    def _start(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._running.add(name)
        threading.Thread(target=self._in_thread, args=(loop, name), name=f"resolve {name}", daemon=True).start()

    def _in_thread(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        found: Sequence[str] | Exception
        try:
            found = self._lookup(name)
        except Exception as error:  # whatever it is, it ends as an outcome: `_judge_failure`
            found = error
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(self._landed, loop, name, found)

    def _landed(self, loop: asyncio.AbstractEventLoop, name: str, found: Sequence[str] | Exception) -> None:
        self._running.discard(name)
        resolution, seconds = self._judge(found)
        self._end(name, resolution, seconds)
        while self._waiting and len(self._running) < self._bounds.threads:
            following = self._waiting.popleft()
            if following in self._flights and following not in self._running:
                self._start(loop, following)

    def _judge(self, found: Sequence[str] | Exception) -> tuple[Resolution, float]:
        if isinstance(found, Exception):
            return self._judge_failure(found)
        try:
            addresses = [ipaddress.ip_address(text) for text in found]
        except ValueError:  # a zone that this Python does not read, or a lookup of another kind
            return _failed("the name has an address that cannot be read"), self._bounds.failed_for
        if not addresses:
            return _failed("the name has no address"), self._bounds.failed_for
        resolution = self.vet(addresses)
        return resolution, self._bounds.known_for if resolution.failure is None else self._bounds.failed_for

    def _judge_failure(self, error: Exception) -> tuple[Resolution, float]:
        if isinstance(error, socket.gaierror):
            if error.errno in _UNKNOWN:
                return _failed("the name is unknown or has no address"), self._bounds.failed_for
            if error.errno in _TEMPORARY:
                return _failed("name resolution failed for now"), self._bounds.temporary_for
        return _failed(f"name resolution failed: {error}"), self._bounds.temporary_for

    def _too_late(self, name: str) -> None:
        """The thread goes on: what it finds in the end replaces this."""
        message = f"name resolution took longer than {self._bounds.timeout:g} s"
        self._end(name, _failed(message), self._bounds.failed_for)

    def _end(self, name: str, resolution: Resolution, seconds: float) -> None:
        self._remember(name, resolution, seconds)
        flight = self._flights.pop(name, None)
        if flight is not None and not flight.done():
            flight.set_result(resolution)

    def _remember(self, name: str, resolution: Resolution, seconds: float) -> Resolution:
        self._cache[name] = (time.monotonic() + seconds, resolution)
        self._cache.move_to_end(name)
        if len(self._cache) > self._bounds.names:
            self._cache.popitem(last=False)
        return resolution


def _failed(message: str) -> Resolution:
    return Resolution(failure=Outcome.DNS_ERROR, message=message)
