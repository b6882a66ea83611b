"""Receivers that never answer beside a healthy one of the same application: does the healthy one notice?"""

import asyncio
import time

from benchmarks import figures, rig, scale, seed

_HUNG = 200
_PER_SECOND = 20  # of the healthy one; each hung one gets one event a second
_HEALTHY = {"tenant": "healthy"}


async def run(scale: scale.Scale) -> list[scale.Result]:
    """Measured before the others hang, and once each has as many open requests as it may (its time-out is 15 s)."""
    seconds, until_stuck = scale.pick(15.0, 2.0), scale.pick(16.0, 2.0)
    async with rig.database() as postgres, rig.receiver() as receiver, rig.receiver() as hanging:
        dsn = await rig.fresh(postgres, "neighbours")
        async with rig.product(dsn, **seed.SERVER_KEYS) as product, rig.tenant(product, "neighbours") as tenant:
            await tenant.subscribe(receiver.url("/healthy"), labels=_HEALTHY)
            hung = [seed.Subscription(hanging.url(f"/hang/{number}"), [rig.EVENT_TYPE], rig.LABELS) for number in range(_HUNG)]
            await seed.subscriptions(dsn, tenant.application_id, hung)
            await rig.load(tenant, "paced", rate=_PER_SECOND, seconds=seconds, labels=_HEALTHY)
            before = (await receiver.stats()).paths["/healthy"]
            async with rig.loading_meanwhile(tenant, "paced", rate=1, seconds=until_stuck + seconds + 30):
                await asyncio.sleep(until_stuck)
                began = time.monotonic()
                sent = await rig.load(tenant, "paced", rate=_PER_SECOND, seconds=seconds, labels=_HEALTHY)
                expected = before.count + sent.sent
                missing = expected - await receiver.until(expected, seconds=30, path="/healthy")
                during = await receiver.stats(sent_after=began)
                requests = await hanging.count()
    healthy = during.paths["/healthy"].latency
    return [
        _row(scale, "alone", before.latency, 0, 0, 1.0),
        _row(scale, f"beside {_HUNG} that hang", healthy, missing, requests, healthy.p99 / before.latency.p99),
    ]


def _row(scale: scale.Scale, variant: str, latency: figures.Latency, missing: int, hung: int, ratio: float) -> scale.Result:
    return scale.row(
        "neighbours",
        variant,
        events=latency.count,
        missing=missing,
        hung_requests=hung,
        **latency.named("arrival", "p50", "p99", "max"),
        p99_ratio=ratio,
    )
