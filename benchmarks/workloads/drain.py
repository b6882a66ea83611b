"""As much as goes through, by each way in: unary calls and REST (64 at once), batches of 100 (4 at once), 4 streams of such.

The product and the yardstick take turns, so that their ratio means the same on another machine; the yardstick has no REST, so
that is held against its unary calls. What server and PostgreSQL spend on an event is counted apart.
"""

import statistics

from benchmarks import figures, scale, sides

_MODES = {"unary": ("unary", "rest"), "batches": ("batches",), "stream": ("stream",)}
"""What the yardstick does, and what of the product is held against it."""


async def run(scale: scale.Scale) -> list[scale.Result]:
    results = []
    async with sides.both() as (product, yardstick):
        for mode, ours in _MODES.items():
            takers = [(product, each) for each in ours] + [(yardstick, mode)]
            turns = await _turns(takers, scale)
            base = turns[-1]
            for (_, each), taken in zip(takers[:-1], turns[:-1], strict=True):
                results.append(row(scale, "drain", f"{each} product", taken, sides.ratio(taken, base)))
            results.append(row(scale, "drain", f"{mode} yardstick", base, 1.0))
    return results


async def _turns(takers: list[tuple[sides.Side, str]], scale: scale.Scale) -> list[list[sides.Turn]]:
    """For each of them its turns."""
    turns: list[list[sides.Turn]] = [[] for _ in takers]
    for side, mode in takers:
        await sides.turn(side, mode, seconds=scale.pick(1.5, 0.5))
    for number in range(scale.pick(5, 1)):
        order = list(zip(takers, turns, strict=True))
        for (side, mode), taken in order[:: 1 if number % 2 else -1]:  # what the first one warms or tires is shared
            taken.append(await sides.turn(side, mode, seconds=scale.pick(2.0, 1.0)))
    return turns


def row(scale: scale.Scale, workload: str, variant: str, turns: list[sides.Turn], ratio: float) -> scale.Result:
    """Medians of these turns; `ratio` is to whatever the workload compares with."""
    return scale.row(
        workload,
        variant,
        per_second=statistics.median(each.per_second for each in turns),
        ratio=ratio,
        each_turn=figures.spread([each.per_second for each in turns]),
        server_us=statistics.median(each.server_us for each in turns),
        postgres_us=statistics.median(each.postgres_us for each in turns),
        ack_p50_ms=statistics.median(each.sent.acknowledged.p50 for each in turns),
        ack_p99_ms=statistics.median(each.sent.acknowledged.p99 for each in turns),
        missing=sum(each.missing for each in turns),
    )
