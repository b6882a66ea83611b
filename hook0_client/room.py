"""Bounded memory: so many events and bytes at once; who finds no room waits for it, in turn."""

import asyncio
from collections import deque


class Room:
    """Places and bytes that are taken and given back. One event larger than everything still gets in, alone."""

    def __init__(self, places: int, size: int) -> None:
        self._places = places
        self._size = size
        self._taken = 0
        self._taken_size = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._closed: Exception | None = None

    async def take(self, size: int) -> None:
        """Takes one place of `size` bytes, at once where there is room. Raises what the room was closed with."""
        if self._closed is not None:
            raise self._closed
        if not self._waiting and self._fits(size):
            self._use(size)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, size))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((turn, size))
                self._admit()  # the one behind may be smaller
            else:  # it was this one's turn in the very moment it was cancelled
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Gives one place of `size` bytes back."""
        self._taken -= 1
        self._taken_size -= size
        self._admit()

    def close(self, error: Exception) -> None:
        """From now on everybody who wants room gets this error, those who wait already as well."""
        self._closed = error
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][1]):
            turn, size = self._waiting[0]
            if turn.done():  # cancelled; it removes itself when it runs
                return
            self._waiting.popleft()
            self._use(size)
            turn.set_result(None)

    def _fits(self, size: int) -> bool:
        return self._taken == 0 or (self._taken < self._places and self._taken_size + size <= self._size)

    def _use(self, size: int) -> None:
        self._taken += 1
        self._taken_size += size
