"""Request attempts over REST: in every state, page by page, with what was answered."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rest_rig
import workbench

import hook0_client
from hook0_client import v1
from hook0_server.model import ids
from hook0_server.store import keyset

Attempts = list[dict[str, Any]]


def attempts(shop: rest_rig.Shop, more: str = "") -> Attempts:
    found: Attempts = shop.call("GET", shop.of(f"/request_attempts{more}")).json
    return found


def until(shop: rest_rig.Shop, enough: Callable[[Attempts], bool], meanwhile: Callable[[], object] = lambda: None) -> Attempts:
    """The attempts as soon as they are as they should be."""
    deadline = time.monotonic() + 15
    while not enough(found := attempts(shop)):
        assert time.monotonic() < deadline, found
        meanwhile()
    return found


def kinds(found: Attempts) -> list[str]:
    return [each["status"]["type"] for each in found]


@pytest.fixture
def receiver(served: rest_rig.Served) -> Iterator[workbench.Receiver]:
    yield served.receiver
    served.receiver.answer = workbench.Receiver().answer


def published(shop: rest_rig.Shop, **subscription: Any) -> str:
    """The id of an event that one subscription is owed."""
    assert shop.call("POST", "/subscriptions", shop.subscription(**subscription)).status == 201
    event_id: str = shop.call("POST", "/event", shop.event()).json["event_id"]
    return event_id


def answering(status: int, body: bytes = b"", headers: str = "") -> Callable[[workbench.Received], bytes]:
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return lambda _: head.encode() + body


def test_a_success_is_shown_with_its_response(shop: rest_rig.Shop, receiver: workbench.Receiver) -> None:
    receiver.answer = answering(201, "grüße".encode(), "X-Seen: yes\r\n")
    event_id = published(shop, description="d")
    [only] = until(shop, lambda found: kinds(found) == ["successful"])
    assert only == {
        "request_attempt_id": only["request_attempt_id"],
        "event_id": event_id,
        "event": {"event_id": event_id, "event_type_name": "shop.order.paid"},
        "subscription": {"subscription_id": only["subscription"]["subscription_id"], "description": "d"},
        "created_at": only["created_at"],
        "picked_at": only["picked_at"],
        "failed_at": None,
        "succeeded_at": only["status"]["at"],
        "delay_until": None,
        "response_id": only["request_attempt_id"],
        "retry_count": 0,
        "http_response_status": 201,
        "status": {
            "type": "successful",
            "at": only["succeeded_at"],
            "full_processing_ms": only["status"]["full_processing_ms"],
        },
    }
    assert only["created_at"] <= only["picked_at"] <= only["succeeded_at"]
    assert shop.call("GET", shop.of(f"/request_attempts/{only['request_attempt_id']}")).json == only
    response = shop.call("GET", shop.of(f"/responses/{only['response_id']}")).json
    assert response == {
        "response_id": only["response_id"],
        "response_error_name": None,
        "http_code": 201,
        "headers": {"x-seen": "yes", "content-length": "7"},
        "body": "grüße",
        "elapsed_time_ms": response["elapsed_time_ms"],
    }


@pytest.mark.parametrize(
    ("answer", "error", "body"),
    [
        (answering(500, b"\xff\x00"), "E_HTTP", "/wA="),
        (answering(302), "E_HTTP", ""),
        (lambda _: b"nonsense\r\n\r\n", "E_UNKNOWN", None),
    ],
)
def test_a_failure_has_hook0s_word_and_the_next_one_waits(
    shop: rest_rig.Shop, receiver: workbench.Receiver, answer: Any, error: str, body: str | None
) -> None:
    receiver.answer = answer
    published(shop)
    waiting, failed = until(shop, lambda found: kinds(found) == ["waiting", "failed"])
    assert (waiting["retry_count"], failed["retry_count"]) == (1, 0)
    assert waiting["status"]["since"] == waiting["created_at"] < waiting["status"]["until"] == waiting["delay_until"]
    assert failed["failed_at"] == failed["status"]["at"]
    assert waiting["response_id"] is waiting["picked_at"] is None
    response = shop.call("GET", shop.of(f"/responses/{failed['response_id']}")).json
    assert response["response_error_name"] == error
    if body is not None:
        assert response["body"] == body
    assert shop.call("GET", shop.of(f"/request_attempts/{waiting['request_attempt_id']}")).json == waiting
    assert shop.call("GET", shop.of(f"/responses/{waiting['request_attempt_id']}")).problem == (404, "NotFound")


@pytest.mark.parametrize(
    ("url", "error"), [("http://127.0.0.1:1/", "E_CONNECTION"), ("http://name.invalid/", "E_INVALID_TARGET")]
)
def test_a_receiver_that_is_not_there(shop: rest_rig.Shop, url: str, error: str) -> None:
    published(shop, target={"type": "http", "method": "POST", "url": url, "headers": {}})
    _, failed = until(shop, lambda found: kinds(found) == ["waiting", "failed"])
    response = shop.call("GET", shop.of(f"/responses/{failed['response_id']}")).json
    assert (response["response_error_name"], response["http_code"], response["headers"]) == (error, None, None)
    assert response["body"]


async def _retry(served: rest_rig.Served, application_id: str) -> None:
    async with hook0_client.connect(served.server.grpc, token=served.master_key) as master:
        listed = await master.deliveries.ListDeliveries(v1.ListDeliveriesRequest(application_id=application_id))
        [delivery] = listed.deliveries
        named = v1.RetryDeliveryRequest(application_id=application_id, delivery_id=delivery.delivery_id)
        await master.deliveries.RetryDelivery(named)


def test_an_attempt_keeps_its_id_from_before_it_begins_until_after_its_end(
    served: rest_rig.Served, shop: rest_rig.Shop, receiver: workbench.Receiver
) -> None:
    held: list[workbench.Received] = []

    def hold(received: workbench.Received) -> bytes | None:
        held.append(received)
        return None

    receiver.answer = hold
    published(shop)
    [pending] = until(shop, lambda found: bool(found and held))
    assert (pending["status"], pending["picked_at"]) == ({"type": "pending", "since": pending["created_at"]}, None)

    def broken() -> None:  # again and again: what was unanswered on a connection that was kept is sent on another one
        served.run(_break_off(receiver))

    waiting, failed = until(shop, lambda found: kinds(found) == ["waiting", "failed"], broken)
    assert failed["request_attempt_id"] == pending["request_attempt_id"]
    served.run(_retry(served, shop.application_id))
    running, _ = until(shop, lambda found: kinds(found) == ["in_progress", "failed"])
    assert running["request_attempt_id"] == waiting["request_attempt_id"]
    assert running["status"]["since"] == running["picked_at"]
    ended = until(shop, lambda found: kinds(found) == ["waiting", "failed", "failed"], broken)
    assert ended[1]["request_attempt_id"] == waiting["request_attempt_id"]


async def _break_off(receiver: workbench.Receiver) -> None:
    """End the connections that wait for an answer."""
    receiver.break_off()


def pages(shop: rest_rig.Shop, more: str = "") -> Iterator[Attempts]:
    """Page by page, by the links alone."""
    path = shop.of(f"/request_attempts{more}")
    while True:
        answer = shop.call("GET", path)
        yield answer.json
        link = answer.headers.get("link")
        if link is None:
            return
        matched = re.fullmatch(r'<(.*/api/v1)(.*)>; rel="next"', link)
        assert matched is not None
        assert matched[1] == shop.served.base
        path = matched[2]


def test_every_attempt_is_on_one_page_and_only_the_last_has_no_link(shop: rest_rig.Shop) -> None:
    """Some end while the pages are read: they are on none twice."""
    for _ in range(2):
        shop.call("POST", "/subscriptions", shop.subscription())
    nowhere = {"type": "http", "method": "POST", "url": "http://127.0.0.1:1/", "headers": {}}
    shop.call("POST", "/subscriptions", shop.subscription(target=nowhere))
    sent = [shop.event(event_id=str(uuid.uuid4())) for _ in range(40)]
    answer = shop.call("POST", "/events", sent)
    assert all(each["problem"] is None for each in answer.json)
    read = list(pages(shop))
    assert [len(page) for page in read[:-1]] == [50] * (len(read) - 1)
    found = [each["request_attempt_id"] for page in read for each in page]
    assert len(set(found)) == len(found) >= 120
    assert found == sorted(found, reverse=True)
    settled = until(shop, lambda found: "pending" not in kinds(found))
    assert len(settled) == 50
    everything = [each for page in pages(shop) for each in page]
    assert sorted(kinds(everything)) == ["failed"] * 40 + ["successful"] * 80 + ["waiting"] * 40
    wanted = sent[7]["event_id"]
    of_event = list(pages(shop, f"?event_id={wanted}"))
    assert [each["event_id"] for page in of_event for each in page] == [wanted] * 4
    exactly = list(pages(shop, "?event.event_type_names=shop.order.sent"))
    assert exactly == [[]]


async def _interleaved(
    served: rest_rig.Served,
    application_id: str,
    runs: list[tuple[bool, int]],
    event_type: str = "shop.order.paid",
    ago: int = 60,
) -> list[str]:
    """Rows of attempts that wait until tomorrow (True) and of such that have ended, in turn; their ids, newest first."""
    made: list[str] = []
    now = time.time() - ago
    for is_open, count in runs:
        for _ in range(count):
            attempt_id = ids.uuid7(now + len(made) / 1000, 7)
            shared = [uuid.UUID(application_id), uuid.uuid4(), attempt_id, uuid.uuid4(), uuid.uuid4(), event_type]
            await served.server.db.fetch(_OPEN if is_open else _ENDED, shared)
            made.append(str(attempt_id))
    return made[::-1]


_OPEN = b"""
INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, payload_size,
                        attempt_number, next_attempt_at)
VALUES (%s, %s, %s, %s, %s, current_date, %s, 2, 2, now() + interval '1 day') RETURNING 1"""
_ENDED = b"""
INSERT INTO attempts (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type, attempt_number,
                      takeover_count, trigger, outcome, final, reason, delivery_created_at, created_at, finished_at)
VALUES (%s, %s, %s, %s, %s, current_date, %s, 1, 0, 1, 10, true, 'cancelled', now(), now(), now()) RETURNING 1"""


@pytest.mark.parametrize(
    "runs", [[(True, 1), (False, 1)] * 60, [(True, 70), (False, 70)], [(False, 70), (True, 70)], [(True, 100)], [(False, 50)]]
)
def test_open_and_ended_attempts_are_in_one_order(
    served: rest_rig.Served, shop: rest_rig.Shop, runs: list[tuple[bool, int]]
) -> None:
    made = served.run(_interleaved(served, shop.application_id, runs))
    read = list(pages(shop))
    assert [each["request_attempt_id"] for page in read for each in page] == made
    assert [len(page) for page in read[:-1]] == [50] * (len(read) - 1)
    assert read[-1]
    unsent = [each for page in read for each in page if each["status"]["type"] == "failed"]
    assert {each["response_id"] for each in unsent} <= {None}


def test_none_is_left_out_where_few_are_what_is_asked_for(
    served: rest_rig.Served, shop: rest_rig.Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look ends before it has found a page of the ended ones: the open ones behind it come later."""
    made = served.run(_interleaved(served, shop.application_id, [(True, 1), (False, 1)] * 80))
    served.run(_interleaved(served, shop.application_id, [(False, 200)], "shop.order.sent", 30))
    monkeypatch.setattr(keyset, "SCAN_ROWS", 60)
    read = list(pages(shop, "?event.event_type_names=shop.order.paid"))
    assert [each["request_attempt_id"] for page in read for each in page] == made


def test_attempts_are_found_by_what_they_are_of(shop: rest_rig.Shop, receiver: workbench.Receiver) -> None:
    published(shop)
    first = until(shop, lambda found: kinds(found) == ["successful"])[0]
    receiver.answer = answering(500)
    other = published(shop, event_types=["shop.order.sent"])  # only the first subscription wants it
    assert other
    later = until(shop, lambda found: kinds(found)[:2] == ["waiting", "failed"])
    only = [first["request_attempt_id"]]
    subscription = first["subscription"]["subscription_id"]

    def found(query: str) -> list[str]:
        return [each["request_attempt_id"] for each in attempts(shop, f"?{query}")]

    assert found(f"subscription_id={uuid.uuid4()}") == found(f"event_id={uuid.uuid4()}") == []
    assert len(found(f"subscription_id={subscription}")) == 3
    assert len(found("event.event_type_names=shop.order.paid,shop.order.sent")) == 3
    assert found(f"max_created_at={first['created_at']}") == only
    assert found(f"min_created_at={later[1]['created_at']}") == [each["request_attempt_id"] for each in later[:2]]


def test_queries_that_cannot_be_read_are_refused(shop: rest_rig.Shop) -> None:
    for query in ("event_id=x", "min_created_at=yesterday", "pagination_cursor=x", "subscription_id="):
        assert shop.call("GET", shop.of(f"/request_attempts?{query}")).problem == (400, "JsonPayload"), query
    many = ",".join(f"a.b.c{at}" for at in range(101))
    assert shop.call("GET", shop.of(f"/request_attempts?event.event_type_names={many}")).problem == (422, "Validation")
    for nothing in ("%00", "order", "a.b.c%00", "*.*.*"):
        answer = shop.call("GET", shop.of(f"/request_attempts?event.event_type_names={nothing}"))
        assert (answer.status, answer.json) == (200, []), nothing
    absent = uuid.uuid4()
    for path in (f"/request_attempts/{absent}", "/request_attempts/x", f"/responses/{absent}"):
        assert shop.call("GET", shop.of(path)).problem == (404, "NotFound")
