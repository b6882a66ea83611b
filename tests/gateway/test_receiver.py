import contextlib
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import edges
import pytest
from structlog import testing

from hook0_server import metrics
from hook0_server.gateway import app, health, receiver, siblings
from hook0_server.model import signing
from hook0_server.store import database

SECRET = "5b8f3c5e-7a2b-4c11-8d4e-0123456789ab"
PAYLOAD = b'{"id":1}'
HEADERS = {
    "Content-Type": "application/json",
    "X-Event-Id": "018f3c5e-7a2b-7c11-8d4e-0123456789ab",
    "X-Event-Type": "user.account.created",
    "X-Custom": "mine",
}


def signed(secret: str = SECRET, payload: bytes = PAYLOAD) -> dict[str, str]:
    return HEADERS | {"X-Hook0-Signature": signing.sign_v1(secret, int(time.time()), HEADERS.items(), payload)}


class Sender:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def send(self, headers: dict[str, str], payload: bytes = PAYLOAD, path: str = "/receiver/main") -> int:
        async with self.session.post(self.url + path, data=payload, headers=headers) as answer:
            return answer.status

    async def listed(self, path: str = "/receiver") -> Any:
        async with self.session.get(self.url + path) as answer:
            return await answer.json()


@contextlib.asynccontextmanager
async def receiving(received: receiver.Receiver) -> AsyncIterator[Sender]:
    never_asked = health.Health(database.Database("postgresql://nobody@127.0.0.1:1/none"))
    async with (
        app.serving(
            "127.0.0.1:0", edges.nothing(), looked_at=never_asked, scraped=siblings.Scrape(metrics.Metrics()), received=received
        ) as bound,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        yield Sender(session, f"http://{bound}")


async def test_a_webhook_is_taken_listed_and_logged_with_its_signature_verified() -> None:
    async with receiving(receiver.Receiver(SECRET)) as sender:
        with testing.capture_logs() as lines:
            assert await sender.send(signed()) == 204
        listed = await sender.listed()
        assert await sender.listed("/receiver/main") == listed
    (webhook,) = listed["webhooks"]
    assert (webhook["event_id"], webhook["event_type"]) == (HEADERS["X-Event-Id"], "user.account.created")
    assert (webhook["verified"], webhook["payload"], webhook["path"]) == (True, '{"id":1}', "/receiver/main")
    assert [(line["event"], line["verified"]) for line in lines] == [("webhook.received", True)]


@pytest.mark.parametrize(
    ("headers", "payload"),
    [
        (signed(), b'{"id":2}'),
        (signed("another secret"), PAYLOAD),
        (signed() | {"X-Custom": "changed"}, PAYLOAD),
        ({name: value for name, value in signed().items() if name != "X-Custom"}, PAYLOAD),
        (HEADERS, PAYLOAD),
        (HEADERS | {"X-Hook0-Signature": "t=,h=,v1="}, PAYLOAD),
        (HEADERS | {"X-Hook0-Signature": "t=1,h=,v1=" + "0" * 64}, PAYLOAD),
        (HEADERS | {"X-Hook0-Signature": "t=" + "9" * 5000 + ",h=x-event-id,v1=0"}, PAYLOAD),
    ],
)
async def test_what_was_changed_or_not_signed_is_taken_but_not_verified(headers: dict[str, str], payload: bytes) -> None:
    async with receiving(receiver.Receiver(SECRET)) as sender:
        assert await sender.send(headers, payload) == 204
        (webhook,) = (await sender.listed())["webhooks"]
    assert webhook["verified"] is False


async def test_the_secret_can_be_set_later_and_without_one_nothing_is_claimed() -> None:
    received = receiver.Receiver()
    async with receiving(received) as sender:
        await sender.send(signed())
        received.secret = SECRET
        await sender.send(signed())
        listed = await sender.listed()
    assert [webhook["verified"] for webhook in listed["webhooks"]] == [True, None]


async def test_memory_stays_bounded_in_number_and_in_bytes() -> None:
    async with receiving(receiver.Receiver()) as sender:
        with testing.capture_logs():
            for number in range(receiver.KEPT + 5):
                await sender.send({"X-Event-Id": f"{number:05}" + "x" * 1000}, b"\xff" * 10_000)
        listed = await sender.listed()
    assert listed["received"] == receiver.KEPT + 5
    assert len(listed["webhooks"]) == receiver.KEPT
    assert listed["webhooks"][0]["event_id"].startswith(f"{receiver.KEPT + 4:05}")
    assert all(len(webhook["payload"]) <= 4096 and len(webhook["event_id"]) <= 200 for webhook in listed["webhooks"])
    assert listed["webhooks"][0]["payload_bytes"] == 10_000


async def test_what_is_larger_than_any_webhook_is_refused_with_a_reason() -> None:
    received = receiver.Receiver()
    async with receiving(received) as sender:
        body = io.BytesIO(bytes(1024 * 1024 + 1))
        async with sender.session.post(sender.url + "/receiver", data=body) as answer:
            assert (answer.status, answer.content_type) == (413, "application/problem+json")
            assert (await answer.json(content_type=None))["reason"] == "MESSAGE_TOO_LARGE"
    assert received.received == 0
