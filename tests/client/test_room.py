import asyncio

import pytest

from hook0_client import room


async def _turns(space: room.Room, *sizes: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(space.take(size)) for size in sizes]
    await asyncio.sleep(0)
    return tasks


async def test_whoever_came_first_goes_first_even_past_a_larger_one() -> None:
    space = room.Room(10, 100)
    await space.take(90)
    large, small = await _turns(space, 50, 5)
    assert not large.done()
    assert not small.done()
    space.give(90)
    await asyncio.gather(large, small)


async def test_one_that_is_larger_than_everything_gets_in_alone() -> None:
    space = room.Room(10, 100)
    await space.take(1000)
    [other] = await _turns(space, 1)
    assert not other.done()
    space.give(1000)
    await other


async def test_a_cancelled_one_leaves_its_turn_to_the_next() -> None:
    space = room.Room(10, 100)
    await space.take(60)
    large, small = await _turns(space, 50, 5)
    large.cancel()
    async with asyncio.timeout(1):
        await small
    assert large.cancelled()


async def test_one_cancelled_in_the_moment_of_its_turn_gives_the_place_back() -> None:
    space = room.Room(1, 100)
    await space.take(1)
    first, second = await _turns(space, 1, 1)
    space.give(1)  # it is the first one's turn now, which does not know yet
    first.cancel()
    async with asyncio.timeout(1):
        await second
    assert first.cancelled()


async def test_closing_tells_everybody() -> None:
    space = room.Room(1, 100)
    await space.take(1)
    [waiting] = await _turns(space, 1)
    space.close(RuntimeError("closed"))
    for late in (waiting, space.take(1)):
        with pytest.raises(RuntimeError, match="closed"):
            await late
