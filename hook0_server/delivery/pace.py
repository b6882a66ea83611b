"""How much of what is dear, as a new connection is, begins in one turn of the event loop.

A thousand that begin together each have a step in every turn from then on, so that everybody else's next step comes late,
and they need connections of their own instead of those that others have used.
"""

import asyncio
import collections
import time
from collections.abc import Callable, Hashable
from typing import Any

_LONG_TURN_SECONDS = 0.0005  # gRPC takes one call on in about three turns: with longer ones 1,000 a second are too many
_REST = 4  # turns' worth of time in which nothing begins after a long one
_LONGEST_REST_SECONDS = 0.01
_WEIGHT = 0.2  # of the last turn in the average
_BURST = 256  # that begin without a rest, and so many more with each second


class Pace:
    """At most about `most` in a turn: ask `has_room`, await a `room` where there is none, and `count` what begins.

    `rests`: after a burst, where turns are long, most of them are left to others. `clock`: seconds, from anywhere on.
    """

    def __init__(self, most: int, *, rests: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self._most, self._rests, self._clock = most, rests, clock
        self._begun = 0  # in this turn
        self._began_at = 0.0
        self._credit = float(_BURST)
        self._turn = 0.0  # seconds, on average, of the turns in which something began
        self._end_is_awaited = False
        self._postponed: dict[Hashable, collections.deque[asyncio.Future[Any]]] = {}  # by whose turn it is; next one first

    @property
    def has_room(self) -> bool:
        return self._begun < self._most

    def count(self) -> None:
        self._begun += 1
        self._await_end()

    def room(self, whose: Hashable) -> "asyncio.Future[Any]":
        """None once there may be room: look then. Those of one `whose` come in their order, others in turn with them."""
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._postponed.setdefault(whose, collections.deque()).append(waiting)
        return waiting

    def _await_end(self) -> None:
        if not self._end_is_awaited:
            now = self._clock()
            self._credit = min(self._credit + (now - self._began_at) * _BURST, _BURST)
            self._end_is_awaited, self._began_at = True, now
            asyncio.get_running_loop().call_soon(self._turned)

    def _turned(self) -> None:
        self._turn += _WEIGHT * (self._clock() - self._began_at - self._turn)
        self._credit = max(self._credit - self._begun, -1.0)
        if self._rests and self._credit < 0 and self._turn > _LONG_TURN_SECONDS:
            asyncio.get_running_loop().call_later(min(_REST * self._turn, _LONGEST_REST_SECONDS), self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._end_is_awaited, self._begun = False, 0
        for _ in range(self._most):
            self._let_one_go_on()
        if self._postponed:
            self._await_end()

    def _let_one_go_on(self) -> None:
        while self._postponed:
            whose, waiting = next(iter(self._postponed.items()))
            del self._postponed[whose]
            first = waiting.popleft()
            if waiting:
                self._postponed[whose] = waiting  # behind the others
            if not first.done():
                first.set_result(None)
                return
