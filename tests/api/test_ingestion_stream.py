"""PublishEventStream over real gRPC: batches in, answers in their order, and an end that says why."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from publishing import Publishing, event, publishing

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.access import credentials
from hook0_server.api import ingestion
from hook0_server.ingest import queue
from hook0_server.store import database, publish


@pytest.fixture
async def into(server: app.Server, master: hook0_client.Client) -> AsyncIterator[Publishing]:
    async with publishing(server, master) as opened:
        yield opened


def batch(
    into: Publishing, mark: str = "", count: int = 1, labels: dict[str, str] | None = None, **over: Any
) -> v1.PublishEventStreamRequest:
    events = [event(labels=labels) for _ in range(count)]
    given = {"application_id": into.application_id, "batch_id": mark, "events": events, **over}
    return v1.PublishEventStreamRequest(**given)


async def ending(stream: Any) -> tuple[list[v1.PublishEventStreamResponse], hook0_client.Hook0Error]:
    """What was still answered, and how the stream ended."""
    answers: list[v1.PublishEventStreamResponse] = []
    try:
        async with asyncio.timeout(15):
            async for answer in stream:
                answers.append(answer)  # noqa: PERF401  # kept although the loop ends with an exception
    except hook0_client.Hook0Error as end:
        return answers, end
    raise AssertionError("the stream ended without a reason")


async def test_every_batch_is_answered_in_its_order_and_the_stream_ends_well(into: Publishing) -> None:
    stream = into.client.ingestion.PublishEventStream()
    sizes = [1, 200, 1, 1000, 3, 1, 600, 1, 50, 1, 1, 1]
    for number, size in enumerate(sizes):
        await stream.write(batch(into, str(number), size, application_id=into.application_id if number == 0 else ""))
    await stream.done_writing()
    answers = [answer async for answer in stream]
    assert [answer.batch_id for answer in answers] == [str(number) for number in range(len(sizes))]
    assert [len(answer.results) for answer in answers] == sizes
    assert await into.stored() == sum(sizes)


async def test_a_bad_event_fails_neither_its_neighbours_nor_the_stream(into: Publishing) -> None:
    stream = into.client.ingestion.PublishEventStream()
    for _ in range(2):
        await stream.write(batch(into, events=[event(), event(payload_text="{"), event(event_type="no.such"), event()]))
        results: Any = (await stream.read()).results  # type: ignore[attr-defined]
        reasons = [each.error.reason if each.HasField("error") else None for each in results]
        wanted = v1.ErrorReason
        assert reasons == [None, wanted.ERROR_REASON_PAYLOAD_NOT_JSON, wanted.ERROR_REASON_EVENT_TYPE_NOT_FOUND, None]
    await stream.done_writing()
    assert [each async for each in stream] == []


async def test_one_stream_may_carry_several_applications(
    into: Publishing, server: app.Server, master: hook0_client.Client
) -> None:
    async with publishing(server, master) as other:
        stream = master.ingestion.PublishEventStream()
        wanted = [into.application_id, "", other.application_id, "", into.application_id]
        for application_id in wanted:
            await stream.write(batch(into, application_id=application_id))
        await stream.done_writing()
        assert len([answer async for answer in stream]) == 5
    rows = await server.db.fetch(b"SELECT application_id, count(*)::int FROM events GROUP BY 1")
    assert {str(row[0]): row[1] for row in rows} == {into.application_id: 3, other.application_id: 2}


# The message after two good ones, and the class, reason and field of the end.
BROKEN: list[tuple[dict[str, Any], type[hook0_client.Hook0Error], str, str]] = [
    ({"events": []}, hook0_client.InvalidRequest, "FIELD_INVALID", "events"),
    ({"events": [event()] * 1001}, hook0_client.InvalidRequest, "FIELD_INVALID", "events"),
    ({"batch_id": "x" * 51}, hook0_client.InvalidRequest, "FIELD_INVALID", "batch_id"),
    ({"batch_id": "a\0b"}, hook0_client.InvalidRequest, "FIELD_INVALID", "batch_id"),
    ({"application_id": "x"}, hook0_client.InvalidRequest, "FIELD_INVALID", "application_id"),
    ({"application_id": str(uuid.UUID(int=5))}, hook0_client.Denied, "PERMISSION_DENIED", ""),
    ({"events": [event(payload=b"x" * 700_000)] * 6}, hook0_client.InvalidRequest, "MESSAGE_TOO_LARGE", "request"),
]


async def test_a_broken_message_ends_the_stream_after_what_was_taken_is_answered(into: Publishing) -> None:
    for given, kind, reason, field in BROKEN:
        stream = into.client.ingestion.PublishEventStream()
        await stream.write(batch(into, "1"))
        await stream.write(batch(into, "2"))
        await stream.write(batch(into, **given))
        answers, end = await ending(stream)
        assert [answer.batch_id for answer in answers] == ["1", "2"], given
        assert isinstance(end, kind), given
        assert (end.reason, end.field) == (reason, field), given
    assert await into.stored() == 2 * len(BROKEN)


async def test_the_first_message_names_the_application(into: Publishing) -> None:
    stream = into.client.ingestion.PublishEventStream()
    await stream.write(batch(into, application_id=""))
    answers, end = await ending(stream)
    assert answers == []
    assert (type(end), end.field) == (hook0_client.InvalidRequest, "application_id")
    assert await into.stored() == 0


@contextlib.asynccontextmanager
async def stopped_by(settings: server_settings.Settings, dsn: str) -> AsyncIterator[tuple[Publishing, asyncio.Event]]:
    """A server that is stopped once the event is set, and has ended within half of its grace when the block is left."""
    ready: asyncio.Future[app.Server] = asyncio.get_running_loop().create_future()
    stop, settings = asyncio.Event(), dataclasses.replace(settings, stop_grace=20.0)

    async def serve() -> None:
        async with app.serving(settings, dsn) as server:
            ready.set_result(server)
            await stop.wait()

    serving = asyncio.ensure_future(serve())
    server = await asyncio.wait_for(ready, 20)
    key = str(settings.master_api_key)
    async with hook0_client.connect(server.grpc, token=key) as master, publishing(server, master) as into:
        yield into, stop
        await asyncio.wait_for(serving, settings.stop_grace / 2)


async def test_a_stopping_server_answers_what_it_took_and_says_so_however_busy_or_idle_the_publisher(
    settings: server_settings.Settings, dsn: str, postgres_dsn: str
) -> None:
    async with stopped_by(settings, dsn) as (into, stop):
        idle, loaded, busy = (into.client.ingestion.PublishEventStream() for _ in range(3))
        await idle.write(batch(into))
        await idle.read()

        async def pour() -> None:
            while True:
                await busy.write(batch(into))

        pouring = asyncio.ensure_future(pour())
        for _ in range(20):
            await asyncio.wait_for(busy.read(), 10)
        for number in range(6):
            await loaded.write(batch(into, str(number), 200, labels={"of": "loaded"}))
        stop.set()
        (_, idle_end), (answers, loaded_end), _ = await asyncio.gather(*map(ending, (idle, loaded, busy)))
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
    for end in (idle_end, loaded_end):
        assert (type(end), end.reason) == (hook0_client.Unavailable, "SERVER_STOPPING")
        assert end.retry_after
    assert [answer.batch_id for answer in answers] == [str(number) for number in range(len(answers))]
    async with database.Database(dsn, pool_size=1) as db:
        assert await db.fetch(b"SELECT count(*)::int FROM events WHERE labels ? 'of'") == [(200 * len(answers),)]
    # gRPC reads no status where it was writing just then: what the busy one was told is seen in the server's metrics.
    told = {"method": "hook0.v1.IngestionService/PublishEventStream", "code": "UNAVAILABLE"}
    assert into.server.metrics.registry.get_sample_value("hook0_rpc_calls_total", told) == 3


async def test_deleted_credentials_end_open_streams_however_busy_or_idle(
    into: Publishing, server: app.Server, master: hook0_client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingestion.RECHECK_SECONDS + credentials.VERDICT_SECONDS < 10
    monkeypatch.setattr(ingestion, "RECHECK_SECONDS", 0.1)
    short_lived = v1.ApplicationSecret(application_id=into.application_id, name="short-lived")
    made = await master.applications.CreateApplicationSecret(v1.CreateApplicationSecretRequest(application_secret=short_lived))
    async with hook0_client.connect(server.grpc, token=made.application_secret.secret) as client:
        idle, busy = client.ingestion.PublishEventStream(), client.ingestion.PublishEventStream()
        for stream in (idle, busy):
            await stream.write(batch(into))
            await stream.read()
        await master.applications.DeleteApplicationSecret(
            v1.DeleteApplicationSecretRequest(
                application_id=into.application_id, application_secret_id=made.application_secret.application_secret_id
            )
        )

        async def trickle() -> None:
            while True:
                await busy.write(batch(into))
                await asyncio.sleep(0.02)

        trickling = asyncio.ensure_future(trickle())
        ends = await asyncio.gather(ending(idle), ending(busy))
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)
    for _, end in ends:
        assert (type(end), end.reason) == (hook0_client.Unauthenticated, "CREDENTIALS_REVOKED")


async def test_full_streams_wait_for_room_and_are_never_refused(into: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUEUE_EVENTS", 20)

    async def pour() -> int:
        stream = into.client.ingestion.PublishEventStream()

        async def write() -> None:
            for _ in range(20):
                await stream.write(batch(into, count=10))
            await stream.done_writing()

        writing = asyncio.ensure_future(write())
        answered = [answer async for answer in stream]
        await writing
        return len(answered)

    assert await asyncio.gather(*(pour() for _ in range(4))) == [20] * 4
    assert await into.stored() == 800


async def test_a_database_that_is_away_ends_the_stream_as_unavailable(
    into: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Sequence[Any]:
        raise database.ResultUnknown("DATABASE_UNAVAILABLE", "away", retry_after=1.0)

    stream = into.client.ingestion.PublishEventStream()
    await stream.write(batch(into, "1"))
    answers: list[Any] = [await stream.read()]
    monkeypatch.setattr(publish, "publish", away)
    with contextlib.suppress(hook0_client.Unavailable):
        await stream.write(batch(into, "2"))
    rest, end = await ending(stream)
    assert [each.batch_id for each in answers + rest] == ["1"]
    assert (type(end), end.reason) == (hook0_client.Unavailable, "DATABASE_UNAVAILABLE")


async def test_a_client_that_leaves_without_reading_harms_nobody(into: Publishing, server: app.Server) -> None:
    """It never reads: the server's write waits, and is cut off there."""
    metric = {"method": "hook0.v1.IngestionService/PublishEventStream", "code": "CANCELLED"}
    stream = into.client.ingestion.PublishEventStream()

    async def pour() -> None:
        while True:
            await stream.write(batch(into, count=500))

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pour(), 1.5)
    stream.cancel()
    async with asyncio.timeout(5):
        while server.metrics.registry.get_sample_value("hook0_rpc_calls_total", metric) != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not (await into.one(event())).duplicate
