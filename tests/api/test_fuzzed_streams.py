"""Whatever a stream is sent, it ends as it was meant to: answered or refused, and all that was stored was acknowledged."""

import contextlib
from collections.abc import AsyncIterator
from random import Random

import every_credential
import hostile_requests
import hypothesis
import pytest
from google.protobuf.message import Message
from hypothesis import strategies as st

import hook0_client
from hook0_client._gen.hook0.v1 import attempt_service_pb2, ingestion_service_pb2
from hook0_server import app
from hook0_server.api import ending, registry
from hook0_server.model import errors
from tests.conftest import MASTER_KEY

_SETTINGS = hypothesis.settings(
    max_examples=2 * hypothesis.settings().max_examples,
    suppress_health_check=list(hypothesis.HealthCheck),
)
_LONGEST = 3  # messages of one stream


class Target:
    """A server, one application's house in it, and its two kinds of stream."""

    def __init__(self, server: app.Server, house: every_credential.House) -> None:
        self.house, self.through, self.db = house, server._pipeline(), server.db
        self.operations = {each.method: each for each in server.operations()}

    def requests(self, operation: registry.Operation, random: Random) -> list[Message]:
        requests = [self.house.request(operation) for _ in range(random.randint(1, _LONGEST))]
        for _ in range(random.choice((1, 1, 2, 3))):
            hostile_requests.spoil(random.choice(requests), random)
        return requests

    async def events(self) -> int:
        [(count,)] = await self.db.fetch(b"SELECT count(*) FROM events")
        return int(count)


@pytest.fixture
async def target(server: app.Server, master: hook0_client.Client) -> Target:
    return Target(server, await every_credential.house(server, master))


async def _taken(responses: AsyncIterator[Message], most: int) -> tuple[list[Message], errors.Refused | None]:
    taken: list[Message] = []
    try:
        async for response in responses:
            taken.append(response)
            if len(taken) == most:
                break
    except errors.Refused as refusal:
        return taken, refusal
    return taken, None


@_SETTINGS
@hypothesis.given(random=st.randoms(use_true_random=True))
async def test_a_strange_watch_is_refused_or_begins(target: Target, random: Random) -> None:
    operation = target.operations["WatchAttempts"]
    request = target.requests(operation, random)[0]
    stream = target.through.server_stream(operation, request, authorization=f"Bearer {MASTER_KEY}", source_ip=None)
    async with contextlib.aclosing(stream) as responses:
        taken, refusal = await _taken(responses, 1)
    assert not isinstance(refusal, ending.Internal), str(request)[:2000]
    assert bool(taken) is (refusal is None)
    assert all(isinstance(each, attempt_service_pb2.WatchAttemptsResponse) and each.cursor for each in taken)


@_SETTINGS
@hypothesis.given(random=st.randoms(use_true_random=True))
async def test_what_a_strange_publish_stream_stored_is_what_it_acknowledged(target: Target, random: Random) -> None:
    operation = target.operations["PublishEventStream"]
    given, before = target.requests(operation, random), await target.events()

    async def requests() -> AsyncIterator[Message]:
        for each in given:
            yield each

    stream = target.through.bidi_stream(operation, requests(), authorization=f"Bearer {MASTER_KEY}", source_ip=None)
    async with contextlib.aclosing(stream) as responses:
        taken, refusal = await _taken(responses, _LONGEST + 1)
    assert not isinstance(refusal, ending.Internal), str(given)[:2000]
    assert refusal is not None or len(taken) == len(given)
    assert await target.events() == before + sum(_stored(response) for response in taken)


def _stored(response: Message) -> int:
    assert isinstance(response, ingestion_service_pb2.PublishEventStreamResponse)
    for result in response.results:
        assert result.HasField("published") or (result.error.reason and result.error.message), str(result)
    return sum(result.HasField("published") and not result.published.duplicate for result in response.results)
