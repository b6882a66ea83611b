"""A publisher, as a process of its own: `python -m benchmarks.load ORDER`, an Order as JSON; prints one line, what came of it.

It speaks gRPC with the protocol's own messages and no client library between, so that it takes little from the server beside
it, and the same load can be put on everything that speaks the protocol.
"""

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import grpc
import uvloop

from benchmarks import figures, posting
from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as messages, ingestion_service_pb2_grpc as services

Stub: TypeAlias = "services.IngestionServiceAsyncStub"

CALL_SECONDS = 30.0
_PAUSE_SECONDS = 0.05  # after a refusal
_CREATED = 201
_MOST_OPEN = 4096  # calls of `paced` that wait for their answer


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What to publish, where, and how: for `seconds`, or `count` events if that is sooner (0: no limit)."""

    mode: str  # stream, batches, unary, rest, paced
    address: str  # of gRPC
    application_id: str
    secret: str
    seconds: float = 5.0
    count: int = 0
    in_flight: int = 0  # streams, or calls at once; 0: 4 (stream, batches) or 64 (unary, rest)
    connections: int = 0  # that they share; 0: one for each stream, else one; `rest` has one for each call at once
    http: str = ""  # the address for `rest`
    batch: int = 100  # events in one message of stream and batches
    rate: float = 100.0  # events per second of paced
    size: int = 1024  # bytes of a payload
    event_type: str = "a.b.c"
    labels: dict[str, str] = dataclasses.field(default_factory=lambda: {"tenant": "acme"})

    @property
    def at_once(self) -> int:
        """How many loops publish; `paced` has one, which waits for nobody."""
        return 1 if self.mode == "paced" else self.in_flight or (64 if self.mode in ("unary", "rest") else 4)


class Mint:
    """New events. Ids are UUIDv7s put together as text: a millisecond, this process's randomness and a counter."""

    def __init__(self, order: Order) -> None:
        random = os.urandom(5).hex()
        self._head, self._tail = f"7{random[:3]}", f"8{random[3:6]}"
        self._number = int.from_bytes(os.urandom(5))
        self._filling = os.urandom(order.size // 2).hex()[: max(0, order.size - 35)]
        self._event_type, self._labels = order.event_type, order.labels

    def events(self, count: int) -> list[messages.NewEvent]:
        at = f"{time.time_ns() // 1_000_000:012x}"
        identity = f"{at[:8]}-{at[8:]}-{self._head}-{self._tail}"
        payload = f'{{"sent":{time.monotonic():.6f},"text":"{self._filling}"}}'.encode()
        first = self._number
        self._number += count
        return [
            messages.NewEvent(
                event_id=f"{identity}-{number:012x}", event_type=self._event_type, payload=payload, labels=self._labels
            )
            for number in range(first, first + count)
        ]


class Publisher:
    """One run of an order, and what is counted meanwhile."""

    def __init__(self, order: Order, channels: Sequence[grpc.aio.Channel]) -> None:
        self._order = order
        self._mint = Mint(order)
        self._stubs = itertools.cycle([services.IngestionServiceStub(channel) for channel in channels])
        self._metadata = (("authorization", f"Bearer {order.secret}"),)
        self._latencies: list[float] = []
        self._late: list[float] = []
        self._refused: collections.Counter[str] = collections.Counter()
        self._offered = self._taken = self._left_out = 0
        self._began = self._end = 0.0

    async def run(self) -> dict[str, Any]:
        modes = {
            "stream": self._stream,
            "batches": self._batches,
            "unary": self._unary,
            "rest": self._rest,
            "paced": self._paced,
        }
        work = modes[self._order.mode]
        self._began = time.monotonic()
        self._end = self._began + self._order.seconds
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._order.at_once):
                tasks.create_task(work(next(self._stubs)), name=f"load.{number}")
        return {
            "offered": self._offered,
            "sent": self._taken,
            "refused": dict(self._refused),
            "left_out": self._left_out,
            "began": self._began,
            "ended": time.monotonic(),
            "acknowledged": dataclasses.asdict(figures.Latency.of(self._latencies)),
            "late": dataclasses.asdict(figures.Latency.of(self._late)),
        }

    def _goes_on(self) -> bool:
        return time.monotonic() < self._end and not (self._order.count and self._offered >= self._order.count)

    def _events(self, count: int) -> list[messages.NewEvent]:
        if self._order.count:
            count = min(count, self._order.count - self._offered)
        self._offered += count
        return self._mint.events(count)

    async def _unary(self, stub: Stub) -> None:
        while self._goes_on():
            await self._one(stub)

    async def _rest(self, _: Stub) -> None:
        connection = await posting.Connection.open(self._order.http, self._order.secret)
        while self._goes_on():
            [event] = self._events(1)
            began = time.monotonic()
            status = await connection.post(self._order.application_id, event)
            if status == _CREATED:
                self._latencies.append(time.monotonic() - began)
                self._taken += 1
            else:
                self._refused[str(status)] += 1
                await asyncio.sleep(_PAUSE_SECONDS)
        connection.close()

    async def _one(self, stub: Stub) -> None:
        request = messages.PublishEventRequest(application_id=self._order.application_id, event=self._events(1)[0])
        began = time.monotonic()
        try:
            await stub.PublishEvent(request, metadata=self._metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as refusal:
            await self._was_refused(refusal, 1)
            return
        self._latencies.append(time.monotonic() - began)
        self._taken += 1

    async def _batches(self, stub: Stub) -> None:
        while self._goes_on():
            events = self._events(self._order.batch)
            request = messages.PublishEventsRequest(application_id=self._order.application_id, events=events)
            began = time.monotonic()
            try:
                answer = await stub.PublishEvents(request, metadata=self._metadata, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as refusal:
                await self._was_refused(refusal, len(events))
                continue
            self._answered(answer.results, began)

    async def _stream(self, stub: Stub) -> None:
        while self._goes_on():
            call = stub.PublishEventStream(metadata=self._metadata)
            try:
                await self._over(call)
            except grpc.aio.AioRpcError as refusal:
                await self._was_refused(refusal, self._order.batch)

    async def _over(self, call: Any) -> None:
        """Batch after batch, each when the one before is answered."""
        while self._goes_on():
            events = self._events(self._order.batch)
            request = messages.PublishEventStreamRequest(application_id=self._order.application_id, events=events)
            began = time.monotonic()
            await call.write(request)
            async with asyncio.timeout(CALL_SECONDS):
                answer = await call.read()
            if answer is grpc.aio.EOF:
                return
            self._answered(answer.results, began)
        await call.done_writing()
        async with asyncio.timeout(CALL_SECONDS):
            await call.read()  # the end of the stream: a call that is left alone is cancelled

    def _answered(self, results: Any, began: float) -> None:
        self._latencies.append(time.monotonic() - began)
        taken = sum(result.HasField("published") for result in results)
        self._taken += taken
        if taken < len(results):
            self._refused.update(str(result.error.reason) for result in results if result.HasField("error"))

    async def _was_refused(self, refusal: grpc.aio.AioRpcError, events: int) -> None:
        self._refused[refusal.code().name] += events
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _paced(self, _: Stub) -> None:
        """Each event at its own time, whatever became of those before: a slow server does not slow the clock."""
        open_calls: set[asyncio.Task[None]] = set()
        number = 0
        async with asyncio.TaskGroup() as calls:
            while (now := time.monotonic()) < self._end and (not self._order.count or number < self._order.count):
                while (due := self._began + number / self._order.rate) <= now and number != (self._order.count or -1):
                    number += 1
                    self._late.append(now - due)
                    if len(open_calls) >= _MOST_OPEN:
                        self._left_out += 1
                        continue
                    call = calls.create_task(self._one(next(self._stubs)), name="load.call")
                    open_calls.add(call)
                    call.add_done_callback(open_calls.discard)
                await asyncio.sleep(max(0.0, due - now))


async def publish(order: Order) -> dict[str, Any]:
    """What came of it, as rig.Sent has it; what was not measured is NaN."""
    options = [("grpc.max_receive_message_length", 8 << 20), ("grpc.use_local_subchannel_pool", 1)]
    async with contextlib.AsyncExitStack() as held:
        channels = [
            await held.enter_async_context(grpc.aio.insecure_channel(order.address, options=options))
            for _ in range(order.connections or (order.at_once if order.mode == "stream" else 1))
        ]
        async with asyncio.timeout(CALL_SECONDS):
            await asyncio.gather(*(channel.channel_ready() for channel in channels))
        return await Publisher(order, channels).run()


if __name__ == "__main__":
    told = uvloop.run(publish(Order(**json.loads(sys.argv[1]))))
    print(json.dumps(figures.as_json(told)), flush=True)
