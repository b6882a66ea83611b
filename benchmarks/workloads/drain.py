"""As much as goes through, by each way in: unary calls (64 at once), batches of 100 (4 at once), 4 streams of such batches.

The product and the yardstick take turns, so that their ratio means the same on another machine. What server and PostgreSQL
spend on an event is counted apart.
"""

import statistics

from benchmarks import figures, scale, sides

MODES = ("unary", "batches", "stream")


async def run(scale: scale.Scale) -> list[scale.Result]:
    results = []
    pairs, seconds = scale.pick(5, 1), scale.pick(2.0, 1.0)
    async with sides.both() as (product, yardstick):
        for mode in MODES:
            for side in (product, yardstick):
                await sides.turn(side, mode, seconds=scale.pick(1.5, 0.5))
            ours: list[sides.Turn] = []
            theirs: list[sides.Turn] = []
            for pair in range(pairs):
                order = [(product, ours), (yardstick, theirs)]
                for side, turns in order[:: 1 if pair % 2 else -1]:  # what the first one warms or tires is shared
                    turns.append(await sides.turn(side, mode, seconds=seconds))
            results.append(row(scale, "drain", f"{mode} product", ours, sides.ratio(ours, theirs)))
            results.append(row(scale, "drain", f"{mode} yardstick", theirs, 1.0))
    return results


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
