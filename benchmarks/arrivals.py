"""The receiver as a workload sees it: what arrived, how late, and whether anybody can come."""

import asyncio
import dataclasses
import json
from typing import Any

from benchmarks import figures

_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Arrivals:
    """At one path; `first` and `last` are 0 where nothing arrived. Latency: from before the publish call to the last byte."""

    count: int
    first: float
    last: float
    latency: figures.Latency


@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """Since the last reset. Every webhook counts, repeated ones too."""

    count: int
    paths: dict[str, Arrivals]

    def at(self, path: str) -> Arrivals:
        return self.paths.get(path) or Arrivals(0, 0.0, 0.0, figures.Latency.of([]))


class Receiver:
    """Of `rig.receiver`. Paths: /hang… never answers, /fail… answers 503, all others 204."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port, self._reader, self._writer = port, reader, writer
        self._turn = asyncio.Lock()

    def url(self, path: str = "/ok") -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    async def stats(self, sent_after: float = 0.0) -> Stats:
        """Latencies only of what was sent at this time or later."""
        told = await self._do("stats", sent_after=sent_after)
        paths = {path: Arrivals(**each | {"latency": figures.Latency.read(each["latency"])}) for path, each in told.items()}
        return Stats(sum(each.count for each in paths.values()), paths)

    async def count(self, path: str | None = None) -> int:
        """What arrived at this path, or in all."""
        counts: dict[str, int] = await self._do("counts")
        return counts.get(path, 0) if path else sum(counts.values())

    async def until(self, count: int, seconds: float, path: str | None = None) -> int:
        """Wait until so many arrived, or the time is over; answers how many did."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (arrived := await self.count(path)) < count and loop.time() < end:
            await asyncio.sleep(_POLL_SECONDS)
        return arrived

    async def reset(self) -> None:
        """Forget what arrived."""
        await self._do("reset")

    async def down(self, how: str = "refuse") -> None:
        """Until `up`: connections are refused, or (`reset`) accepted and reset. Those that are open are reset."""
        await self._do("down", how=how)

    async def up(self) -> None:
        await self._do("up")

    async def _do(self, what: str, **more: Any) -> Any:
        async with self._turn, asyncio.timeout(_ANSWER_SECONDS):
            self._writer.write(json.dumps({"do": what, **more}).encode() + b"\n")
            return json.loads(await self._reader.readline())
