"""The workloads by name, in the order they run; each answers one question and can be run alone."""

from collections.abc import Awaitable, Callable

from benchmarks import scale
from benchmarks.workloads import (
    backlog,
    drain,
    fanout,
    growth,
    idle,
    neighbours,
    processes,
    steady,
    subscriptions,
    tenants,
    waiting,
    watchers,
)

Run = Callable[[scale.Scale], Awaitable[list[scale.Result]]]

TABLE: dict[str, tuple[Run, float]] = {
    "idle": (idle.run, 60),
    "steady": (steady.run, 120),
    "drain": (drain.run, 150),
    "processes": (processes.run, 120),
    "fanout": (fanout.run, 150),
    "subscriptions": (subscriptions.run, 90),
    "backlog": (backlog.run, 180),
    "neighbours": (neighbours.run, 120),
    "tenants": (tenants.run, 150),
    "waiting": (waiting.run, 60),
    "watchers": (watchers.run, 120),
    "growth": (growth.run, 240),
}
"""Name: (what runs it, after how many seconds it is stopped)."""
