import asyncio
import collections

import pytest
import scripted

import hook0_client
from hook0_client import publisher as publishing
from hook0_client import v1
from hook0_server.model import errors
from hook0_server.rpc import status

REVOKED = errors.Unauthenticated("CREDENTIALS_REVOKED", "The secret was deleted.")
STOPPING = errors.Unavailable("SERVER_STOPPING", "Connect again.", retry_after=0.01)


class Streams:
    """Remembers the batches of each stream; answers them while `answering` is set, `first` streams end early."""

    def __init__(self, *first):
        self.first = list(first)
        self.batches: list[list[v1.PublishEventStreamRequest]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.arrived = asyncio.Semaphore(0)

    async def __call__(self, requests, context):
        batches: list[v1.PublishEventStreamRequest] = []
        self.batches.append(batches)
        end = self.first.pop(0) if self.first else None
        async for message in requests:
            batches.append(message)
            self.arrived.release()
            if end is not None:
                await end(context)
                return
            await self.answering.wait()
            yield scripted.accepted(message)

    def ids(self, stream: int = 0) -> list[str]:
        return [event.event_id for message in self.batches[stream] for event in message.events]

    def payloads(self, stream: int = 0) -> list[str]:
        return [event.payload_text for message in self.batches[stream] for event in message.events]


def refusing(refusal):
    async def end(context):
        await status.abort(context, refusal)

    return end


async def _hang_up(context):
    return


async def _say_nothing(context):
    await asyncio.Event().wait()


def _make(client, **options) -> hook0_client.Publisher:
    """A publisher with options that `Client.publisher` does not offer."""
    return publishing.Publisher(client.ingestion.PublishEventStream, scripted.APPLICATION, **options)


async def test_each_publish_gets_its_own_answer():
    async def stream(requests, context):
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
    assert (first.duplicate, first.delivery_count) == (False, 1)
    assert first.received_at.isoformat() == "2026-11-23T08:00:00.123456+00:00"
    assert isinstance(second, hook0_client.AlreadyExists)
    assert (second.reason, second.field, second.message) == ("EVENT_ID_REUSED", "event_id", "Another.")
    assert (third.duplicate, third.delivery_count) == (True, None)


async def test_what_waits_is_one_batch_in_order_and_names_the_application():
    streams = Streams()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        await asyncio.gather(*(publisher.publish("a.b", str(n)) for n in range(300)))
    [[message]] = streams.batches
    assert message.application_id == scripted.APPLICATION
    assert [event.payload_text for event in message.events] == [str(n) for n in range(300)]
    assert len(set(streams.ids())) == 300


async def test_batches_keep_the_limits_of_events_and_bytes_and_few_are_on_their_way():
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        for _ in range(publishing.MAX_BATCH_EVENTS * 6):
            await publisher.submit("a.b", "1")
        for _ in range(4):
            await publisher.submit("a.b", "x" * 600_000)
        for _ in range(publishing.MAX_BATCHES_SENT - 1):  # the script reads one more only when it has answered
            streams.answering.set()
        await publisher.publish("a.b", "last")
    sizes = [len(message.events) for message in streams.batches[0]]
    assert sizes[:6] == [publishing.MAX_BATCH_EVENTS] * 6
    assert sizes[6:9] == [1, 1, 1]
    assert all(message.ByteSize() < publishing.MAX_BATCH_BYTES + 1000 for message in streams.batches[0])


async def test_at_most_a_few_batches_wait_for_their_answers():
    arrived = asyncio.Semaphore(0)
    answer = asyncio.Event()
    unanswered = most = 0

    async def stream(requests, context):
        nonlocal unanswered, most
        waiting: collections.deque[v1.PublishEventStreamRequest] = collections.deque()

        async def read():
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


@pytest.mark.parametrize("end", [refusing(STOPPING), _hang_up], ids=["stopping", "hang up"])
async def test_what_was_not_acknowledged_is_sent_again_in_order_under_the_same_ids(end):
    streams = Streams(end, end)
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        answers = [await publisher.submit("a.b", str(n)) for n in range(1200)]
        published = await asyncio.gather(*answers)
    assert len(streams.batches) == 3
    assert streams.payloads(2) == [str(n) for n in range(1200)]
    assert streams.ids(2) == [each.event_id for each in published]
    assert streams.ids(0) == streams.ids(2)[: len(streams.ids(0))]


async def test_what_was_acknowledged_is_not_sent_again():
    streams = Streams()
    cut = asyncio.Event()

    async def stream(requests, context):
        if streams.batches:
            async for answer in streams(requests, context):
                yield answer
            return
        async for message in requests:
            if not streams.batches:
                streams.batches.append([message])
                yield scripted.accepted(message)
            else:
                cut.set()
                await status.abort(context, STOPPING)

    async with scripted.connected(stream=stream) as client, client.publisher() as publisher:
        await publisher.publish("a.b", "first")
        await publisher.publish("a.b", "second")
    assert cut.is_set()
    assert streams.payloads(0) == ["first"]
    assert streams.payloads(1) == ["second"]


async def test_a_silent_server_is_left_for_a_new_stream():
    streams = Streams(_say_nothing)
    async with scripted.connected(stream=streams) as client, _make(client, answer_timeout=0.2) as publisher:
        published = await publisher.publish("a.b", "1")
    assert streams.ids(0) == streams.ids(1) == [published.event_id]


async def test_an_idle_stream_is_not_taken_for_silent():
    streams = Streams()
    async with scripted.connected(stream=streams) as client, _make(client, answer_timeout=0.1) as publisher:
        await publisher.publish("a.b", "1")
        await asyncio.sleep(0.3)
        await publisher.publish("a.b", "2")
    assert len(streams.batches) == 1


async def test_a_publisher_outlives_a_restart_of_the_server_between_events():
    streams = Streams()
    async with scripted.serving(stream=streams) as address, scripted.connect(address) as client:
        async with client.publisher() as publisher:
            async with scripted.serving(stream=streams):
                await publisher.publish("a.b", "1")
            await publisher.publish("a.b", "2")


async def test_a_permanent_failure_fails_everything_that_waits_and_every_later_call():
    streams = Streams(refusing(REVOKED))
    async with scripted.connected(stream=streams) as client, client.publisher(max_pending=2) as publisher:
        waiting = [asyncio.create_task(publisher.publish("a.b", "1")) for _ in range(4)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [hook0_client.Unauthenticated] * 4
        with pytest.raises(hook0_client.Unauthenticated, match="deleted"):
            await publisher.publish("a.b", "2")
        assert publisher.failure.reason == "CREDENTIALS_REVOKED"
    assert len(streams.batches) == 1


async def test_leaving_the_block_raises_where_the_rest_could_not_be_published():
    async with scripted.connected(stream=Streams(refusing(REVOKED))) as client:
        with pytest.raises(hook0_client.Unauthenticated):
            async with client.publisher() as publisher:
                answer = await publisher.submit("a.b", "1")
    assert isinstance(answer.exception(), hook0_client.Unauthenticated)


async def test_it_gives_up_when_nobody_answers_for_too_long():
    async with scripted.serving() as address:
        pass
    async with scripted.connect(address) as client, client.publisher(give_up_after=0.3) as publisher:
        with pytest.raises(hook0_client.Unavailable):
            await publisher.publish("a.b", "1")


async def test_a_server_that_answers_nonsense_is_given_up():
    asked = 0

    async def stream(requests, context):
        nonlocal asked
        async for message in requests:
            asked += 1
            answer = scripted.accepted(message)
            answer.batch_id = "another"
            yield answer

    async with scripted.connected(stream=stream) as client, client.publisher() as publisher:
        with pytest.raises(hook0_client.ServerFault, match="another batch"):
            await publisher.publish("a.b", "1")
    assert asked == 5


async def test_a_publish_cancelled_before_it_was_sent_is_not_sent_and_hurts_nobody():
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        for _ in range(publishing.MAX_BATCHES_SENT):
            await publisher.submit("a.b", "before")
            await asyncio.sleep(0.02)  # so that each is a batch
        one, other = (asyncio.create_task(publisher.publish("a.b", text)) for text in ("cancelled", "kept"))
        await asyncio.sleep(0)
        one.cancel()
        streams.answering.set()
        assert (await other).duplicate is False
        assert one.cancelled()
    assert "kept" in streams.payloads()
    assert "cancelled" not in streams.payloads()


async def test_a_publish_cancelled_after_it_was_sent_hurts_nobody():
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


async def test_cancelling_everything_gives_the_room_back():
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


@pytest.mark.parametrize("limit", [{"max_pending": 10}, {"max_pending_bytes": 10 * 1100}], ids=["events", "bytes"])
async def test_publishing_waits_where_memory_is_full(limit):
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


async def test_an_event_too_large_for_a_message_is_refused_alone():
    async with scripted.connected(stream=Streams()) as client, client.publisher() as publisher:
        with pytest.raises(hook0_client.InvalidRequest) as failed:
            await publisher.publish("a.b", "x" * (4 * 1024 * 1024))
        assert failed.value.reason == "MESSAGE_TOO_LARGE"
        await publisher.publish("a.b", "1")


async def test_leaving_the_block_waits_for_every_answer():
    streams = Streams(_hang_up)
    async with scripted.connected(stream=streams) as client:
        async with client.publisher() as publisher:
            answers = [await publisher.submit("a.b", str(n)) for n in range(2000)]
        assert all(answer.done() and answer.exception() is None for answer in answers)
        with pytest.raises(RuntimeError, match="closed"):
            await publisher.publish("a.b", "too late")


async def test_leaving_the_block_by_an_exception_does_not_wait():
    streams = Streams()
    streams.answering.clear()
    async with scripted.connected(stream=streams) as client, asyncio.timeout(5):
        with pytest.raises(KeyError):
            async with client.publisher() as publisher:
                answer = await publisher.submit("a.b", "1")
                raise KeyError
        assert answer.cancelled()


async def test_a_publisher_that_was_not_used_opens_no_stream():
    streams = Streams()
    async with scripted.connected(stream=streams) as client, client.publisher():
        await asyncio.sleep(0)
    assert not streams.batches
