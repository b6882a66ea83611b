"""So many single events each second, each at its own time: how soon do they arrive, and does the server keep up?

The publisher does not wait for answers, so a slow server does not slow it. How late it was by its own fault is shown as well:
where that is much, the machine was too small for the publisher, and the latencies say little about the server.
"""

from benchmarks import scale, sides

RATES = (50, 200, 500, 1000, 2000)
_ENOUGH = 0.98  # of the rate
_BEHIND_SECONDS = 0.5


async def run(scale: scale.Scale) -> list[scale.Result]:
    results = []
    async with sides.both() as both:
        for side in both:
            await sides.turn(side, "paced", rate=500.0, seconds=scale.pick(2.0, 0.5))
        for rate in scale.pick(RATES, (200,)):
            for side in both:
                turn = await sides.turn(side, "paced", rate=float(rate), seconds=scale.pick(5.0, 1.0))
                results.append(_row(scale, side.name, rate, turn))
    return results


def _row(scale: scale.Scale, name: str, rate: int, turn: sides.Turn) -> scale.Result:
    return scale.row(
        "steady",
        f"{rate}/s {name}",
        kept_up=_kept_up(rate, turn),
        per_second=turn.per_second,
        **turn.sent.acknowledged.named("ack", "p50", "p99"),
        **turn.arrived.latency.named("arrival", "p50", "p95", "p99"),
        **turn.sent.late.named("publisher_late", "p99"),
    )


def _kept_up(rate: int, turn: sides.Turn) -> bool:
    """Everything was taken and has arrived, at the rate it was published, and nothing was left over at the end."""
    is_all_there = turn.arrived.count >= turn.sent.sent == turn.sent.offered and not turn.sent.left_out
    seconds = turn.arrived.last - turn.sent.began
    return is_all_there and turn.sent.offered >= _ENOUGH * rate * (seconds - _BEHIND_SECONDS)
