"""Deliveries through a whole server: sent, tried again, given up, revived; what receivers do wrong becomes an outcome."""

import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import hostile
import pytest
import rows
import workbench
from delivering import (
    BUSY,
    CANCELLED,
    DEAD,
    IN_FLIGHT,
    OK,
    SUCCEEDED,
    TYPE,
    WAITING,
    Delivering,
    Outcome,
    delivering,
    policy,
    seconds,
)
from google.protobuf.timestamp_pb2 import Timestamp

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings

EMPTY = b"Content-Length: 0\r\n\r\n"
NO = b"HTTP/1.1 500 No\r\n"


@pytest.fixture
def settings(settings: server_settings.Settings) -> server_settings.Settings:
    """Receivers that never answer hold up no stop."""
    return dataclasses.replace(settings, stop_grace=0.3)


@pytest.fixture
async def at(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Delivering]:
    async with delivering(server, master) as opened:
        yield opened


async def test_a_failed_delivery_is_tried_again_by_its_own_policy_until_it_succeeds(at: Delivering) -> None:
    answers = iter([BUSY, BUSY, OK])
    async with workbench.receiving(lambda received: next(answers)) as receiver:
        await at.subscribe(receiver.url, retry_policy=policy(1, 1, 1))
        [event_id] = await at.publish()
        waiting = await at.until(event_id, lambda delivery: delivery.attempt_count == 1)
        assert (waiting.state, waiting.state_reason) == (WAITING, "retrying")
        delivery = await at.in_state(event_id, SUCCEEDED)
    attempts = await at.attempts(event_id)
    assert [each.outcome for each in attempts] == [Outcome.OUTCOME_HTTP_ERROR] * 2 + [Outcome.OUTCOME_SUCCEEDED]
    assert [each.attempt_number for each in attempts] == [1, 2, 3]
    assert [each.final for each in attempts] == [False, False, True]
    assert len({each.attempt_id for each in attempts}) == 3
    planned = [_seconds(each.next_attempt_at, each.finished_at) for each in attempts[:2]]
    assert all(0.99 < seconds < 2.5 for seconds in planned), planned
    assert {each.delivery_id for each in attempts} == {delivery.delivery_id}
    assert [each.headers["x-hook0-attempt"] for each in receiver.received] == ["1", "2", "3"]
    gaps = [later.at - earlier.at for earlier, later in zip(receiver.received, receiver.received[1:], strict=False)]
    assert all(gap > 0.99 for gap in gaps), gaps


def _seconds(later: Timestamp, earlier: Timestamp) -> float:
    return (later.ToNanoseconds() - earlier.ToNanoseconds()) / 1e9


async def test_hook0s_schedule_waits_3_to_5_seconds_first_and_a_retry_after_of_a_429_lengthens_it(at: Delivering) -> None:
    answers = {
        "plain": BUSY,
        "later": b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\n" + EMPTY,
        "sooner": b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\n" + EMPTY,
        "other": b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n" + EMPTY,
        "endless": b"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999\r\n" + EMPTY,
        "unreadable": b"HTTP/1.1 429 Slow\r\nRetry-After: soon\xff\r\n" + EMPTY,
    }
    async with workbench.receiving(lambda received: answers[received.body.decode()]) as receiver:
        await at.subscribe(receiver.url)
        delays = {}
        for name in answers:
            [event_id] = await at.publish(payload_text=name, payload_content_type="text/plain")
            await at.until(event_id, lambda delivery: delivery.attempt_count == 1)
            [attempt] = await at.attempts(event_id)
            delays[name] = _seconds(attempt.next_attempt_at, attempt.finished_at)
    assert all(2.9 < delays[name] < 5.5 for name in ("plain", "sooner", "other", "unreadable")), delays
    assert 119 < delays["later"] < 122
    assert 35_990 < delays["endless"] < 36_010


async def test_what_is_given_up_is_dead_and_can_be_revived(at: Delivering) -> None:
    answers = iter([BUSY, OK])
    async with workbench.receiving(lambda received: next(answers)) as receiver:
        await at.subscribe(receiver.url, retry_policy=v1.RetryPolicy(max_retries=0))
        [event_id] = await at.publish()
        dead = await at.in_state(event_id, DEAD)
        assert (dead.state_reason, dead.attempt_count) == ("retries_exhausted", 1)
        await at.count(b"dead_letters", 1)
        await at.retry(dead.delivery_id)
        revived = await at.in_state(event_id, SUCCEEDED)
    assert (revived.delivery_id, revived.attempt_count) == (dead.delivery_id, 2)
    first, second = await at.attempts(event_id)
    assert (first.trigger, second.trigger) == (
        v1.AttemptTrigger.ATTEMPT_TRIGGER_SCHEDULE, v1.AttemptTrigger.ATTEMPT_TRIGGER_MANUAL
    )  # fmt: skip
    assert first.attempt_id != second.attempt_id
    await at.count(b"dead_letters", 0)


async def test_a_waiting_delivery_is_sent_at_once_when_somebody_asks(at: Delivering) -> None:
    answers = iter([BUSY, OK])
    async with workbench.receiving(lambda received: next(answers)) as receiver:
        await at.subscribe(receiver.url, retry_policy=policy(3600))
        [event_id] = await at.publish()
        waiting = await at.in_state(event_id, WAITING)
        await at.retry(waiting.delivery_id)
        await at.in_state(event_id, SUCCEEDED)


async def test_the_next_try_past_max_age_is_not_made(at: Delivering) -> None:
    async with workbench.receiving(lambda received: BUSY) as receiver:
        await at.subscribe(receiver.url, retry_policy=policy(5, 5, max_age=seconds(3)))
        [event_id] = await at.publish()
        dead = await at.in_state(event_id, DEAD)
        assert (dead.state_reason, dead.attempt_count) == ("max_age", 1)


async def test_what_is_older_than_max_age_when_its_turn_comes_is_dead_without_a_request(at: Delivering) -> None:
    async with workbench.receiving() as receiver:
        subscription_id = await at.subscribe(receiver.url, retry_policy=policy(5, max_age=seconds(60)))
        event_id = await _unowned(at, subscription_id, created_at=rows.ago(seconds=61))
        dead = await at.in_state(event_id, DEAD)
        assert dead.state_reason == "max_age"
        [attempt] = await at.attempts(event_id)
        assert (attempt.outcome, attempt.final) == (Outcome.OUTCOME_EXPIRED, True)
        assert not attempt.HasField("picked_at")
        assert receiver.received == []
        await at.retry(dead.delivery_id)  # asked for: its age does not end it
        await at.in_state(event_id, SUCCEEDED)


async def _unowned(at: Delivering, subscription_id: str, **over: Any) -> str:
    """A delivery as another node left it; the id of its event."""
    application_id = uuid.UUID(at.application_id)
    event_id = await rows.event(at.server.db, application_id, event_type=TYPE)
    given: dict[str, Any] = {"event_id": event_id, "event_type": TYPE, "subscription_id": uuid.UUID(subscription_id), **over}
    await rows.delivery(at.server.db, application_id, **given)
    assert at.server.stage is not None
    at.server.stage.claimer.soon()
    return str(event_id)


async def test_a_delivery_that_was_taken_over_often_is_sent_alone_and_one_that_had_begun_ends(at: Delivering) -> None:
    async with workbench.receiving(lambda received: None) as receiver:
        subscription_id = await at.subscribe(receiver.url)
        several = [await _unowned(at, subscription_id, takeover_count=3) for _ in range(3)]
        begun = await _unowned(at, subscription_id, takeover_count=4, started_at=rows.now())
        dead = await at.in_state(begun, DEAD)
        assert (dead.state_reason, dead.takeover_count) == ("interrupted", 4)
        [attempt] = await at.attempts(begun)
        assert attempt.outcome == Outcome.OUTCOME_INTERRUPTED
        assert not attempt.HasField("picked_at")
        await receiver.until(lambda each: len(each.received) == 1)
        [(count,)] = await at.server.db.fetch(b"SELECT count(*)::int FROM deliveries WHERE started_at IS NOT NULL")
        assert count == 1
        assert len(receiver.received) == 1
        assert {(await at.only(event_id)).state for event_id in several} == {IN_FLIGHT}


@pytest.mark.parametrize("gone", ["event", "subscription"])
async def test_a_delivery_whose_event_or_subscription_is_gone_ends(at: Delivering, gone: str) -> None:
    async with workbench.receiving() as receiver:
        subscription_id = await at.subscribe(receiver.url)
        application_id = uuid.UUID(at.application_id)
        missing = str(uuid.uuid4())
        if gone == "subscription":
            event_id = await _unowned(at, missing)
            ended = await at.in_state(event_id, CANCELLED)
            assert ended.state_reason == "subscription_deleted"
        else:
            lost = rows.id7()
            await rows.delivery(
                at.server.db, application_id, event_id=lost, event_type=TYPE, subscription_id=uuid.UUID(subscription_id)
            )
            ended = await at.in_state(str(lost), DEAD)
            assert ended.state_reason == "event_gone"
        assert receiver.received == []
    await at.count(b"deliveries", 0)


# What a receiver answers, and the outcome. The others have as long as a busy machine may need for all of them at once.
LATE = ("slow drip", "never")
WRONG: dict[str, tuple[list[hostile.Step], v1.Outcome]] = {
    "good": ([OK], Outcome.OUTCOME_SUCCEEDED),
    "garbage": ([b"\x00\xff\xfe not http\r\n\r\n"], Outcome.OUTCOME_PROTOCOL_ERROR),
    "huge head": ([b"HTTP/1.1 200 OK\r\nA: " + b"a" * 80_000], Outcome.OUTCOME_PROTOCOL_ERROR),
    "wrong chunks": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], Outcome.OUTCOME_SUCCEEDED),
    "endless": ([b"HTTP/1.1 500 No\r\n\r\n", hostile.Do.FLOOD], Outcome.OUTCOME_HTTP_ERROR),
    "gzip": ([NO + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x00"], Outcome.OUTCOME_HTTP_ERROR),
    "nul in a header": ([b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n" + EMPTY], Outcome.OUTCOME_PROTOCOL_ERROR),
    "latin": ([b"HTTP/1.1 500 \xff\xfe\r\nX-A: \xff\xc3\x28\r\n" + EMPTY], Outcome.OUTCOME_HTTP_ERROR),
    "binary": ([NO + b"Content-Length: 4\r\n\r\n\x00\xff\xc3\x28"], Outcome.OUTCOME_HTTP_ERROR),
    "early close": ([hostile.Do.CLOSE], Outcome.OUTCOME_CONNECTION_ERROR),
    "reset": ([hostile.Do.RESET], Outcome.OUTCOME_CONNECTION_ERROR),
    "slow drip": ([b"HTTP/1.1 ", 0.4, b"200", 0.4, b" ", 0.4, b"O", 0.4, b"K"], Outcome.OUTCOME_TIMEOUT),
    "never": ([], Outcome.OUTCOME_TIMEOUT),
    "redirect": ([b"HTTP/1.1 302 Go\r\nLocation: /\r\n" + EMPTY], Outcome.OUTCOME_HTTP_ERROR),
}


async def test_whatever_a_receiver_does_wrong_is_recorded_as_an_outcome_beside_a_good_one(at: Delivering) -> None:
    """All of them at once, so that they share batches of the recorder."""
    outcomes: dict[str, tuple[str, v1.Outcome]] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, (answer, outcome) in WRONG.items():
            script: list[hostile.Step] = [hostile.Do.READ, *answer] * 2  # both events may come over one connection
            receiver = await stack.enter_async_context(hostile.receiving(script))
            options = v1.DeliveryOptions(timeout=seconds(1 if name in LATE else 15))
            subscription_id = await at.subscribe(
                receiver.url, delivery_options=options, retry_policy=v1.RetryPolicy(max_retries=0), description=name
            )
            outcomes[subscription_id] = (name, outcome)
        event_ids = await at.publish(2)
        await at.count(b"attempts WHERE final", 2 * len(outcomes), 20)
    attempts = await at.attempts(*event_ids)
    found = {outcomes[each.subscription_id][0]: each for each in attempts}
    assert {name: each.outcome for name, each in found.items()} == {name: outcome for name, (_, outcome) in WRONG.items()}
    assert found["binary"].response.body == b"\x00\xff\xc3\x28"
    assert found["latin"].response.headers["x-a"] == "ÿÃ("
    assert len(found["endless"].response.body) == at.server.settings.response_body_bytes
    assert found["endless"].response.body_truncated
    assert all(1000 <= found[name].elapsed.ToMilliseconds() < 10_000 for name in LATE)
    await at.count(b"deliveries", 0)


async def test_a_memory_of_a_few_places_is_enough_for_retries(settings: server_settings.Settings, dsn: str) -> None:
    """HOOK0_DELIVERY_MEMORY may be as small as one."""
    small = dataclasses.replace(settings, delivery_memory=2)
    answers = iter([BUSY] * 4)
    async with (
        app.serving(small, dsn) as server,
        hook0_client.connect(server.grpc, token=str(settings.master_api_key)) as master,
        delivering(server, master) as at,
        workbench.receiving(lambda received: next(answers, OK)) as receiver,
    ):
        await at.subscribe(receiver.url, retry_policy=policy(1))
        for event_id in await at.publish(4):
            await at.in_state(event_id, SUCCEEDED)
        assert len(receiver.received) == 8


async def test_an_event_is_replayed_to_whoever_matches_now(at: Delivering) -> None:
    async with workbench.receiving() as first, workbench.receiving() as second:
        await at.subscribe(first.url)
        [event_id] = await at.publish()
        await first.until_events(1)
        only = await at.subscribe(second.url)
        request = v1.ReplayEventRequest(application_id=at.application_id, event_id=event_id, subscription_id=only)
        assert (await at.client.events.ReplayEvent(request)).delivery_count == 1
        await second.until_events(1)
        everybody = v1.ReplayEventRequest(application_id=at.application_id, event_id=event_id)
        assert (await at.client.events.ReplayEvent(everybody)).delivery_count == 2
        await second.until(lambda each: len(each.received) == 2)
        await first.until(lambda each: len(each.received) == 2)
        await at.count(b"attempts WHERE final", 4)
    assert first.counts == second.counts == {event_id: 2}
    triggers = sorted(each.trigger for each in await at.attempts(event_id))
    assert triggers == [v1.AttemptTrigger.ATTEMPT_TRIGGER_SCHEDULE] + [v1.AttemptTrigger.ATTEMPT_TRIGGER_REPLAY] * 3
