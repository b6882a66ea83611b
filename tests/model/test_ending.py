"""Tasks that are cancelled end, also those that a first cancellation did not reach."""

import asyncio

from hook0_server.model import ending


async def test_a_cancellation_that_was_swallowed_is_repeated() -> None:
    swallowed = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.sleep(60)

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await ending.end(tasks)
    assert swallowed.is_set()
    assert all(task.cancelled() for task in tasks)


async def test_what_has_ended_or_failed_is_left_alone() -> None:
    async def failing() -> None:
        raise ValueError

    failed = asyncio.create_task(failing())
    await asyncio.wait([failed])
    await ending.end([])
    await ending.end([failed])
    assert isinstance(failed.exception(), ValueError)
