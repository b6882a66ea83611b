"""Publishing over REST for the load: one kept connection, one request at a time, as little as possible around it."""

import asyncio
import urllib.parse
from typing import Self, cast

import httptools
import orjson

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as messages

_TIMEOUT_SECONDS = 30.0
_OCCURRED_AT = "2026-01-02T03:04:05Z"


class Connection(asyncio.Protocol):
    """`await Connection.open(host_and_port, secret)`, then `post` again and again."""

    def __init__(self, address: str, secret: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self._head = (
            f"POST /api/v1/event HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    @classmethod
    async def open(cls, address: str, secret: str) -> Self:
        parts = urllib.parse.urlsplit(f"//{address}")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(address, secret), parts.hostname or "", parts.port or 0)
        return connection

    async def post(self, application_id: str, event: messages.NewEvent) -> int:
        """The status of the answer. Raises ConnectionError where the server closed the connection, TimeoutError."""
        body = orjson.dumps(
            {
                "application_id": application_id,
                "event_id": event.event_id,
                "event_type": event.event_type,
                "payload": event.payload.decode(),
                "payload_content_type": "application/json",
                "occurred_at": _OCCURRED_AT,
                "labels": dict(event.labels),
            }
        )
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await self._answer

    def close(self) -> None:
        self._transport.close()

    # What the event loop and the parser call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server closed the connection"))

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())
