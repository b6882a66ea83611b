"""Reading a watch until something holds, with a deadline."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from hook0_server.watch import watcher

APPLICATION = uuid.UUID("018f3c5e-7a2b-7c11-8d4e-0123456789ab")
SECONDS = 10.0  # longer than anything here takes

Record = Callable[..., Awaitable[list[uuid.UUID]]]


async def until(watching: watcher.Watcher, count: int) -> list[uuid.UUID]:
    """The next `count` attempts."""
    seen: list[uuid.UUID] = []
    async with asyncio.timeout(SECONDS):
        while len(seen) < count:
            if batch := await watching.next(SECONDS):
                seen += [each.attempt_id for each in batch.attempts]
    return seen


async def until_caught_up(watching: watcher.Watcher) -> list[uuid.UUID]:
    """What comes before it has caught up."""
    seen: list[uuid.UUID] = []
    async with asyncio.timeout(SECONDS):
        while not watching.now.is_caught_up:
            batch = await watching.next(SECONDS)
            seen += [each.attempt_id for each in batch.attempts] if batch else []
    return seen


async def until_refused(watching: watcher.Watcher) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            await watching.next(0.1)
