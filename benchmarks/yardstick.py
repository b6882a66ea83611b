"""The yardstick: the least code that does the server's durable work, so that a figure is a ratio that any machine can repeat.

An event that comes in by gRPC is committed together with its deliveries, acknowledged, sent as a signed POST over one of 64
kept connections, and its attempt is committed. There is nothing else: no credentials, no checks, no duplicates, no retries, no
limits, no watchers, no second node. `python -m benchmarks.yardstick DSN TARGET` prints one JSON line when it can take work.
"""

import asyncio
import hmac
import json
import signal
import sys
import time
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import grpc
import httptools
import orjson
import psycopg
import uvloop

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as messages, ingestion_service_pb2_grpc as services
from hook0_server.store import sql

Answer = TypeVar("Answer", messages.PublishEventsResponse, messages.PublishEventStreamResponse)

SQL = sql.beside(__file__)
_CONNECTIONS = 64
_WRITERS = 2
_BATCH = 500
_WAITING = 5000  # deliveries; a publisher waits while there are more
_LINGER_SECONDS = 0.002
_TIMEOUT_SECONDS = 15
_APPLICATION = uuid.UUID(int=1)
_SECRET = b"0" * 36
_SIGNED = "content-type x-event-id x-event-type"


class Connection(asyncio.Protocol):
    """A kept connection to the receiver: one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._answer: asyncio.Future[tuple[int, list[tuple[bytes, bytes]], bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._answer is not None
        self._answer.set_result((self._parser.get_status_code(), self._headers, self._body))
        self._headers, self._body = [], b""

    async def post(self, head: bytes, payload: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines((head, payload))
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await self._answer


class Yardstick(services.IngestionServiceServicer):
    """The three queues of an event's way: to be stored, to be sent, to be recorded."""

    def __init__(self, dsn: str, target: str) -> None:
        self._dsn, self._target = dsn, urllib.parse.urlsplit(target)
        self._incoming: asyncio.Queue[tuple[Sequence[messages.NewEvent], asyncio.Future[None]]] = asyncio.Queue()
        self._jobs: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self._done: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def run(self) -> None:
        """Until it is cancelled, or anything at all goes wrong."""
        connections = [await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) for _ in range(_WRITERS + 1)]
        await connections[0].execute(SQL.schema)
        server = grpc.aio.server()
        services.add_IngestionServiceServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(json.dumps({"grpc": f"127.0.0.1:{port}"}), flush=True)
        async with asyncio.TaskGroup() as tasks:
            for number in range(_CONNECTIONS):
                tasks.create_task(self._deliver(), name=f"deliver.{number}")
            for connection in connections[1:]:
                tasks.create_task(self._write(connection), name="write")
            tasks.create_task(self._record(connections[0]), name="record")

    async def PublishEvent(self, request: messages.PublishEventRequest, context: Any) -> messages.PublishEventResponse:  # noqa: N802
        await self._accept([request.event])
        return messages.PublishEventResponse(event_id=request.event.event_id)

    async def PublishEvents(self, request: messages.PublishEventsRequest, context: Any) -> messages.PublishEventsResponse:  # noqa: N802
        await self._accept(request.events)
        return _answered(messages.PublishEventsResponse(), request.events)

    async def PublishEventStream(  # noqa: N802
        self, request_iterator: AsyncIterator[messages.PublishEventStreamRequest], context: Any
    ) -> AsyncIterator[messages.PublishEventStreamResponse]:
        async for batch in request_iterator:
            await self._accept(batch.events)
            yield _answered(messages.PublishEventStreamResponse(), batch.events)

    async def _accept(self, events: Sequence[messages.NewEvent]) -> None:
        while self._jobs.qsize() > _WAITING:
            await asyncio.sleep(0.005)
        stored = asyncio.get_running_loop().create_future()
        self._incoming.put_nowait((events, stored))
        await stored

    async def _write(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            batch = [await self._incoming.get()]
            count = len(batch[0][0])
            while count < _BATCH and not self._incoming.empty():
                batch.append(self._incoming.get_nowait())
                count += len(batch[-1][0])
            events = {uuid.UUID(event.event_id): event for group, _ in batch for event in group}
            cursor = await connection.execute(SQL.publish, _columns(events), binary=True, prepare=True)
            for delivery_id, event_id, subscription_id in await cursor.fetchall():
                self._jobs.put_nowait((delivery_id, event_id, subscription_id, events[event_id]))
            for _, stored in batch:
                stored.set_result(None)

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self._target.hostname or "", self._target.port or 80)
        while True:
            delivery_id, event_id, subscription_id, event = await self._jobs.get()
            began = time.perf_counter()
            status, headers, body = await connection.post(self._head(event), event.payload)
            elapsed = int((time.perf_counter() - began) * 1000)
            shown = orjson.dumps({name.decode("latin1"): value.decode("latin1") for name, value in headers}).decode()
            self._done.put_nowait((delivery_id, event_id, subscription_id, _APPLICATION, status, elapsed, shown, body))

    def _head(self, event: messages.NewEvent) -> bytes:
        at, content_type = int(time.time()), event.payload_content_type or "application/json"
        signed = f"{at}.{_SIGNED}.{content_type}.{event.event_id}.{event.event_type}.".encode() + event.payload
        signature = hmac.digest(_SECRET, signed, "sha256").hex()
        return (
            f"POST {self._target.path} HTTP/1.1\r\nHost: {self._target.netloc}\r\nContent-Type: {content_type}\r\n"
            f"X-Event-Id: {event.event_id}\r\nX-Event-Type: {event.event_type}\r\n"
            f"X-Hook0-Signature: t={at},h={_SIGNED},v1={signature}\r\nContent-Length: {len(event.payload)}\r\n\r\n"
        ).encode()

    async def _record(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            ended = [await self._done.get()]
            await asyncio.sleep(_LINGER_SECONDS)
            while len(ended) < _BATCH and not self._done.empty():
                ended.append(self._done.get_nowait())
            columns = [list(column) for column in zip(*ended, strict=True)]
            await connection.execute(SQL.record, columns, binary=True, prepare=True)


def _columns(events: dict[uuid.UUID, messages.NewEvent]) -> list[list[Any]]:
    """The parameters of `publish`."""
    each = list(events.values())
    return [
        list(events),
        [_APPLICATION] * len(each),
        [event.event_type for event in each],
        [event.payload for event in each],
        [event.payload_content_type or "application/json" for event in each],
        [orjson.dumps(dict(event.labels)).decode() for event in each],
        [datetime.now(UTC)] * len(each),
    ]


def _answered(answer: Answer, events: Sequence[messages.NewEvent]) -> Answer:
    for event in events:
        answer.results.add().published.event_id = event.event_id
    return answer


async def main(dsn: str, target: str) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await Yardstick(dsn, target).run()


if __name__ == "__main__":
    try:
        uvloop.run(main(*sys.argv[1:]))
    except asyncio.CancelledError:
        sys.exit(0)  # by SIGTERM
