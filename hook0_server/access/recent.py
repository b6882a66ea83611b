"""Answers that are asked for at every call, remembered for a moment: bounded, and looked up once however many ask."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

_MOST = 10_000


class Recent(Generic[Key, Answer]):
    """Answers of `ask(key)`, kept for `seconds`. Good ones and bad ones (falsy) have room of their own.

    So a flood of wrong credentials pushes out nobody's right one. A failure is not kept: the next caller asks again.
    """

    def __init__(
        self,
        ask: Callable[[Key], Awaitable[Answer]],
        seconds: float,
        clock: Callable[[], float],
        *,
        most: int = _MOST,
        keep_bad: bool = True,
    ) -> None:
        self._ask, self._seconds, self._clock, self._most, self._keep_bad = ask, seconds, clock, most, keep_bad
        self._good: dict[Key, tuple[float, Answer]] = {}
        self._bad: dict[Key, tuple[float, Answer]] = {}
        self._asking: dict[Key, asyncio.Future[Answer]] = {}
        self._forgotten = 0

    def forget(self, is_meant: Callable[[Answer], bool]) -> None:
        """Ask again for these good ones, also where the asking is under way. Walks through all that are kept."""
        self._forgotten += 1
        for key in [key for key, (_, answer) in self._good.items() if is_meant(answer)]:
            del self._good[key]

    def known(self, key: Key) -> tuple[float, Answer] | None:
        """The kept answer and when it ends to count, if there is one that still counts."""
        kept = self._good.get(key) or self._bad.get(key)
        return kept if kept is not None and kept[0] > self._clock() else None

    async def get(self, key: Key) -> Answer:
        """The answer, from memory or by asking. Raises what `ask` raises."""
        while True:
            kept = self.known(key)
            if kept is not None:
                return kept[1]
            asking = self._asking.get(key)
            if asking is None:
                return await self._lead(key)
            await asyncio.wait([asking])
            if not asking.cancelled():
                return asking.result()
            # Whoever asked was cancelled before there was an answer: somebody else has to ask.

    async def _lead(self, key: Key) -> Answer:
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        forgotten = self._forgotten
        try:
            answer = await self._ask(key)
        except Exception as failure:
            asking.set_exception(failure)
            asking.exception()  # also where nobody else waits for it, it counts as seen
            raise
        else:
            if forgotten == self._forgotten:
                self._keep(key, answer)
            asking.set_result(answer)
            return answer
        finally:
            asking.cancel()  # does nothing once it has an answer
            del self._asking[key]

    def _keep(self, key: Key, answer: Answer) -> None:
        self._good.pop(key, None)
        self._bad.pop(key, None)
        if not (answer or self._keep_bad):
            return
        kept = self._good if answer else self._bad
        if len(kept) >= self._most:
            del kept[next(iter(kept))]
        kept[key] = (self._clock() + self._seconds, answer)
