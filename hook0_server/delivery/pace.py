"""How much begins in one turn of the event loop.

A thousand deliveries that begin together each have a step in every turn from then on, so that everybody else's next step
comes late, and they need connections of their own instead of those that others have used.
"""

import asyncio
import collections


class Pace:
    """At most about `most` in a turn: ask `has_room`, wait `for_room` where there is none, and `count` what begins."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0  # in this turn
        self._end_is_awaited = False
        self._postponed: collections.deque[asyncio.Future[None]] = collections.deque()

    @property
    def has_room(self) -> bool:
        return self._begun < self._most

    def count(self) -> None:
        self._begun += 1
        self._await_end()

    async def for_room(self) -> None:
        """Until a turn in which more may begin; in the order of those who wait."""
        while self._begun >= self._most:
            waiting = asyncio.get_running_loop().create_future()
            self._postponed.append(waiting)
            await waiting

    def _await_end(self) -> None:
        if not self._end_is_awaited:
            self._end_is_awaited = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._end_is_awaited, self._begun = False, 0
        for _ in range(min(len(self._postponed), self._most)):
            waiting = self._postponed.popleft()
            if not waiting.done():
                waiting.set_result(None)
        if self._postponed:
            self._await_end()
