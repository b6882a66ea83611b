"""The receiver, as a process of its own: answers 204 at once, and remembers when each webhook was sent and arrived.

Paths: /hang… never answers, /fail… answers 503, any other 204; each path is counted apart. A second port takes commands, one
JSON line each, and answers one line: {"do": "stats", "sent_after": s}, "counts", "reset", "down" (with "how": "refuse" or
"reset"), "up".
"""

import asyncio
import dataclasses
import json
import signal
import time
from array import array
from typing import Any, cast

import httptools
import uvloop

from benchmarks import figures

_ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"
_REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_SENT = b'{"sent":'
_BACKLOG = 1024


@dataclasses.dataclass(slots=True)
class Path:
    """What arrived at one path; `sent` and `at` are of the webhooks that say when they were sent (monotonic seconds)."""

    answer: bytes | None
    count: int = 0
    first: float = 0.0
    last: float = 0.0
    sent: "array[float]" = dataclasses.field(default_factory=lambda: array("d"))
    at: "array[float]" = dataclasses.field(default_factory=lambda: array("d"))

    def arrived(self, body: bytes) -> None:
        now = time.monotonic()
        self.first = self.first or now
        self.last = now
        self.count += 1
        if body.startswith(_SENT):
            self.sent.append(float(body[8 : body.index(b",", 8)]))
            self.at.append(now)

    def stats(self, sent_after: float) -> dict[str, Any]:
        latencies = [at - sent for sent, at in zip(self.sent, self.at, strict=True) if sent >= sent_after]
        latency = dataclasses.asdict(figures.Latency.of(latencies))
        return {"count": self.count, "first": self.first, "last": self.last, "latency": latency}


class Connection(asyncio.Protocol):
    """One connection of a sender; requests come one after the other."""

    def __init__(self, receiver: "Receiver") -> None:
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self._receiver.open.add(self._transport)
        if self._receiver.is_resetting:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        path = self._receiver.path(self._url)
        path.arrived(self._body)
        self._url = self._body = b""
        if path.answer is not None:
            self._transport.write(path.answer)


class Receiver:
    """What arrived, by path, and whether anybody can come."""

    def __init__(self) -> None:
        self._paths: dict[bytes, Path] = {}
        self._listening: asyncio.Server | None = None
        self.open: set[asyncio.Transport] = set()
        self.is_resetting = False
        self.port = 0

    def path(self, url: bytes) -> Path:
        if (found := self._paths.get(url)) is None:
            answer = None if url.startswith(b"/hang") else _REFUSED if url.startswith(b"/fail") else _ACCEPTED
            found = self._paths[url] = Path(answer)
        return found

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: Connection(self), "127.0.0.1", self.port, backlog=_BACKLOG)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def obey(self, command: dict[str, Any]) -> Any:
        match command["do"]:
            case "stats":
                return {url.decode(): path.stats(command["sent_after"]) for url, path in self._paths.items()}
            case "counts":
                return {url.decode(): path.count for url, path in self._paths.items()}
            case "reset":
                self._paths.clear()
            case "down":
                self._down(command["how"])
            case "up":
                self.is_resetting = False
                if self._listening is None:
                    await self.listen()
        return {}

    def _down(self, how: str) -> None:
        self.is_resetting = how == "reset"
        if how == "refuse" and self._listening is not None:
            self._listening.close()
            self._listening = None
        for transport in list(self.open):
            transport.abort()

    async def controlled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(figures.as_json(await self.obey(json.loads(line)))).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main() -> None:
    receiver = Receiver()
    await receiver.listen()
    control = await asyncio.start_server(receiver.controlled, "127.0.0.1", 0)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print(json.dumps({"port": receiver.port, "control": control.sockets[0].getsockname()[1]}), flush=True)
    await stopping.wait()


if __name__ == "__main__":
    uvloop.run(main())
