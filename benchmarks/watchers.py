"""Streams of watchers beside what a block does, and what they saw."""

import contextlib
import dataclasses
import json
import pathlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable

from benchmarks import figures, processes, rig, watching

_WATCH_SECONDS = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """How late attempts came, and how many of them the stream saw that saw the fewest."""

    late: figures.Latency
    least: int


@contextlib.asynccontextmanager
async def watch(tenant: rig.Tenant, count: int, attempts: int) -> AsyncIterator[Callable[[], Awaitable[Seen]]]:
    """So many streams in a process of their own; what it yields waits until they are through, and answers what they saw."""
    order = watching.Order(tenant.address, tenant.application_id, tenant.secret, count, attempts, _WATCH_SECONDS)
    with tempfile.TemporaryDirectory(prefix="hook0-watching-") as folder:
        command = [sys.executable, "-m", "benchmarks.watching", json.dumps(dataclasses.asdict(order))]
        async with processes.running(command, pathlib.Path(folder) / "watching.log") as child:

            async def seen() -> Seen:
                told = await child.said(_WATCH_SECONDS + 10)
                return Seen(figures.Latency.read(told["late"]), told["least_seen"])

            yield seen
