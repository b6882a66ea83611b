"""One event for many: how many deliveries a second, and does a broadcast to 100,000 hold up somebody else's events?"""

import time

from benchmarks import figures, rig, scale, seed
from benchmarks.arrivals import Receiver
from hook0_client import v1

_OTHERS_PER_SECOND = 20


async def run(scale: scale.Scale) -> list[scale.Result]:
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "fanout")
        async with rig.product(dsn, **seed.SERVER_KEYS) as product:
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
    seconds = scale.pick(20.0, 2.0)
    async with rig.tenant(product, "large") as large, rig.tenant(product, "other") as other:
        everyone = seed.Subscription(receiver.url("/everyone"), [rig.EVENT_TYPE], rig.LABELS)
        await seed.subscriptions(dsn, large.application_id, [everyone] * crowd)
        await other.subscribe(receiver.url("/other"))
        alone = await rig.load(other, "paced", rate=_OTHERS_PER_SECOND, seconds=seconds / 2)
        await receiver.until(alone.sent, seconds=20, path="/other")
        before = (await receiver.stats()).paths["/other"].latency
        of_server, of_postgres, began = product.cpu(), rig.cpu_of_postgres(dsn), time.monotonic()
        await large.client.ingestion.PublishEvent(_to_everyone(large))
        acknowledged = time.monotonic() - began
        beside = await rig.load(other, "paced", rate=_OTHERS_PER_SECOND, seconds=seconds)
        missing = alone.sent + beside.sent - await receiver.until(alone.sent + beside.sent, seconds=60, path="/other")
        arrived = await receiver.until(crowd, seconds=60, path="/everyone")
        during = await receiver.stats(sent_after=began)
    row = scale.row(
        "fanout",
        f"broadcast to {crowd:,}",
        ack_ms=acknowledged * 1e3,
        deliveries=arrived,
        deliveries_per_second=arrived / (during.paths["/everyone"].last - began),
        server_us_per_delivery=(product.cpu() - of_server) / arrived * 1e6,
        postgres_us_per_delivery=(rig.cpu_of_postgres(dsn) - of_postgres) / arrived * 1e6,
    )
    latencies = [("before", 0, before), (f"in its first {seconds:.0f} s", missing, during.paths["/other"].latency)]
    return [row, *(_other(scale, *each) for each in latencies)]


def _other(scale: scale.Scale, when: str, missing: int, latency: figures.Latency) -> scale.Result:
    measured = latency.named("arrival", "p50", "p99", "max")
    return scale.row("fanout", f"another application, {when}", events=latency.count, missing=missing, **measured)


def _to_everyone(large: rig.Tenant) -> v1.PublishEventRequest:
    event = v1.NewEvent(event_type=rig.EVENT_TYPE, payload=seed.PAYLOAD, labels=rig.LABELS)
    return v1.PublishEventRequest(application_id=large.application_id, event=event)
