"""WatchAttempts as a client meets it, behind the real pipeline."""

import asyncio
import contextlib
import dataclasses
import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2 as pb2, view_pb2
from hook0_server import metrics
from hook0_server.access import credentials, encryption, permissions
from hook0_server.api import pipeline, watch
from hook0_server.model import cursors, errors
from hook0_server.store import attempts, database, feed
from hook0_server.watch import hub
from tests import feed_rows, rows

MASTER_KEY = uuid.UUID("5b8f3c5e-7a2b-4c11-8d4e-0123456789ab")
SECONDS = 15.0


@dataclasses.dataclass
class Rig:
    """A pipeline with WatchAttempts, an application, and somebody who records."""

    db: database.Database
    watches: hub.Hub
    writer: psycopg.AsyncConnection[Any]
    application_id: uuid.UUID
    keyring: encryption.Keyring
    recheck_seconds: float = 5.0

    def __post_init__(self) -> None:
        authenticator = credentials.Authenticator(self.db, MASTER_KEY, seconds=0)
        permitted = permissions.Permissions(self.db)
        self.pipeline = pipeline.Pipeline(authenticator, permitted, metrics.Metrics())

    def request(self, **fields: Any) -> pb2.WatchAttemptsRequest:
        return pb2.WatchAttemptsRequest(**{"application_id": str(self.application_id), **fields})

    @contextlib.asynccontextmanager
    async def watching(self, *, secret: uuid.UUID = MASTER_KEY, **fields: Any) -> AsyncIterator["Stream"]:
        [operation] = watch.operations(self.watches, self.db, self.keyring, recheck_seconds=self.recheck_seconds)
        answers = self.pipeline.server_stream(
            operation, self.request(**fields), authorization=f"Bearer {secret}", source_ip=None
        )
        async with contextlib.aclosing(answers):
            yield Stream(answers)

    async def refusal(self, **fields: Any) -> errors.Refused:
        with pytest.raises(errors.Refused) as refused:
            async with self.watching(**fields) as stream:
                await stream.next()
        return refused.value

    async def record(self, count: int = 1, **columns: Any) -> list[str]:
        recorded = await feed_rows.record(self.writer, self.application_id, count, **columns)
        self.watches.recorded([self.application_id])
        return [str(each) for each in recorded]


class Stream:
    def __init__(self, answers: AsyncIterator[Any]) -> None:
        self._answers = answers

    async def next(self) -> pb2.WatchAttemptsResponse:
        async with asyncio.timeout(SECONDS):
            message: pb2.WatchAttemptsResponse = await anext(self._answers)
            return message

    async def until(self, count: int) -> list[pb2.WatchAttemptsResponse]:
        """Messages until there are `count` attempts in them."""
        messages: list[pb2.WatchAttemptsResponse] = []
        while sum(len(each.attempts) for each in messages) < count:
            messages.append(await self.next())
        return messages


def ids(*messages: pb2.WatchAttemptsResponse) -> list[str]:
    return [attempt.attempt_id for message in messages for attempt in message.attempts]


@pytest.fixture
async def rig(db: database.Database, dsn: str) -> AsyncIterator[Rig]:
    watches = hub.Hub(db, patience=0.5)
    async with feed_rows.connected(dsn) as writer, contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(watches.running())
        keyring = encryption.Keyring([("test", b"k" * 32)])
        yield Rig(db, watches, writer, await rows.application(db), keyring)


async def test_the_first_message_comes_at_once_and_says_where_the_watch_is(rig: Rig) -> None:
    await rig.record()
    async with rig.watching() as stream:
        first = await stream.next()
    assert ids(first) == []
    assert first.caught_up
    assert cursors.decode(first.cursor, rig.application_id)
    lag = first.server_time.ToDatetime(UTC) - first.horizon_at.ToDatetime(UTC)
    assert timedelta(0) < lag < timedelta(seconds=5)
    assert abs(first.server_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(seconds=10)


async def test_attempts_arrive_in_order_at_most_100_in_a_message(rig: Rig) -> None:
    async with rig.watching() as stream:
        await stream.next()
        recorded = await rig.record(230)
        messages = await stream.until(230)
    assert ids(*messages) == recorded
    assert [len(each.attempts) for each in messages] == [100, 100, 30]
    assert messages[-1].caught_up
    assert not messages[0].caught_up


async def test_a_message_shows_the_attempt_without_request_and_response(rig: Rig) -> None:
    async with rig.watching() as stream:
        await stream.next()
        attempt_id = await rows.attempt(rig.db, rig.application_id, headers={"a": "b"}, response_body=b"hi")
        [message] = await stream.until(1)
    attempt = message.attempts[0]
    assert attempt.attempt_id == str(attempt_id)
    assert (attempt.event_type, attempt.outcome, attempt.final) == (rows.EVENT_TYPE, attempt_pb2.OUTCOME_SUCCEEDED, True)
    assert not attempt.HasField("request")
    assert not attempt.HasField("response")


async def test_the_full_view_shows_masked_request_and_response(rig: Rig) -> None:
    subscription_id = await rows.subscription(rig.db, rig.application_id)
    target = {"method": "PUT", "url": "https://me:secret@example.com/hook", "headers": {"x-key": "secret"}}
    await rows.insert(
        rig.db,
        "subscription_revisions",
        application_id=rig.application_id,
        subscription_id=subscription_id,
        revision=3,
        target_encrypted=rig.keyring.encrypt(orjson.dumps(target), subscription_id),
    )
    async with rig.watching(view=view_pb2.VIEW_FULL) as stream:
        await stream.next()
        sent: dict[str, Any] = {"subscription_id": subscription_id, "subscription_revision": 3}
        await rows.attempt(rig.db, rig.application_id, headers={"a": "b"}, response_body=b"hi", **sent)
        [message] = await stream.until(1)
    shown = message.attempts[0]
    assert (shown.request.method, dict(shown.request.headers)) == ("PUT", {"x-key": "***"})
    assert "secret" not in shown.request.url
    assert (dict(shown.response.headers), shown.response.body) == ({"a": "b"}, b"hi")


async def test_large_attempts_are_spread_over_messages_each_with_its_own_cursor(rig: Rig) -> None:
    start = await rig.watches.from_now(rig.application_id)
    recorded = [
        str(await rows.attempt(rig.db, rig.application_id, headers={}, response_body=bytes(1_000_000))) for _ in range(7)
    ]
    async with rig.watching(cursor=cursors.encode(start), view=view_pb2.VIEW_FULL) as stream:
        messages = await stream.until(7)
    assert ids(*messages) == recorded
    assert len(messages) >= 3
    assert all(each.ByteSize() < 3.5 * 1024 * 1024 for each in messages)
    async with rig.watching(cursor=messages[0].cursor) as stream:
        rest = ids(*await stream.until(7 - len(messages[0].attempts)))
    assert ids(messages[0]) + rest == recorded


async def test_heartbeats_come_where_nothing_else_does(rig: Rig) -> None:
    async with rig.watching(heartbeat_interval={"seconds": 1}) as stream:
        first = await stream.next()
        started = asyncio.get_running_loop().time()
        beat = await stream.next()
        assert 0.8 < asyncio.get_running_loop().time() - started < 5
        assert ids(beat) == []
        assert beat.caught_up
        assert (await stream.next()).horizon_at.ToDatetime() > first.horizon_at.ToDatetime()


async def test_an_open_writing_transaction_shows_as_not_caught_up_until_it_ends(rig: Rig, dsn: str) -> None:
    async with feed_rows.connected(dsn, autocommit=False) as slow, rig.watching(heartbeat_interval={"seconds": 1}) as stream:
        await stream.next()
        late = await feed_rows.record(slow, rig.application_id)
        early = await rig.record(2)
        held = await stream.next()
        assert (ids(held), held.caught_up) == ([], False)
        assert held.server_time.ToDatetime() - held.horizon_at.ToDatetime() > timedelta(seconds=0.5)
        await slow.commit()
        assert ids(*await stream.until(3)) == [str(late[0]), *early]


async def test_a_filter_that_matches_nothing_moves_the_cursor(rig: Rig) -> None:
    narrow = {"subscription_ids": [str(uuid.uuid4())]}
    async with rig.watching(filter=narrow, heartbeat_interval={"seconds": 1}) as stream:
        first = await stream.next()
        recorded = await rig.record(5)
        while (beat := await stream.next()).cursor == first.cursor:
            continue
    assert ids(beat) == []
    assert str(cursors.decode(beat.cursor, rig.application_id).attempt_id) == recorded[-1]
    more = await rig.record(2)
    async with rig.watching(cursor=beat.cursor) as stream:  # the filter may change
        assert ids(*await stream.until(2)) == more


async def test_start_at_begins_with_what_was_recorded_then(rig: Rig) -> None:
    now = datetime.now(UTC)
    recorded = [str(await rows.attempt(rig.db, rig.application_id, now - timedelta(minutes=ago))) for ago in (90, 60, 30)]
    async with rig.watching(start_at=now - timedelta(minutes=60)) as stream:
        assert ids(*await stream.until(2)) == recorded[1:]


async def test_a_start_before_what_is_kept_says_from_when_one_can_watch(rig: Rig) -> None:
    refusal = await rig.refusal(start_at=datetime.now(UTC) - timedelta(days=100))
    assert isinstance(refusal, errors.OutOfRange)
    assert refusal.reason == "CURSOR_EXPIRED"
    async with rig.watching(start_at=datetime.fromisoformat(refusal.metadata["oldest_at"])) as stream:
        assert await stream.next()


async def test_a_cursor_that_is_none_and_one_of_another_application_are_refused(rig: Rig) -> None:
    foreign = cursors.encode(await feed.position(rig.db, uuid.uuid4()))
    for text in ("", "garbage", foreign):
        refusal = await rig.refusal(cursor=text)
        assert isinstance(refusal, errors.InvalidRequest)
        assert refusal.reason == "CURSOR_INVALID"
        assert refusal.violations[0].field == "cursor"


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"heartbeat_interval": {"nanos": 999_999_999}}, "heartbeat_interval", "FIELD_INVALID"),
        ({"heartbeat_interval": {"seconds": 61}}, "heartbeat_interval", "FIELD_INVALID"),
        ({"start_at": {"seconds": 2**60}}, "start_at", "FIELD_INVALID"),
        ({"view": 9}, "view", "FIELD_INVALID"),
        ({"filter": {"subscription_ids": ["x"]}}, "filter.subscription_ids[0]", "FIELD_INVALID"),
        ({"filter": {"event_types": ["a.**.b"]}}, "filter.event_types[0]", "PATTERN_INVALID"),
    ],
)
async def test_a_broken_field_is_named(rig: Rig, fields: dict[str, Any], field: str, reason: str) -> None:
    refusal = await rig.refusal(**fields)
    assert isinstance(refusal, errors.InvalidRequest)
    assert (refusal.violations[0].field, refusal.reason) == (field, reason)


async def test_a_stopping_server_sends_what_it_has_read_and_ends_the_stream(rig: Rig) -> None:
    async with rig.watching() as stream:
        await stream.next()
        recorded = await rig.record(3)
        assert ids(*await stream.until(3)) == recorded
        waiting = asyncio.create_task(stream.next())
        await asyncio.sleep(0)
        rig.pipeline.stop()
        with pytest.raises(errors.Unavailable) as refused:
            await waiting
    assert refused.value.reason == "SERVER_STOPPING"
    assert refused.value.retry_after == 1


async def test_a_deleted_secret_ends_the_stream(rig: Rig, db: database.Database) -> None:
    rig.recheck_seconds = 0.1
    secret, secret_id = uuid.uuid4(), uuid.uuid4()
    await rows.insert(
        db,
        "application_secrets",
        application_id=rig.application_id,
        application_secret_id=secret_id,
        secret_hash=hashlib.sha256(str(secret).encode()).digest(),
        secret_encrypted=b"",
    )
    async with rig.watching(secret=secret) as stream:
        await stream.next()
        await db.fetch(b"UPDATE application_secrets SET deleted_at = now()")
        with pytest.raises(errors.Unauthenticated) as refused:
            await stream.next()
    assert refused.value.reason == "CREDENTIALS_REVOKED"


async def test_watching_ends_with_the_stream(rig: Rig) -> None:
    async with rig.watching() as stream:
        await stream.next()
        assert rig.watches.applications == 1
    assert rig.watches.applications == 0
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "watch.stopping"]


async def test_a_list_and_a_watch_from_its_cursor_leave_no_gap(rig: Rig) -> None:
    before = await rig.record(4)
    watch_cursor = cursors.encode(await feed.position(rig.db, rig.application_id))
    after = await rig.record(3)
    found = await attempts.find(rig.db, rig.application_id, attempts.Filter(), size=50)
    async with rig.watching(cursor=watch_cursor) as stream:
        watched = ids(*await stream.until(3))
    assert watched == after
    assert {str(key[0]) for key in found.rows} | set(watched) == {*before, *after}
