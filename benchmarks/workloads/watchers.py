"""1, 10 and 100 who watch an application with 1,000 attempts a second: how late do they see them, and what do they cost?"""

from benchmarks import rig, scale, watchers
from benchmarks.arrivals import Receiver

_EVENTS_PER_SECOND, _SUBSCRIPTIONS = 100, 10  # few calls, many attempts: publishing is not what is asked about


async def run(scale: scale.Scale) -> list[scale.Result]:
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "watchers")
        async with rig.product(dsn) as product, rig.tenant(product, "watched") as tenant:
            for _ in range(_SUBSCRIPTIONS):
                await tenant.subscribe(receiver.url())
            await rig.load(tenant, "paced", rate=_EVENTS_PER_SECOND, seconds=1)
            return [await _watched(scale, dsn, product, tenant, receiver, count) for count in (0, 1, 10, 100)]


async def _watched(
    scale: scale.Scale, dsn: str, product: rig.Served, tenant: rig.Tenant, receiver: Receiver, count: int
) -> scale.Result:
    events = int(scale.pick(8.0, 2.0) * _EVENTS_PER_SECOND)
    attempts = events * _SUBSCRIPTIONS
    await receiver.reset()
    async with watchers.watch(tenant, count, attempts) as seen_by_all:
        of_server, of_postgres = product.cpu(), rig.cpu_of_postgres(dsn)
        sent = await rig.load(tenant, "paced", rate=_EVENTS_PER_SECOND, count=events, seconds=60)
        arrived = await receiver.until(attempts, seconds=30)
        latency = (await receiver.stats()).paths["/ok"].latency
        seen = await seen_by_all()
    return scale.row(
        "watchers",
        f"{count} watch",
        attempts_per_second=arrived / (sent.ended - sent.began),
        **seen.late.named("seen", "p50", "p99"),
        unseen=attempts - seen.least if count else 0,
        server_us_per_attempt=(product.cpu() - of_server) / attempts * 1e6,
        postgres_us_per_attempt=(rig.cpu_of_postgres(dsn) - of_postgres) / attempts * 1e6,
        **latency.named("arrival", "p50", "p99"),
    )
