"""Whatever order things happen in, with a server that is killed in between, deliveries end as a simple model says."""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import processes
import pytest
import simple_model as model
import workbench
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

import hook0_client
from hook0_client import v1

PROGRAM = (*processes.QUICK, "2")  # seconds until what a killed server held is taken over
TYPE, LABELS = "user.account.created", ("a", "b")
HOUR = Duration(seconds=3600)
POLICY = v1.RetryPolicy(delays=[HOUR], max_retries=model.MAX_RETRIES, jitter_ratio=0.0)
SETTLE_SECONDS = 40.0
SEED = 3946  # its 45 steps come by every state, and delete subscriptions that something waits for, enabled and not
FEWEST, MOST = 2, 5  # subscriptions
STATES = {
    v1.DeliveryState.DELIVERY_STATE_WAITING: model.WAITING,
    v1.DeliveryState.DELIVERY_STATE_SUCCEEDED: model.SUCCEEDED,
    v1.DeliveryState.DELIVERY_STATE_DEAD: model.DEAD,
    v1.DeliveryState.DELIVERY_STATE_CANCELLED: model.CANCELLED,
}
ATTEMPTS = {
    v1.Outcome.OUTCOME_SUCCEEDED: model.OK,
    v1.Outcome.OUTCOME_HTTP_ERROR: model.FAILED,
    v1.Outcome.OUTCOME_CANCELLED: model.ENDED,
}


@dataclass
class Run:
    """The same things done to a server and to the model."""

    chance: random.Random
    server: processes.Server
    client: hook0_client.Client
    application_id: str
    receiver: workbench.Receiver
    expected: model.Model = field(default_factory=model.Model)
    paths: dict[str, str] = field(default_factory=dict)  # of the receiver: subscription
    done: Counter[str] = field(default_factory=Counter)
    crashed: set[str] = field(default_factory=set)  # events that were on their way in a crash: they may arrive again
    log: list[str] = field(default_factory=list)

    def answer(self, received: workbench.Received) -> bytes:
        failing = self.expected.subscriptions[self.paths[received.path]].failing
        return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" if failing else b"HTTP/1.1 204 None\r\n\r\n"

    # What happens.

    async def subscribe(self) -> None:
        path, label = f"/{len(self.paths)}", self.chance.choice(LABELS)
        made = await workbench.subscribe(
            self.client,
            self.application_id,
            f"http://127.0.0.1:{self.receiver.port}{path}",
            labels={"to": label},
            retry_policy=POLICY,
        )
        name = made.subscription.subscription_id
        self.paths[path], self.expected.subscriptions[name] = name, model.Subscription(label)

    async def publish(self, count: int = 3) -> list[str]:
        label = self.chance.choice(LABELS)
        ids = [hook0_client.events.uuid7() for _ in range(self.chance.randint(1, count))]
        events = [v1.NewEvent(event_id=each, event_type=TYPE, payload_text="{}", labels={"to": label}) for each in ids]
        await self.client.ingestion.PublishEvents(v1.PublishEventsRequest(application_id=self.application_id, events=events))
        for each in ids:
            self.expected.publish(each, label)
        return ids

    async def change_mood(self) -> None:
        subscription = self.expected.subscriptions[self.chance.choice(self.expected.alive())]
        subscription.failing = not subscription.failing

    async def enable(self) -> None:
        name = self.chance.choice(self.expected.alive())
        enabled = not self.expected.subscriptions[name].enabled
        changed = v1.Subscription(application_id=self.application_id, subscription_id=name, is_enabled=enabled)
        await self.client.subscriptions.UpdateSubscription(
            v1.UpdateSubscriptionRequest(subscription=changed, update_mask=FieldMask(paths=["is_enabled"]))
        )
        self.expected.enable(name, enabled)

    async def delete(self) -> None:
        name = self.chance.choice(self.expected.alive())
        await self.client.subscriptions.DeleteSubscription(
            v1.DeleteSubscriptionRequest(application_id=self.application_id, subscription_id=name)
        )
        self.expected.delete(name)

    async def replay(self) -> None:
        event = self.chance.choice(list(self.expected.events))
        request = v1.ReplayEventRequest(application_id=self.application_id, event_id=event)
        assert (await self.client.events.ReplayEvent(request)).delivery_count == self.expected.replay(event)

    async def retry(self) -> None:
        request = v1.RetryDeliveryRequest(application_id=self.application_id)
        await self._steer(request, self.client.deliveries.RetryDelivery, self.expected.retry)

    async def cancel(self) -> None:
        request = v1.CancelDeliveryRequest(application_id=self.application_id)
        await self._steer(request, self.client.deliveries.CancelDelivery, self.expected.cancel)

    async def _steer(
        self,
        request: v1.RetryDeliveryRequest | v1.CancelDeliveryRequest,
        call: Callable[..., Awaitable[object]],
        steered: Callable[[model.Delivery], bool],
    ) -> None:
        """Any delivery, rather one that something can be done with."""
        open_ones = [each for each in self.expected.deliveries if each.state in (model.WAITING, model.DEAD)]
        chosen = self.chance.choice(open_ones if open_ones and self.chance.random() < 0.8 else self.expected.deliveries)
        request.delivery_id = (await self.seen())[chosen.key][0]
        if steered(chosen):
            await call(request)
        else:
            with pytest.raises(hook0_client.Precondition):
                await call(request)

    async def crash(self) -> None:
        """kill -9 while a burst is on its way."""
        self.crashed.update(await self.publish(40))
        await asyncio.sleep(self.chance.uniform(0.0, 0.03))
        await self.server.kill()
        await self.server.start()

    # What came of it.

    async def seen(self) -> dict[model.Key, list[str]]:
        """Ids of deliveries by what they are."""
        attempts: defaultdict[str, list[v1.Attempt]] = defaultdict(list)
        deliveries: list[v1.Delivery] = []
        asked = v1.ListAttemptsRequest(application_id=self.application_id, page_size=500)
        async for attempt in hook0_client.pages(self.client.attempts.ListAttempts, asked):
            attempts[attempt.delivery_id].append(attempt)
        listed = v1.ListDeliveriesRequest(application_id=self.application_id, page_size=500)
        async for delivery in hook0_client.pages(self.client.deliveries.ListDeliveries, listed):
            deliveries.append(delivery)  # noqa: PERF401
        found: defaultdict[model.Key, list[str]] = defaultdict(list)
        for each in deliveries:
            ended = sorted(attempts[each.delivery_id], key=lambda attempt: (attempt.attempt_number, attempt.final))
            outcomes = tuple(ATTEMPTS.get(attempt.outcome, str(attempt.outcome)) for attempt in ended)
            key = each.event_id, each.subscription_id, STATES.get(each.state, str(each.state)), outcomes
            found[key].append(each.delivery_id)
        return found

    async def agrees(self) -> None:
        """Until the server says what the model says."""
        found: dict[model.Key, list[str]] = {}
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while {key: len(ids) for key, ids in found.items()} != self.expected.keys or not found:
                    await asyncio.sleep(0.01)
                    with contextlib.suppress(hook0_client.Unavailable):
                        found = await self.seen()
                    if not self.expected.deliveries and not found:
                        return
        except TimeoutError:
            counted = Counter({key: len(ids) for key, ids in found.items()})
            lacks, extra = self.expected.keys - counted, counted - self.expected.keys
            raise AssertionError(f"after {self.log}\nthe server lacks {lacks}\nand has {extra}") from None

    def arrived(self) -> None:
        """Every request came, and came once but for what a crash repeated."""
        arrived = Counter((each.headers["x-event-id"], self.paths[each.path]) for each in self.receiver.received)
        for key in arrived | self.expected.sent:
            if key[0] in self.crashed:
                assert arrived[key] >= self.expected.sent[key], key
            else:
                assert arrived[key] == self.expected.sent[key], (key, self.log)

    async def step(self, crash: bool = False) -> None:
        alive = self.expected.alive()
        if len(alive) < FEWEST:
            happens = self.subscribe
        elif crash:
            happens = self.crash
        elif not self.expected.deliveries:
            happens = self.publish
        else:
            weights: dict[Callable[[], Awaitable[object]], int] = {
                self.publish: 5, self.retry: 5, self.change_mood: 4, self.enable: 3, self.cancel: 2, self.replay: 2,
                self.delete: 1, self.subscribe: 2 if len(alive) < MOST else 0,
            }  # fmt: skip
            [happens] = self.chance.choices(list(weights), list(weights.values()))
        self.log.append(happens.__name__)
        self.done[happens.__name__] += 1
        await happens()
        await self.agrees()


@contextlib.asynccontextmanager
async def running(dsn: str, seed: int) -> AsyncIterator[Run]:
    async with contextlib.AsyncExitStack() as opened:
        server = await opened.enter_async_context(processes.serving("model", PROGRAM, DATABASE_URL=dsn))
        receiver = await opened.enter_async_context(workbench.receiving())
        master = await opened.enter_async_context(hook0_client.connect(server.grpc, token=processes.MASTER_KEY))
        made = await workbench.application(master, TYPE)
        connected = hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id)
        client = await opened.enter_async_context(connected)
        run = Run(random.Random(seed), server, client, made.application_id, receiver)
        receiver.answer = run.answer
        yield run


async def compare(run: Run, steps: int, crash_at: Callable[[int], bool]) -> None:
    for number in range(steps):
        await run.step(crash=crash_at(number))
    await asyncio.sleep(0.2)  # what should not come does not come later either
    await run.agrees()
    run.arrived()


async def test_a_random_sequence_with_a_crash_ends_as_the_model_says(dsn: str) -> None:
    async with running(dsn, seed=SEED) as run:
        await compare(run, 45, lambda number: number == 30)
    assert {"publish", "retry", "change_mood", "enable", "cancel", "replay", "delete", "crash"} <= set(run.done)
    assert set(STATES.values()) <= {each.state for each in run.expected.deliveries}


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_long_random_sequences_with_crashes_end_as_the_model_says(dsn: str) -> None:
    minutes = 0.3 * float(os.environ.get("SOAK_MINUTES", "10"))  # the rest of them is the long load's
    deadline, done, sequences = time.monotonic() + 60 * minutes, Counter[str](), 0
    first = int(os.environ.get("MODEL_SEED", str(random.randrange(10**6))))
    while time.monotonic() < deadline:
        seed = first + sequences
        print(f"seed {seed}")
        async with running(dsn, seed) as run:
            await compare(run, 150, lambda _, run=run: run.chance.random() < 0.03)  # type: ignore[misc]
        done += run.done
        sequences += 1
    print(f"{sequences} sequences: {dict(done)}")
