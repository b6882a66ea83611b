"""One event at a time on a server that has nothing else to do: how soon is it acknowledged, how soon does it arrive?"""

from benchmarks import scale, sides

_PER_SECOND = 40.0  # one has long arrived when the next is published


async def run(scale: scale.Scale) -> list[scale.Result]:
    results = []
    async with sides.both() as both:
        for side in both:
            await sides.turn(side, "paced", rate=_PER_SECOND, seconds=0.5)
            turn = await sides.turn(side, "paced", rate=_PER_SECOND, seconds=60.0, count=scale.pick(200, 20))
            latencies = turn.sent.acknowledged.named("ack", "p50", "p99") | turn.arrived.latency.named("arrival", "p50", "p99")
            results.append(scale.row("idle", side.name, events=turn.arrived.count, **latencies))
    return results
