"""An application of a running server, published to over real gRPC; what the database holds says what was stored."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import grpc
import pytest
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app

TYPE = "user.account.created"
LARGEST = 699_050


def event(**over: Any) -> v1.NewEvent:
    """A good event but for what is given."""
    if "payload" not in over:
        over.setdefault("payload_text", "{}")
    return v1.NewEvent(**{"event_type": TYPE, **over})


class Publishing:
    """`refused` checks that nothing was stored."""

    def __init__(self, server: app.Server, client: hook0_client.Client, made: workbench.Application) -> None:
        self.server, self.client, self.made = server, client, made
        self.application_id = made.application_id

    async def one(self, given: v1.NewEvent | None = None, application_id: str | None = None) -> v1.PublishEventResponse:
        request = v1.PublishEventRequest(application_id=application_id or self.application_id, event=given)
        answer: v1.PublishEventResponse = await self.client.ingestion.PublishEvent(request)
        return answer

    async def batch(self, events: Iterable[v1.NewEvent]) -> Sequence[v1.PublishResult]:
        request = v1.PublishEventsRequest(application_id=self.application_id, events=events)
        results: Sequence[v1.PublishResult] = (await self.client.ingestion.PublishEvents(request)).results
        return results

    async def refused(self, given: v1.NewEvent) -> hook0_client.Hook0Error:
        """The same way by PublishEvent and as one event of a batch, whose neighbours are stored."""
        before = await self.stored()
        with pytest.raises(hook0_client.Hook0Error) as caught:
            await self.one(given)
        assert await self.stored() == before
        good, bad, also_good = await self.batch([event(), given, event()])
        assert good.HasField("published")
        assert also_good.HasField("published")
        assert v1.ErrorReason.Name(bad.error.reason) == f"ERROR_REASON_{caught.value.reason}", given
        assert caught.value.field.removeprefix("event.") in (bad.error.field, ""), given
        assert await self.stored() == before + 2
        return caught.value

    async def stored(self) -> int:
        [(count,)] = await self.server.db.fetch(b"SELECT count(*) FROM events")
        return int(count)

    @contextlib.asynccontextmanager
    async def raw(self, method: str) -> AsyncIterator[Any]:
        """`await call(bytes)` sends them as they are; answers the code and the error as the client reads it."""
        async with grpc.aio.insecure_channel(self.server.grpc, options=[("grpc.max_send_message_length", -1)]) as channel:
            call: Any = channel.unary_unary(f"/hook0.v1.IngestionService/{method}")

            async def send(wire: bytes) -> Any:
                return await call(wire, metadata=(("authorization", f"Bearer {self.made.secret}"),), timeout=20)

            yield send


@contextlib.asynccontextmanager
async def publishing(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Publishing]:
    made = await workbench.application(master, TYPE)
    async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
        yield Publishing(server, client, made)
