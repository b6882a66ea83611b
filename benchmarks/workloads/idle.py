"""One event at a time on a server that has nothing else to do: how soon is it acknowledged, how soon does it arrive?"""

from benchmarks import rig, scale


async def run(scale: scale.Scale) -> list[scale.Result]:
    async with (
        rig.database() as dsn,
        rig.receiver() as receiver,
        rig.product(await rig.fresh(dsn, "product")) as product,
        rig.tenant(product, "idle") as tenant,
    ):
        await tenant.subscribe(receiver.url("/product"))
        await rig.load(tenant, "paced", rate=40, count=20, seconds=10)
        await receiver.reset()
        sent = await rig.load(tenant, "paced", rate=40, count=scale.pick(200, 20), seconds=30)
        await receiver.until(sent.sent, seconds=10)
        arrived = (await receiver.stats()).at("/product")
        latencies = sent.acknowledged.named("ack", "p50", "p99") | arrived.latency.named("arrival", "p50", "p99")
        return [scale.row("idle", "product", events=arrived.count, **latencies)]
