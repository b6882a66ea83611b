"""The end of tasks that run until they are cancelled."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 2.0


async def end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel these until they have ended.

    Before Python 3.12 `asyncio.wait_for`, which the pool of the driver waits with, swallows a cancellation that comes in
    the moment in which the wait ends: the task goes on, and whoever had cancelled it once would wait for it for ever.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
