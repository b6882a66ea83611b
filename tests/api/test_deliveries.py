"""DeliveryService: what subscriptions are owed, and steering it."""

import uuid
from typing import Any

import pytest
import rows
from google.protobuf.timestamp_pb2 import Timestamp
from reads import ABSENT, Reads, open_reads

from hook0_client._gen.hook0.v1 import attempt_pb2, delivery_pb2, delivery_service_pb2
from hook0_server.model import errors
from hook0_server.store import database, wake

pb2 = delivery_service_pb2


@pytest.fixture
async def reads(db: database.Database) -> Reads:
    return await open_reads(db)


def listing(page_size: int = 0, page_token: str = "", **given: Any) -> pb2.ListDeliveriesRequest:
    wanted = delivery_pb2.DeliveryFilter(**given) if given else None
    return pb2.ListDeliveriesRequest(filter=wanted, page_size=page_size, page_token=page_token)


async def pages(reads: Reads, **wanted: Any) -> list[list[str]]:
    shown: list[list[str]] = []
    token = ""
    while not shown or token:
        answer = await reads(listing(page_token=token, **wanted))
        shown.append([each.delivery_id for each in answer.deliveries])
        token = answer.next_page_token
        assert len(shown) < 100
    return shown


async def test_a_waiting_delivery_is_shown_with_the_attempt_that_ended_last(reads: Reads) -> None:
    created_at, due_at, event_id = rows.ago(hours=3), rows.ago(hours=-1), rows.id7()
    common: dict[str, Any] = {"event_id": event_id, "subscription_id": rows.id7()}
    delivery_id = await rows.delivery(
        reads.db, reads.application_id, created_at, attempt_number=2, next_attempt_at=due_at, takeover_count=1, **common
    )
    first = await rows.attempt(
        reads.db,
        reads.application_id,
        delivery_id=delivery_id,
        outcome=3,
        final=False,
        http_status=None,
        error_message="late",
        **common,
    )
    shown = (await reads(pb2.GetDeliveryRequest(delivery_id=str(delivery_id)))).delivery
    assert shown.last_attempt.attempt_id == str(first)
    assert shown.last_attempt.outcome == attempt_pb2.OUTCOME_TIMEOUT
    shown.ClearField("last_attempt")
    assert shown == delivery_pb2.Delivery(
        application_id=str(reads.application_id),
        delivery_id=str(delivery_id),
        event_id=str(event_id),
        event_type=rows.EVENT_TYPE,
        subscription_id=str(common["subscription_id"]),
        state=delivery_pb2.DELIVERY_STATE_WAITING,
        state_reason="retrying",
        attempt_id=str(delivery_id),
        attempt_count=1,
        takeover_count=1,
        next_attempt_at=due_at,
        created_at=created_at,
    )


async def test_a_list_shows_last_attempts_and_every_state(reads: Reads) -> None:
    waiting = await rows.delivery(reads.db, reads.application_id)
    held = await rows.delivery(reads.db, reads.application_id, owner=4)
    dead = await rows.dead_letter(reads.db, reads.application_id)
    done = rows.id7()
    await rows.attempt(reads.db, reads.application_id, delivery_id=done)
    answer = await reads(listing())
    states = delivery_pb2.DeliveryState
    assert {each.delivery_id: states.Name(each.state) for each in answer.deliveries} == {
        str(waiting): "DELIVERY_STATE_WAITING",
        str(held): "DELIVERY_STATE_IN_FLIGHT",
        str(dead): "DELIVERY_STATE_DEAD",
        str(done): "DELIVERY_STATE_SUCCEEDED",
    }
    with_last = {each.delivery_id for each in answer.deliveries if each.HasField("last_attempt")}
    assert with_last == {str(dead), str(done)}
    assert {each.delivery_id for each in answer.deliveries if each.HasField("finished_at")} == with_last
    assert await pages(reads, page_size=1) == [[each.delivery_id] for each in answer.deliveries]
    assert await pages(reads, states=[states.Value("DELIVERY_STATE_DEAD")]) == [[str(dead)]]


async def test_filters_reach_the_store(reads: Reads) -> None:
    await rows.event_type(reads.db, reads.application_id, "user.account.created")
    at, event_id, subscription_id = rows.ago(hours=30), rows.id7(rows.ago(hours=31)), rows.id7()
    old = str(await rows.delivery(reads.db, reads.application_id, at, event_id=event_id))
    new = str(
        await rows.delivery(reads.db, reads.application_id, subscription_id=subscription_id, event_type="user.account.created")
    )
    between = Timestamp(seconds=int(at.timestamp()) + 60)
    assert await pages(reads, event_ids=[str(event_id)]) == [[old]]
    assert await pages(reads, subscription_ids=[str(subscription_id)]) == [[new]]
    assert await pages(reads, event_types=["user.**"]) == [[new]]
    assert await pages(reads, created_before=between) == [[old]]
    assert await pages(reads, created_after=between) == [[new]]


BAD_LISTS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "negative page": ({"page_size": -5}, "FIELD_INVALID", ["page_size"]),
    "no state": ({"states": [0]}, "FIELD_INVALID", ["filter.states[0]"]),
    "unknown state": ({"states": [1, 6]}, "FIELD_INVALID", ["filter.states[1]"]),
    "6 states": ({"states": [1] * 6}, "FIELD_INVALID", ["filter.states"]),
    "no ids": (
        {"subscription_ids": ["x"], "event_ids": [""]}, "FIELD_INVALID", ["filter.subscription_ids[0]", "filter.event_ids[0]"],
    ),
    "101 ids": ({"subscription_ids": [ABSENT] * 101}, "FIELD_INVALID", ["filter.subscription_ids"]),
    "broken pattern": ({"event_types": [""]}, "PATTERN_INVALID", ["filter.event_types[0]"]),
    "empty range": (
        {"created_after": Timestamp(seconds=9), "created_before": Timestamp(seconds=8)},
        "FIELD_INVALID", ["filter.created_before"],
    ),
    "garbage token": ({"page_token": "=?"}, "PAGE_TOKEN_INVALID", ["page_token"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_a_bad_list_is_refused_naming_the_field(reads: Reads, name: str) -> None:
    given, reason, fields = BAD_LISTS[name]
    assert await reads.breach(listing(**given)) == (reason, fields)


async def test_a_token_goes_only_with_the_filter_that_gave_it(reads: Reads) -> None:
    for _ in range(2):
        await rows.delivery(reads.db, reads.application_id)
    token = (await reads(listing(page_size=1))).next_page_token
    assert await reads.breach(listing(page_token=token, states=[1])) == ("PAGE_TOKEN_INVALID", ["page_token"])
    assert len((await reads(listing(page_token=token))).deliveries) == 1


@pytest.mark.parametrize("request_type", [pb2.GetDeliveryRequest, pb2.RetryDeliveryRequest, pb2.CancelDeliveryRequest])
async def test_a_delivery_that_is_none_is_refused(reads: Reads, request_type: Any) -> None:
    assert await reads.breach(request_type(delivery_id="1")) == ("FIELD_INVALID", ["delivery_id"])
    foreign = await rows.delivery(reads.db, await rows.application(reads.db))
    for absent in (ABSENT, str(uuid.uuid4()), str(foreign)):
        refusal = await reads.refusal(request_type(delivery_id=absent))
        assert isinstance(refusal, errors.NotFound)
        assert refusal.reason == "DELIVERY_NOT_FOUND"
    assert reads.heard == []


async def test_retry_answers_the_delivery_and_wakes_the_claimers(reads: Reads) -> None:
    subscription_id = await rows.subscription(reads.db, reads.application_id)
    event_id = await rows.event(reads.db, reads.application_id)
    delivery_id = await rows.dead_letter(reads.db, reads.application_id, subscription_id=subscription_id, event_id=event_id)
    shown = (await reads(pb2.RetryDeliveryRequest(delivery_id=str(delivery_id)))).delivery
    assert shown.state == delivery_pb2.DELIVERY_STATE_WAITING
    assert (shown.attempt_count, shown.last_attempt.outcome) == (1, attempt_pb2.OUTCOME_HTTP_ERROR)
    assert reads.heard == [(wake.DELIVERIES, "")]


async def test_a_retry_that_cannot_be_is_refused(reads: Reads) -> None:
    enabled = await rows.subscription(reads.db, reads.application_id)
    disabled = await rows.subscription(reads.db, reads.application_id, is_enabled=False)
    done = rows.id7()
    await rows.attempt(reads.db, reads.application_id, delivery_id=done)
    refused = {
        done: "DELIVERY_NOT_RETRYABLE",
        await rows.delivery(reads.db, reads.application_id, owner=3, subscription_id=enabled): "DELIVERY_NOT_RETRYABLE",
        await rows.delivery(reads.db, reads.application_id, subscription_id=rows.id7()): "DELIVERY_NOT_RETRYABLE",
        await rows.dead_letter(reads.db, reads.application_id, subscription_id=enabled): "DELIVERY_NOT_RETRYABLE",
        await rows.delivery(reads.db, reads.application_id, owner=0, subscription_id=disabled): "SUBSCRIPTION_DISABLED",
    }
    for delivery_id, reason in refused.items():
        refusal = await reads.refusal(pb2.RetryDeliveryRequest(delivery_id=str(delivery_id)))
        assert isinstance(refusal, errors.Precondition)
        assert refusal.reason == reason
    assert reads.heard == []


async def test_cancel_answers_what_became_of_it_and_tells_who_must_know(reads: Reads) -> None:
    waiting = await rows.delivery(reads.db, reads.application_id)
    held = await rows.delivery(reads.db, reads.application_id, owner=3)
    ended = (await reads(pb2.CancelDeliveryRequest(delivery_id=str(waiting)))).delivery
    asked = (await reads(pb2.CancelDeliveryRequest(delivery_id=str(held)))).delivery
    assert (ended.state, ended.state_reason) == (delivery_pb2.DELIVERY_STATE_CANCELLED, "cancelled")
    assert (ended.last_attempt.outcome, ended.last_attempt.final) == (attempt_pb2.OUTCOME_CANCELLED, True)
    assert asked.state == delivery_pb2.DELIVERY_STATE_IN_FLIGHT
    assert reads.heard == [(wake.ATTEMPTS, str(reads.application_id)), (wake.CANCELS, "")]
    refusal = await reads.refusal(pb2.CancelDeliveryRequest(delivery_id=str(waiting)))
    assert isinstance(refusal, errors.Precondition)
    assert refusal.reason == "DELIVERY_FINISHED"
