"""One event for many: how many deliveries a second, and does a broadcast to 100,000 hold up somebody else's events?"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from benchmarks import rig, scale, seed
from benchmarks.arrivals import Receiver
from hook0_client import v1

_BROADCAST_SECONDS = 60.0
_OTHERS_PER_SECOND = 20


async def run(scale: scale.Scale) -> list[scale.Result]:
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "fanout")
        async with rig.product(dsn, HOOK0_ENCRYPTION_KEYS=seed.KEYS) as product:
            rows = [await _few(scale, dsn, product, receiver, count) for count in (1, 10, 100)]
            return [*rows, *await _broadcast(scale, dsn, product, receiver)]


async def _few(scale: scale.Scale, dsn: str, product: rig.Served, receiver: Receiver, count: int) -> scale.Result:
    """As many deliveries for each `count`, over as many connections, so that only the number of events differs."""
    deliveries = scale.pick(50_000, 5_000)
    await receiver.reset()
    async with rig.tenant(product, f"to {count}") as tenant:
        options = v1.DeliveryOptions(max_concurrency=max(1, rig.CONNECTIONS // count))
        for _ in range(count):
            await tenant.subscribe(receiver.url(f"/{count}"), delivery_options=options)
        of_server, of_postgres = product.cpu(), rig.cpu_of_postgres(dsn)
        sent = await rig.load(tenant, "stream", batch=max(1, 100 // count), count=deliveries // count, seconds=60)
        arrived = await receiver.until(deliveries, seconds=60)
        last = (await receiver.stats()).paths[f"/{count}"].last
    return scale.row(
        "fanout",
        f"1 event to {count}",
        deliveries=arrived,
        deliveries_per_second=arrived / (last - sent.began),
        server_us_per_delivery=(product.cpu() - of_server) / arrived * 1e6,
        postgres_us_per_delivery=(rig.cpu_of_postgres(dsn) - of_postgres) / arrived * 1e6,
    )


async def _broadcast(scale: scale.Scale, dsn: str, product: rig.Served, receiver: Receiver) -> list[scale.Result]:
    """One event that everybody in a large application wants, while another application publishes at its own pace."""
    crowd = scale.pick(100_000, 5_000)
    async with rig.tenant(product, "large") as large, rig.tenant(product, "other") as other:
        everyone = seed.Subscription(receiver.url("/everyone"), [rig.EVENT_TYPE], rig.LABELS)
        await seed.subscriptions(dsn, large.application_id, [everyone] * crowd)
        await other.subscribe(receiver.url("/other"))
        await rig.load(other, "paced", rate=_OTHERS_PER_SECOND, seconds=scale.pick(10.0, 2.0))
        before = (await receiver.stats()).paths["/other"]
        async with _publishing(other, rate=_OTHERS_PER_SECOND, seconds=_BROADCAST_SECONDS + 10):
            await receiver.until(before.count + 5, seconds=10, path="/other")
            of_server, of_postgres = product.cpu(), rig.cpu_of_postgres(dsn)
            began = time.monotonic()
            await large.client.ingestion.PublishEvent(_to_everyone(large))
            acknowledged = time.monotonic() - began
            arrived = await receiver.until(crowd, seconds=_BROADCAST_SECONDS, path="/everyone")
            during = await receiver.stats(sent_after=began)
    return [
        scale.row(
            "fanout",
            f"broadcast to {crowd:,}",
            ack_ms=acknowledged * 1e3,
            deliveries=arrived,
            deliveries_per_second=arrived / (during.paths["/everyone"].last - began),
            server_us_per_delivery=(product.cpu() - of_server) / arrived * 1e6,
            postgres_us_per_delivery=(rig.cpu_of_postgres(dsn) - of_postgres) / arrived * 1e6,
        ),
        *(
            scale.row("fanout", f"another application {when}", **latency.named("arrival", "p50", "p99", "max"))
            for when, latency in (("before", before.latency), ("during", during.paths["/other"].latency))
        ),
    ]


def _to_everyone(large: rig.Tenant) -> v1.PublishEventRequest:
    event = v1.NewEvent(event_type=rig.EVENT_TYPE, payload=seed.PAYLOAD, labels=rig.LABELS)
    return v1.PublishEventRequest(application_id=large.application_id, event=event)


@contextlib.asynccontextmanager
async def _publishing(tenant: rig.Tenant, *, rate: float, seconds: float) -> AsyncIterator[None]:
    """While the block runs; `seconds` at most."""
    load = asyncio.create_task(rig.load(tenant, "paced", rate=rate, seconds=seconds), name="bench.publishing")
    try:
        yield
    finally:
        load.cancel()
        await asyncio.wait([load])
