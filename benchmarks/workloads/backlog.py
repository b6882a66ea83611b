"""A receiver that is away while 1,000 events a second go on: how long to catch up, and what does the server hold meanwhile?"""

import asyncio
import math
import time

from benchmarks import rig, scale, seed

_PER_SECOND = 1_000
_SAMPLE_SECONDS = 0.5
_CATCH_UP_SECONDS = 60.0
_CAUGHT_UP = _PER_SECOND  # open deliveries: a second's worth


async def run(scale: scale.Scale) -> list[scale.Result]:
    """Connections are refused for a while; each delivery is tried again every second, and events go on after the return."""
    away, after = scale.pick(60.0, 5.0), scale.pick(20.0, 3.0)
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "backlog")
        async with rig.product(dsn) as product, rig.tenant(product, "backlog") as tenant:
            await tenant.subscribe(receiver.url(), retry_policy=rig.retries_each(1.0, retries=100))
            await receiver.down()
            watched = _Watched(dsn, product)
            load = asyncio.create_task(rig.load(tenant, "paced", rate=_PER_SECOND, seconds=away + after), name="backlog.load")
            try:
                await watched.during(away)
                waited = await seed.open_deliveries(dsn)
                await receiver.up()
                back = time.monotonic()
                caught_up = await watched.until_caught_up()
                sent = await load
            finally:
                load.cancel()
            arrived = await receiver.until(sent.sent, seconds=_CATCH_UP_SECONDS)
            newest = (await receiver.stats(sent_after=back)).paths["/ok"].latency
    return [
        scale.row(
            "backlog",
            f"{_PER_SECOND:,}/s, away for {away:.0f} s",
            waited=waited,
            caught_up_after_s=caught_up - back,
            missing=sent.sent - arrived,
            memory_before_mib=watched.memory[0] / 2**20,
            memory_max_mib=max(watched.memory) / 2**20,
            **newest.named("newest", "p50", "p99"),
            **sent.acknowledged.named("ack", "p50", "p99"),
        )
    ]


class _Watched:
    """Samples what the server holds in memory, and what is open in its table."""

    def __init__(self, dsn: str, product: rig.Served) -> None:
        self._dsn, self._product = dsn, product
        self.memory = [product.memory()]

    async def during(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(_SAMPLE_SECONDS)
            self.memory.append(self._product.memory())

    async def until_caught_up(self) -> float:
        """When no more than a second's worth was open any more; NaN if that took too long."""
        end = time.monotonic() + _CATCH_UP_SECONDS
        while time.monotonic() < end:
            await self.during(_SAMPLE_SECONDS)
            if await seed.open_deliveries(self._dsn) <= _CAUGHT_UP:
                return time.monotonic()
        return math.nan
