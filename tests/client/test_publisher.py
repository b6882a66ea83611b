import asyncio
import collections
from collections.abc import AsyncGenerator
from typing import Any

import pytest

import hook0_client
from hook0_client import publisher as publishing, v1
from tests.client import scripted
from tests.client.scripted import Streams


async def _hang_up(context: Any) -> None:
    return


async def _sent(publisher: hook0_client.Publisher) -> None:
    """Until nothing waits to be sent, so that what follows is another batch."""
    async with asyncio.timeout(5):
        while publisher._waiting:  # noqa: ASYNC110 - it tells nobody, and only this test wants to know
            await asyncio.sleep(0)


async def test_each_publish_gets_its_own_answer() -> None:
    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        async for message in requests:
            answer = scripted.accepted(message)
            refused = v1.ErrorReason.ERROR_REASON_EVENT_ID_REUSED
            answer.results[1].error.CopyFrom(v1.PublishError(reason=refused, message="Another.", field="event_id"))
            answer.results[2].published.duplicate = True
            answer.results[2].published.ClearField("delivery_count")
            yield answer

    async with scripted.connected(stream=stream) as client, client.publisher() as publisher:
        first, second, third = await asyncio.gather(
            *(publisher.publish("a.b", {"n": n}) for n in range(3)), return_exceptions=True
        )
    assert isinstance(first, hook0_client.Published)
    assert isinstance(third, hook0_client.Published)
    assert (first.duplicate, first.delivery_count) == (False, 1)
    assert first.received_at.isoformat() == "2026-11-23T08:00:00.123456+00:00"
    assert isinstance(second, hook0_client.AlreadyExists)
    assert (second.reason, second.field, second.message) == ("EVENT_ID_REUSED", "event_id", "Another.")
    assert (third.duplicate, third.delivery_count) == (True, None)


async def test_what_waits_is_one_batch_in_order_and_names_the_application() -> None:
    streams = Streams()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        await asyncio.gather(*(publisher.publish("a.b", str(n)) for n in range(300)))
    [[message]] = streams.batches
    assert message.application_id == scripted.APPLICATION
    assert [event.payload_text for event in message.events] == [str(n) for n in range(300)]
    assert len(set(streams.ids())) == 300


async def test_batches_keep_the_limits_of_events_and_bytes_and_few_are_on_their_way() -> None:
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        for _ in range(publishing.MAX_BATCH_EVENTS * 6):
            await publisher.submit("a.b", "1")
        for _ in range(4):
            await publisher.submit("a.b", "x" * 600_000)
        streams.answering.set()
        await publisher.publish("a.b", "last")
    sizes = [len(message.events) for message in streams.batches[0]]
    assert sizes[:6] == [publishing.MAX_BATCH_EVENTS] * 6
    assert sizes[6:9] == [1, 1, 1]
    assert all(message.ByteSize() < publishing.MAX_BATCH_BYTES + 1000 for message in streams.batches[0])


async def test_at_most_a_few_batches_wait_for_their_answers() -> None:
    arrived = asyncio.Semaphore(0)
    answer = asyncio.Event()
    unanswered = most = 0

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        nonlocal unanswered, most
        waiting: collections.deque[v1.PublishEventStreamRequest] = collections.deque()

        async def read() -> None:
            nonlocal unanswered, most
            async for message in requests:
                waiting.append(message)
                unanswered += 1
                most = max(most, unanswered)
                arrived.release()

        reading = asyncio.create_task(read())
        await answer.wait()
        while not reading.done() or waiting:
            if waiting:
                unanswered -= 1
                yield scripted.accepted(waiting.popleft())
            await asyncio.sleep(0)

    async with scripted.connected(stream=stream) as client, client.publisher() as publisher:
        for _ in range(publishing.MAX_BATCH_EVENTS * 8):
            await publisher.submit("a.b", "1")
        async with asyncio.timeout(10):
            for _ in range(publishing.MAX_BATCHES_SENT):
                await arrived.acquire()
        with pytest.raises(TimeoutError):  # a fifth would come at once
            await asyncio.wait_for(arrived.acquire(), 0.2)
        answer.set()
    assert most == publishing.MAX_BATCHES_SENT


async def test_a_publish_cancelled_before_it_was_sent_is_not_sent_and_hurts_nobody() -> None:
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        for _ in range(publishing.MAX_BATCHES_SENT):
            await publisher.submit("a.b", "before")
            await _sent(publisher)
        one, other = (asyncio.create_task(publisher.publish("a.b", text)) for text in ("cancelled", "kept"))
        await asyncio.sleep(0)
        one.cancel()
        streams.answering.set()
        assert (await other).duplicate is False
        assert one.cancelled()
    assert "kept" in streams.payloads()
    assert "cancelled" not in streams.payloads()


async def test_a_publish_cancelled_after_it_was_sent_hurts_nobody() -> None:
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        one, other = (asyncio.create_task(publisher.publish("a.b", text)) for text in ("cancelled", "kept"))
        async with asyncio.timeout(5):
            await streams.arrived.acquire()
        one.cancel()
        streams.answering.set()
        await other
        await publisher.publish("a.b", "later")
    assert streams.payloads() == ["cancelled", "kept", "later"]


async def test_cancelling_everything_gives_the_room_back() -> None:
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher(max_pending=3) as publisher:
        tasks = [asyncio.create_task(publisher.publish("a.b", str(n))) for n in range(6)]
        async with asyncio.timeout(5):
            await streams.arrived.acquire()
        for task in tasks:
            task.cancel()
        streams.answering.set()
        await asyncio.wait(tasks)
        async with asyncio.timeout(5):
            await asyncio.gather(*(publisher.publish("a.b", "later") for _ in range(6)))


async def test_one_cancelled_before_it_was_sent_gives_its_place_back() -> None:
    streams = Streams()
    streams.answering.clear()
    places = publishing.MAX_BATCHES_SENT + 1
    async with scripted.connected(stream=streams) as client, client.publisher(max_pending=places) as publisher:
        for _ in range(publishing.MAX_BATCHES_SENT):
            await publisher.submit("a.b", "before")
            await _sent(publisher)
        (await publisher.submit("a.b", "not sent yet")).cancel()
        streams.answering.set()
        await publisher.publish("a.b", "after")
        streams.answering.clear()
        async with asyncio.timeout(5):
            for _ in range(places):
                await publisher.submit("a.b", "again as many")
        streams.answering.set()


@pytest.mark.parametrize("limit", [{"max_pending": 10}, {"max_pending_bytes": 10 * 1100}], ids=["events", "bytes"])
async def test_publishing_waits_where_memory_is_full(limit: Any) -> None:
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher(**limit) as publisher:
        for _ in range(10):
            await publisher.submit("a.b", "x" * 1000)
        eleventh = asyncio.create_task(publisher.submit("a.b", "x" * 1000))
        async with asyncio.timeout(5):
            await streams.arrived.acquire()
        assert not eleventh.done()
        streams.answering.set()
        await (await eleventh)


async def test_an_event_too_large_for_a_message_is_refused_alone() -> None:
    async with scripted.connected(stream=Streams()) as client, client.publisher() as publisher:
        with pytest.raises(hook0_client.InvalidRequest) as failed:
            await publisher.publish("a.b", "x" * (4 * 1024 * 1024))
        assert failed.value.reason == "MESSAGE_TOO_LARGE"
        await publisher.publish("a.b", "1")


async def test_leaving_the_block_waits_for_every_answer() -> None:
    streams = Streams(_hang_up)
    async with scripted.connected(stream=streams) as client:
        async with client.publisher() as publisher:
            answers = [await publisher.submit("a.b", str(n)) for n in range(2000)]
        assert all(answer.done() and answer.exception() is None for answer in answers)
        with pytest.raises(RuntimeError, match="closed"):
            await publisher.publish("a.b", "too late")


async def test_leaving_the_block_by_an_exception_does_not_wait() -> None:
    streams = Streams()
    streams.answering.clear()
    answers = []

    async def leave(client: Any) -> None:
        async with client.publisher() as publisher:
            answers.append(await publisher.submit("a.b", "1"))
            raise KeyError

    async with scripted.connected(stream=streams) as client, asyncio.timeout(5):
        with pytest.raises(KeyError):
            await leave(client)
    assert answers[0].cancelled()


async def test_a_publisher_that_was_not_used_opens_no_stream() -> None:
    streams = Streams()
    async with scripted.connected(stream=streams) as client, client.publisher():
        await asyncio.sleep(0)
    assert not streams.batches
