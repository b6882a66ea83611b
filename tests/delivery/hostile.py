"""A receiver that does exactly what a script says, however wrong, and a sender whose event loop must not complain."""

import asyncio
import contextlib
import dataclasses
import enum
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from hook0_server.delivery import answer, http, request, resolve, response

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
SECRET = "6f1c1b3a-0b7e-4f6e-9a41-0d1b5d9a8c11"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Do(enum.Enum):
    READ = "read one whole request"
    BEGIN = "read the first byte of a request"
    CLOSE = "close the connection"
    RESET = "close it so that the peer sees a reset"
    FLOOD = "send zeros until the peer goes away"


Step = bytes | float | Do
"""Bytes are written, a number is a pause in seconds. After the last step the connection stays open."""


ROUND: tuple[Step, ...] = (Do.READ, NO_CONTENT)


@dataclasses.dataclass
class Receiver:
    scripts: Sequence[Sequence[Step]]
    port: int = 0
    accepted: int = 0
    requests: list[bytes] = dataclasses.field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.accepted, len(self.scripts) - 1)]
        self.accepted += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            for step in script:
                await self._do(step, reader, writer)
            await reader.read()

    async def _do(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
            case float() | int():
                await asyncio.sleep(step)
            case Do.READ:
                self.requests.append(await read_request(reader))
            case Do.BEGIN:
                await reader.readexactly(1)
            case Do.CLOSE:
                writer.close()
            case Do.RESET:
                writer.transport.abort()
            case Do.FLOOD:
                while not writer.is_closing():
                    writer.write(bytes(65_536))
                    await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(int(length.split(b":")[1]))


@contextlib.asynccontextmanager
async def receiving(
    *scripts: Sequence[Step], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """The n-th connection is treated by the n-th script, later ones by the last."""
    receiver = Receiver(scripts)
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await receiver.talk(reader, writer)
        except asyncio.CancelledError:
            return  # the end of the test
        finally:
            writer.transport.abort()
            talks.discard(task)

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks)


@dataclasses.dataclass
class Sender:
    client: http.HttpClient

    async def send(
        self, url: str, body: bytes = b'{"id":1}', *, method: str = "POST", deadline: float = 5.0, **headers: str
    ) -> answer.Answer:
        return await self.client.send(build(url, body, method=method, headers=headers), deadline)


def build(url: str, body: bytes = b"", *, method: str = "POST", headers: Mapping[str, str] = {}) -> request.Request:
    return request.Template.prepare(method, url, headers, SECRET).build(
        event_id="0199a1c2-0000-7000-8000-000000000001",
        event_type="shop.order.paid",
        content_type="application/json",
        payload=body,
        timestamp=1_700_000_000,
        delivery_id="0199a1c2-0000-7000-8000-000000000002",
        attempt_number=3,
    )


@contextlib.asynccontextmanager
async def sending(
    *,
    caps: response.Caps | None = None,
    tls: ssl.SSLContext | None = None,
    addresses: Sequence[str] | None = None,
    **limits: Any,
) -> AsyncIterator[Sender]:
    """`addresses` is what every name resolves to. At the end the event loop must have had nothing to complain about."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    lookup = resolve.system_lookup if addresses is None else lambda _: addresses
    resolver = resolve.Resolver(allowed=LOOPBACK, lookup=lookup)
    bounds = http.Limits(caps=caps or response.Caps(), **limits)
    async with http.HttpClient(resolver=resolver, limits=bounds, tls=tls) as client:
        yield Sender(client)
    assert client.open_connections == 0
    assert complaints == []


async def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Waits until the condition holds; fails when it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)
