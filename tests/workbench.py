"""What tests of the whole path stand on: a receiver that counts, and an application with subscriptions to it."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httptools

import hook0_client
from hook0_client import v1


@dataclass
class Received:
    """One webhook as it came in; names of headers are lower-case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # monotonic seconds


@dataclass
class Receiver:
    """A real HTTP receiver. `answer(received)` gives the raw answer, or None to never answer."""

    port: int = 0
    answer: Callable[[Received], bytes | None] = lambda received: b"HTTP/1.1 204 No Content\r\n\r\n"
    received: list[Received] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.BaseTransport] = field(default_factory=set)

    def break_off(self) -> None:
        """End every connection, answered or not."""
        for each in list(self.connections):
            each.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def counts(self) -> Counter[str]:
        """How often each event id arrived."""
        return Counter(each.headers["x-event-id"] for each in self.received)

    async def until(self, enough: Callable[["Receiver"], bool], seconds: float = 20.0) -> None:
        """Wait for a state; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not enough(self):
                self.changed.clear()
                await self.changed.wait()

    async def until_events(self, count: int, seconds: float = 20.0) -> None:
        """Until so many different events arrived."""
        seen: set[str] = set()
        at = 0

        def enough(receiver: "Receiver") -> bool:
            nonlocal at
            seen.update(each.headers["x-event-id"] for each in receiver.received[at:])
            at = len(receiver.received)
            return len(seen) >= count

        await self.until(enough, seconds)


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._reset()

    def _reset(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.path, self.headers, self.body = "", {}, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.receiver.connections.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        self.receiver.connections.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        received = Received(self.path, self.headers, self.body, time.monotonic())
        self.path, self.headers, self.body = "", {}, b""
        self.receiver.received.append(received)
        self.receiver.changed.set()
        answer = self.receiver.answer(received)
        if answer is not None:
            self.transport.write(answer)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def receiving(answer: Callable[[Received], bytes | None] | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own for as long as the block lasts."""
    receiver = Receiver()
    if answer is not None:
        receiver.answer = answer
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(receiver), "127.0.0.1", port, backlog=1024)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        while receiver.connections:  # one that is left open is a ResourceWarning, and so the failure of some later test
            receiver.break_off()
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Application:
    """An application made for a test, and its own secret."""

    application_id: str
    secret: str


async def application(master: hook0_client.Client, *event_types: str) -> Application:
    """A new application with these event types (user.account.created when none are named)."""
    made = await master.applications.CreateApplication(
        v1.CreateApplicationRequest(application=v1.Application(name="workbench"))
    )
    for event_type in event_types or ("user.account.created",):
        await master.event_types.CreateEventType(
            v1.CreateEventTypeRequest(
                event_type=v1.EventType(application_id=made.application.application_id, event_type=event_type)
            )
        )
    return Application(made.application.application_id, made.application_secret.secret)


async def subscribe(
    master: hook0_client.Client, application_id: str, url: str, **fields: object
) -> v1.CreateSubscriptionResponse:
    """A subscription to every type at this URL; `fields` go into the Subscription message."""
    fields.setdefault("event_types", ["**"])
    subscription = v1.Subscription(
        application_id=application_id,
        target=v1.Target(http=v1.HttpTarget(url=url)),
        **fields,  # type: ignore[arg-type]
    )
    return await master.subscriptions.CreateSubscription(v1.CreateSubscriptionRequest(subscription=subscription))
