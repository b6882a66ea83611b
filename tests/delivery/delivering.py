"""An application of a running server and what becomes of its deliveries."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import hostile
import workbench
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

import hook0_client
from hook0_client import v1
from hook0_server import app

TYPE = "user.account.created"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
State, Outcome = v1.DeliveryState, v1.Outcome
IN_FLIGHT, WAITING = State.DELIVERY_STATE_IN_FLIGHT, State.DELIVERY_STATE_WAITING
SUCCEEDED, DEAD, CANCELLED = State.DELIVERY_STATE_SUCCEEDED, State.DELIVERY_STATE_DEAD, State.DELIVERY_STATE_CANCELLED


def seconds(count: float) -> Duration:
    return Duration(nanos=int(count * 1e9) % 10**9, seconds=int(count))


def policy(*delays: float, **over: Any) -> v1.RetryPolicy:
    """These delays without jitter; one retry for each."""
    given = {"delays": [seconds(each) for each in delays], "max_retries": len(delays), "jitter_ratio": 0.0, **over}
    return v1.RetryPolicy(**given)


class Delivering:
    """Publishes, looks, waits; `until` asks again until it is so."""

    def __init__(self, server: app.Server, client: hook0_client.Client, made: workbench.Application) -> None:
        self.server, self.client, self.made = server, client, made
        self.application_id = made.application_id

    async def subscribe(self, url: str, **fields: Any) -> str:
        """Its id."""
        made = await workbench.subscribe(self.client, self.application_id, url, **fields)
        return made.subscription.subscription_id

    async def change(self, subscription_id: str, *paths: str, **fields: Any) -> None:
        changed = v1.Subscription(application_id=self.application_id, subscription_id=subscription_id, **fields)
        await self.client.subscriptions.UpdateSubscription(
            v1.UpdateSubscriptionRequest(subscription=changed, update_mask=FieldMask(paths=list(paths)))
        )

    async def publish(self, count: int = 1, **over: Any) -> list[str]:
        """Ids of new events."""
        events = [v1.NewEvent(**{"event_type": TYPE, "payload_text": "{}", **over}) for _ in range(count)]
        request = v1.PublishEventsRequest(application_id=self.application_id, events=events)
        results = (await self.client.ingestion.PublishEvents(request)).results
        return [each.published.event_id for each in results]

    async def deliveries(self, *event_ids: str, states: Sequence[Any] = ()) -> list[v1.Delivery]:
        wanted = v1.DeliveryFilter(event_ids=event_ids, states=states)
        request = v1.ListDeliveriesRequest(application_id=self.application_id, filter=wanted, page_size=500)
        return list((await self.client.deliveries.ListDeliveries(request)).deliveries)

    async def only(self, event_id: str) -> v1.Delivery:
        """The one delivery of an event."""
        [delivery] = await self.deliveries(event_id)
        return delivery

    async def attempts(self, *event_ids: str) -> list[v1.Attempt]:
        """With everything, oldest first."""
        wanted = v1.AttemptFilter(event_ids=event_ids)
        request = v1.ListAttemptsRequest(
            application_id=self.application_id, filter=wanted, page_size=500, view=v1.View.VIEW_FULL
        )
        found: list[v1.Attempt] = list((await self.client.attempts.ListAttempts(request)).attempts)
        return sorted(found, key=lambda each: (each.delivery_id, each.attempt_number))

    async def until(self, event_id: str, so: Callable[[v1.Delivery], object], most: float = 10.0) -> v1.Delivery:
        """The one delivery of an event, once it is so."""
        async with asyncio.timeout(most):
            while not so(delivery := await self.only(event_id)):  # noqa: ASYNC110  # the state is the server's
                await asyncio.sleep(0.01)
        return delivery

    async def in_state(self, event_id: str, state: Any, most: float = 10.0) -> v1.Delivery:
        return await self.until(event_id, lambda delivery: delivery.state == state, most)

    async def count(self, what: bytes, expected: int, most: float = 10.0) -> None:
        """Until SELECT count(*) FROM this is that."""
        async with asyncio.timeout(most):
            while (await self.server.db.fetch(b"SELECT count(*)::int FROM " + what)) != [(expected,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def retry(self, delivery_id: str) -> v1.Delivery:
        request = v1.RetryDeliveryRequest(application_id=self.application_id, delivery_id=delivery_id)
        answer: v1.RetryDeliveryResponse = await self.client.deliveries.RetryDelivery(request)
        return answer.delivery

    async def cancel(self, delivery_id: str) -> v1.Delivery:
        request = v1.CancelDeliveryRequest(application_id=self.application_id, delivery_id=delivery_id)
        answer: v1.CancelDeliveryResponse = await self.client.deliveries.CancelDelivery(request)
        return answer.delivery


class Holding:
    """A receiver that answers nobody until it is told to."""

    def __init__(self) -> None:
        self.url, self.requests = "", list[bytes]()
        self.came, self.release = asyncio.Event(), asyncio.Event()
        self.answer = OK

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.requests.append(await hostile.read_request(reader))
                self.came.set()
                await self.release.wait()
                writer.write(self.answer)
                await writer.drain()


@contextlib.asynccontextmanager
async def holding() -> AsyncIterator[Holding]:
    held = Holding()
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await held.talk(reader, writer)
        except asyncio.CancelledError:
            return  # the end of the test
        finally:
            writer.transport.abort()
            talks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    held.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield held
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks)


@contextlib.asynccontextmanager
async def delivering(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    made = await workbench.application(master, TYPE)
    async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
        yield Delivering(server, client, made)
