"""The workloads by name, in the order they run; each answers one question and can be run alone."""

from collections.abc import Awaitable, Callable

from benchmarks import scale
from benchmarks.workloads import drain, idle, processes, steady

Run = Callable[[scale.Scale], Awaitable[list[scale.Result]]]

TABLE: dict[str, tuple[Run, float]] = {
    "idle": (idle.run, 60),
    "steady": (steady.run, 120),
    "drain": (drain.run, 150),
    "processes": (processes.run, 120),
}
"""Name: (what runs it, after how many seconds it is stopped)."""
