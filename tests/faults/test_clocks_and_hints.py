"""Wall clocks that jump and notifications that are lost: events keep their days, deliveries their ages; the polls suffice."""

import contextlib
import dataclasses
import sys
import time
import types
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import workbench
from google.protobuf import duration_pb2
from google.protobuf.field_mask_pb2 import FieldMask

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.delivery import sender
from hook0_server.model import ids
from hook0_server.store import clock, database, wake
from tests import conftest

TYPE = "user.account.created"
DAY_SECONDS = 86_400.0
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    return dataclasses.replace(settings, stop_grace=0.3)


@pytest.fixture(params=[40, -40], ids=["40 days ahead", "40 days behind"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The wall clock is wrong by so many seconds for all of the server, and for nobody else in this process."""
    seconds: float = request.param * DAY_SECONDS
    wrong = types.SimpleNamespace(**vars(time) | {"time": lambda: time.time() + seconds})
    for name, module in list(sys.modules.items()):
        if name.startswith("hook0_server.") and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", wrong)
    return seconds


async def _publish(client: hook0_client.Client, application_id: str, event_id: uuid.UUID) -> str:
    event = v1.NewEvent(event_id=str(event_id), event_type=TYPE, payload_text="{}")
    request = v1.PublishEventRequest(application_id=application_id, event=event)
    answer = await client.ingestion.PublishEvent(request)
    return answer.event_id


async def test_a_wall_clock_that_is_wrong_moves_no_day_and_ages_nothing(
    server: app.Server, master: hook0_client.Client, db: database.Database, jump: float
) -> None:
    tries: list[str] = []

    def answer(received: workbench.Received) -> bytes:
        """The first try of each fails, so that it has to live until the second."""
        tries.append(received.headers["x-event-id"])
        return ACCEPTED if tries.count(tries[-1]) > 1 else BUSY

    async with workbench.receiving(answer) as receiver:
        made = await workbench.application(master, TYPE)
        policy = v1.RetryPolicy(
            delays=[duration_pb2.Duration(seconds=1)], jitter_ratio=0, max_age=duration_pb2.Duration(seconds=3600)
        )
        await workbench.subscribe(master, made.application_id, receiver.url, retry_policy=policy)
        true_now = time.time()
        given = [ids.uuid7(true_now, 1), uuid.uuid4()]
        for event_id in given:
            await _publish(master, made.application_id, event_id)
        with pytest.raises(hook0_client.InvalidRequest):
            await _publish(master, made.application_id, ids.uuid7(true_now + 2 * DAY_SECONDS, 1))
        await receiver.until(lambda each: len(each.received) == 4)
    assert sorted(tries) == sorted(map(str, given * 2))
    for event_id in map(str, given):
        first, later = [each.at for each in receiver.received if each.headers["x-event-id"] == event_id]
        assert later - first > 0.9
    days = await db.fetch(b"SELECT DISTINCT day FROM events")
    assert days == [(datetime.fromtimestamp(true_now, UTC).date(),)]
    assert sender.time.time() - time.time() == pytest.approx(jump, abs=1), "the server's clock was right: it proves nothing"


class _Told:
    """A database that says what time it is."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def fetch(self, statement: bytes) -> list[tuple[float]]:
        assert statement == clock.READ
        return [(self.seconds,)]


async def test_the_databases_clock_may_be_set_and_is_followed() -> None:
    made = clock.Clock()
    assert made.now() == pytest.approx(time.time(), abs=5)
    for seconds in (1e9, 2e9):
        await made.read(_Told(seconds))
        assert made.now() == pytest.approx(seconds, abs=5)


@pytest.fixture
async def deaf(settings: server_settings.Settings, dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Where a server answers calls and another one delivers; no notification arrives anywhere."""
    monkeypatch.setattr(wake.Wake, "_wake", lambda *_: None)
    answering = dataclasses.replace(settings, roles=("api",))
    delivering = dataclasses.replace(settings, roles=("delivery",))
    async with app.serving(answering, dsn) as server, app.serving(delivering, dsn):
        yield server.grpc


async def test_what_no_notification_told_of_is_found_by_the_polls(deaf: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        master = await stack.enter_async_context(hook0_client.connect(deaf, token=conftest.MASTER_KEY))
        receiver = await stack.enter_async_context(workbench.receiving())
        made = await workbench.application(master, TYPE)
        subscribed = (await workbench.subscribe(master, made.application_id, receiver.url)).subscription
        await _publish(master, made.application_id, uuid.uuid4())
        await receiver.until_events(1, 5)
        moved = v1.Subscription(
            application_id=made.application_id,
            subscription_id=subscribed.subscription_id,
            target=v1.Target(http=v1.HttpTarget(url=receiver.url + "/moved")),
        )
        await master.subscriptions.UpdateSubscription(
            v1.UpdateSubscriptionRequest(subscription=moved, update_mask=FieldMask(paths=["target"]))
        )
        until = time.monotonic() + 10
        while receiver.received[-1].path != "/hook/moved" and time.monotonic() < until:
            before = len(receiver.received)
            await _publish(master, made.application_id, uuid.uuid4())
            await receiver.until(lambda each, before=before: len(each.received) > before, 5)  # type: ignore[misc]
        assert receiver.received[-1].path == "/hook/moved"
        await _watched(master, made, receiver)


async def _watched(master: hook0_client.Client, made: workbench.Application, receiver: workbench.Receiver) -> None:
    """Attempts that another process recorded are seen, too."""
    begun = datetime.now(UTC) - timedelta(minutes=5)
    async with master.watch(application_id=made.application_id, start_at=begun) as attempts:
        seen = [await anext(attempts)]
        await _publish(master, made.application_id, uuid.uuid4())
        while len(seen) < len(receiver.received):
            seen.append(await anext(attempts))
