"""One application with 100,000 deliveries that wait, another that publishes one event now and then: does it wait too?"""

import time

from benchmarks import figures, rig, scale, seed
from benchmarks.arrivals import Receiver

_SUBSCRIPTIONS = 100
_PER_SECOND = 10  # of the other application


async def run(scale: scale.Scale) -> list[scale.Result]:
    """What waits is due and nobody's: first for receivers that answer, then for some that never do."""
    waiting, seconds = scale.pick(100_000, 10_000), scale.pick(15.0, 2.0)
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "tenants")
        async with rig.product(dsn, **seed.SERVER_KEYS) as product, rig.tenant(product, "other") as other:
            await other.subscribe(receiver.url("/other"))
            await rig.load(other, "paced", rate=_PER_SECOND, seconds=seconds)
            rows = [_row(scale, "nothing waits", 0, (await receiver.stats()).paths["/other"].latency, 0.0)]
            for path in ("/quick", "/hang"):
                async with rig.tenant(product, path.strip("/")) as large:
                    each = seed.Subscription(receiver.url(path), [rig.EVENT_TYPE], rig.LABELS)
                    await seed.subscriptions(dsn, large.application_id, [each] * _SUBSCRIPTIONS)
                    rows.append(await _beside(scale, dsn, receiver, large, other, path, waiting, seconds))
            return rows


async def _beside(
    scale: scale.Scale,
    dsn: str,
    receiver: Receiver,
    large: rig.Tenant,
    other: rig.Tenant,
    path: str,
    waiting: int,
    seconds: float,
) -> scale.Result:
    """The other's latency in the first seconds, everything that was acknowledged included, however late it arrived."""
    before = await receiver.count("/other")
    await seed.waiting(dsn, large.application_id, rig.EVENT_TYPE, due_in=-1, each=waiting // _SUBSCRIPTIONS)
    began = time.monotonic()
    sent = await rig.load(other, "paced", rate=_PER_SECOND, seconds=seconds)
    missing = before + sent.sent - await receiver.until(before + sent.sent, seconds=60, path="/other")
    latency = (await receiver.stats(sent_after=began)).paths["/other"].latency
    if path == "/quick":
        await receiver.until(waiting, seconds=60, path=path)
        seconds = (await receiver.stats()).paths[path].last - began
    variant = f"{waiting:,} wait for {'some who answer' if path == '/quick' else 'some who hang'}"
    return _row(scale, variant, missing, latency, (await receiver.count(path)) / seconds)


def _row(scale: scale.Scale, variant: str, missing: int, latency: figures.Latency, rate: float) -> scale.Result:
    return scale.row(
        "tenants",
        variant,
        large_per_second=rate,
        events=latency.count,
        missing=missing,
        **latency.named("arrival", "p50", "p99", "max"),
    )
