"""The same load on one process of the server, on two, and on as many as there are cores: what do more of them give?

Publisher, receiver and PostgreSQL run on the same cores: where those are busy with one process, more of them cannot help.
"""

import os

from benchmarks import rig, scale, sides
from benchmarks.workloads import drain

_CONNECTIONS = 16  # the kernel deals connections out to the processes by chance: few of them would be dealt unevenly
_LOADS: dict[str, dict[str, int]] = {
    "unary": {"in_flight": 64, "connections": _CONNECTIONS},
    "rest": {"in_flight": 64},
    "stream": {"in_flight": _CONNECTIONS},
}


async def run(scale: scale.Scale) -> list[scale.Result]:
    results = []
    alone: dict[str, list[sides.Turn]] = {}
    async with rig.database() as dsn, rig.receiver() as receiver:
        for count in sorted({1, 2, max(2, len(os.sched_getaffinity(0)))}):
            try:
                async with sides.alone(dsn, receiver, name=f"product{count}", processes=count) as side:
                    for mode in _LOADS:
                        turns = await _turns(side, mode, scale)
                        ratio = sides.ratio(turns, alone.setdefault(mode, turns))
                        results.append(drain.row(scale, "processes", f"{count} {mode}", turns, ratio))
            except rig.Missing as reason:
                results.append(scale.row("processes", str(count), left_out=str(reason)))
    return results


async def _turns(side: sides.Side, mode: str, scale: scale.Scale) -> list[sides.Turn]:
    await sides.turn(side, mode, seconds=scale.pick(1.0, 0.5), **_LOADS[mode])
    return [await sides.turn(side, mode, seconds=scale.pick(2.0, 1.0), **_LOADS[mode]) for _ in range(scale.pick(3, 1))]
