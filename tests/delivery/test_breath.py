"""Only a process that is short of CPU, and has much to send, lets its streams wait; and never for long."""

import asyncio
import math
import time

import pytest

from hook0_server.delivery import breath


async def _busy(until: float) -> None:
    """Keep the loop late, as work of the CPU does."""
    while time.monotonic() < until:
        time.sleep(0.01)
        await asyncio.sleep(0)


async def _late(feeling: breath.Breath) -> None:
    """Until the loop has felt that it is late."""
    async with asyncio.timeout(10):
        while not feeling.is_short:
            await _busy(time.monotonic() + 0.05)


def _waits_for_nothing(feeling: breath.Breath) -> None:
    """It goes on in the same turn of the loop."""
    taking = feeling.take()
    with pytest.raises(StopIteration):
        taking.send(None)


async def test_a_late_loop_with_much_to_send_lets_a_stream_wait_for_50_ms_and_no_longer() -> None:
    feeling = breath.Breath(lambda: 2001)
    async with feeling.running(), asyncio.timeout(10):
        await _late(feeling)
        working = asyncio.create_task(_busy(math.inf))
        began = time.monotonic()
        await feeling.take()
        assert time.monotonic() - began >= 0.04
        assert feeling.is_short, "it waited until the loop was no longer late"
        working.cancel()


async def test_a_late_loop_with_little_to_send_lets_nobody_wait() -> None:
    held = 5000
    feeling = breath.Breath(lambda: held)
    async with feeling.running():
        await _late(feeling)
        held = 2000
        assert not feeling.is_short
        _waits_for_nothing(feeling)


async def test_much_to_send_alone_is_no_reason_to_wait() -> None:
    """Slow receivers fill the memory and make nothing late."""
    feeling = breath.Breath(lambda: 50_000)
    async with feeling.running():
        assert not feeling.is_short
        _waits_for_nothing(feeling)
