import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

import hook0_client
from hook0_client import publisher as publishing
from hook0_server.model import errors
from hook0_server.rpc import status
from tests.client import scripted
from tests.client.scripted import Streams

REVOKED = errors.Unauthenticated("CREDENTIALS_REVOKED", "The secret was deleted.")
STOPPING = errors.Unavailable("SERVER_STOPPING", "Connect again.", retry_after=0.01)


def refusing(refusal: errors.Refused) -> Any:
    async def end(context: Any) -> None:
        await status.abort(context, refusal)

    return end


async def _hang_up(context: Any) -> None:
    return


async def _say_nothing(context: Any) -> None:
    await asyncio.Event().wait()


def _make(client: Any, **options: Any) -> hook0_client.Publisher:
    """A publisher with options that `Client.publisher` does not offer."""
    return publishing.Publisher(client.ingestion.PublishEventStream, scripted.APPLICATION, **options)


async def test_a_publisher_that_is_limited_comes_back_when_it_was_told_and_loses_nothing() -> None:
    limited = errors.QuotaExceeded("RATE_LIMITED", "Come back.", retry_after=0.6, metadata={"limit": "credential"})
    streams = Streams(refusing(limited), refusing(limited))
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        began = asyncio.get_running_loop().time()
        published = await publisher.publish("a.b", "1")
        took = asyncio.get_running_loop().time() - began
    assert streams.ids(0) == streams.ids(1) == streams.ids(2) == [published.event_id]
    assert 1.2 <= took < 5


@pytest.mark.parametrize("end", [refusing(STOPPING), _hang_up], ids=["stopping", "hang up"])
async def test_what_was_not_acknowledged_is_sent_again_in_order_under_the_same_ids(end: Any) -> None:
    streams = Streams(end, end)
    async with scripted.connected(stream=streams) as client, client.publisher() as publisher:
        answers = [await publisher.submit("a.b", str(n)) for n in range(1200)]
        published = await asyncio.gather(*answers)
    assert len(streams.batches) == 3
    assert streams.payloads(2) == [str(n) for n in range(1200)]
    for stream in range(3):
        ids = streams.ids(stream)
        assert ids == [each.event_id for each in published][: len(ids)]


async def test_what_was_acknowledged_is_not_sent_again() -> None:
    streams = Streams()
    cut = asyncio.Event()

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
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


async def test_a_silent_server_is_left_for_a_new_stream() -> None:
    streams = Streams(_say_nothing)
    async with scripted.connected(stream=streams) as client, _make(client, answer_timeout=0.2) as publisher:
        published = await publisher.publish("a.b", "1")
    assert streams.ids(0) == streams.ids(1) == [published.event_id]


async def test_an_idle_stream_is_not_taken_for_silent() -> None:
    streams = Streams()
    async with scripted.connected(stream=streams) as client, _make(client, answer_timeout=0.5) as publisher:
        await publisher.publish("a.b", "1")
        await asyncio.sleep(0.8)
        await publisher.publish("a.b", "2")
    assert len(streams.batches) == 1


async def test_a_publisher_outlives_a_restart_of_the_server_with_and_without_an_event_waiting() -> None:
    streams = Streams()
    async with contextlib.AsyncExitStack() as first:
        address = await first.enter_async_context(scripted.serving(stream=streams))
        async with scripted.connect(address) as client, client.publisher() as publisher:
            await publisher.publish("a.b", "1")
            await first.aclose()
            waiting = asyncio.create_task(publisher.publish("a.b", "2"))
            async with asyncio.timeout(20), scripted.serving(stream=streams, address=address):
                await waiting
            async with asyncio.timeout(20), scripted.serving(stream=streams, address=address):
                await publisher.publish("a.b", "3")
    assert [streams.payloads(stream) for stream in range(3)] == [["1"], ["2"], ["3"]]


async def test_a_permanent_failure_fails_everything_that_waits_and_every_later_call() -> None:
    streams = Streams(refusing(REVOKED))
    async with scripted.connected(stream=streams) as client, client.publisher(max_pending=2) as publisher:
        waiting = [asyncio.create_task(publisher.publish("a.b", "1")) for _ in range(4)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [hook0_client.Unauthenticated] * 4
        with pytest.raises(hook0_client.Unauthenticated, match="deleted"):
            await publisher.publish("a.b", "2")
        assert publisher.failure is not None
        assert publisher.failure.reason == "CREDENTIALS_REVOKED"
    assert len(streams.batches) == 1


async def test_leaving_the_block_raises_where_the_rest_could_not_be_published() -> None:
    async with scripted.connected(stream=Streams(refusing(REVOKED))) as client:
        with pytest.raises(hook0_client.Unauthenticated):
            async with client.publisher() as publisher:
                answer = await publisher.submit("a.b", "1")
    assert isinstance(answer.exception(), hook0_client.Unauthenticated)


async def test_it_gives_up_when_nobody_answers_for_too_long() -> None:
    async with scripted.serving() as address:
        pass
    async with scripted.connect(address) as client, client.publisher(give_up_after=0.3) as publisher:
        with pytest.raises(hook0_client.Unavailable):
            await publisher.publish("a.b", "1")


async def test_a_server_that_answers_nonsense_is_given_up() -> None:
    asked = 0

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
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


async def test_faults_with_progress_between_them_do_not_add_up() -> None:
    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        yield scripted.accepted(await anext(aiter(requests)))
        raise RuntimeError("a defect after each batch")

    async with scripted.connected(stream=stream) as client, client.publisher() as publisher:
        for number in range(publishing.MAX_BATCHES_SENT * 3):
            await publisher.publish("a.b", str(number))
            answer = await publisher.submit("a.b", "the one that meets the defect")
        await answer
