"""Watchers, as a process of their own: `python -m benchmarks.watching ORDER`, an Order as JSON.

Says {} when every stream has its first message. Ends when each has seen so many attempts, or after `seconds`, and says how
late they were on one stream in ten (from the end of the request to the receiver to the arrival here), and the fewest
that one saw.
"""

import asyncio
import dataclasses
import itertools
import json
import sys
import time
from typing import Any

import grpc
import uvloop

from benchmarks import figures
from hook0_client._gen.hook0.v1 import attempt_service_pb2 as messages, attempt_service_pb2_grpc as services

_CHANNELS = 4
_TIMED = 10  # one stream in so many is looked at closely: that costs this process CPU, which the server is short of


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """How many streams of which application, until each has seen so many attempts, but `seconds` at most."""

    address: str
    application_id: str
    secret: str
    streams: int
    attempts: int
    seconds: float


class Watcher:
    """One stream: how many attempts it saw, and how late some of them were."""

    def __init__(self, is_timed: bool) -> None:
        self._is_timed = is_timed
        self.seen = 0
        self.late: list[float] = []
        self.opened = asyncio.Event()

    async def run(self, stub: Any, order: Order) -> None:
        request = messages.WatchAttemptsRequest(application_id=order.application_id)
        async for message in stub.WatchAttempts(request, metadata=(("authorization", f"Bearer {order.secret}"),)):
            self.opened.set()
            self.seen += len(message.attempts)
            if self._is_timed and message.attempts:
                now = time.time_ns()
                self.late.extend((now - each.finished_at.ToNanoseconds()) / 1e9 for each in message.attempts)
            if self.seen >= order.attempts:
                return


async def main(order: Order) -> None:
    options = [("grpc.max_receive_message_length", 8 << 20), ("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(order.address, options=options) for _ in range(_CHANNELS)]
    stubs = [services.AttemptServiceStub(channel) for channel in channels]
    watchers = [Watcher(number % _TIMED == 0) for number in range(order.streams)]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(watcher.run(stub, order), name="watching.stream")
            for watcher, stub in zip(watchers, itertools.cycle(stubs), strict=False)
        ]
        async with asyncio.timeout(30):
            for watcher in watchers:
                await watcher.opened.wait()
        print("{}", flush=True)
        if running:
            await asyncio.wait(running, timeout=order.seconds)
        for each in running:
            each.cancel()
    late = figures.Latency.of([late for watcher in watchers for late in watcher.late])
    seen = [watcher.seen for watcher in watchers]
    told = {"late": dataclasses.asdict(late), "least_seen": min(seen, default=0)}
    print(json.dumps(figures.as_json(told)), flush=True)
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    uvloop.run(main(Order(**json.loads(sys.argv[1]))))
