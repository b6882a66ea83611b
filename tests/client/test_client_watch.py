import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import hook0_client
from hook0_client import v1, watch
from hook0_server.model import errors
from hook0_server.rpc import status
from tests.client import scripted

STOPPING = errors.Unavailable("SERVER_STOPPING", "Connect again.", retry_after=0.01)


class Feed:
    """Attempts 0, 1, 2 … in messages of `size`; the cursor is the next number. Ends each stream as it is told."""

    def __init__(self, total: int, *, size: int = 3, cut_after: int | None = None, end: Any = None) -> None:
        self.total, self.size, self.cut_after, self.end = total, size, cut_after, end
        self.requests: list[v1.WatchAttemptsRequest] = []
        self.ended = asyncio.Event()

    async def __call__(self, request: Any, context: Any) -> AsyncGenerator[Any, None]:
        self.requests.append(request)
        position = int(request.cursor or 0)
        messages = 0
        try:
            while position < self.total:
                if messages == self.cut_after:
                    await self.end(context)
                    return
                following = min(position + self.size, self.total)
                yield self._message(range(position, following), following)
                position, messages = following, messages + 1
            yield self._message(range(0), self.total)
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    def _message(self, numbers: Any, cursor: Any) -> Any:
        message = v1.WatchAttemptsResponse(
            attempts=[v1.Attempt(attempt_id=str(number)) for number in numbers],
            cursor=str(cursor),
            caught_up=cursor == self.total,
        )
        message.horizon_at.FromJsonString("2026-11-23T08:00:00Z")
        message.server_time.FromJsonString("2026-11-23T08:00:01.5Z")
        return message


async def _stopping(context: Any) -> None:
    await status.abort(context, STOPPING)


async def _hang_up(context: Any) -> None:
    return


async def _say_nothing(context: Any) -> None:
    await asyncio.Event().wait()


async def _take(attempts: hook0_client.Watch, count: int) -> list[int]:
    seen = []
    async with asyncio.timeout(20):
        async for attempt in attempts:
            seen.append(int(attempt.attempt_id))
            if len(seen) == count:
                return seen
    raise AssertionError


@pytest.mark.parametrize("end", [_stopping, _hang_up], ids=["stopping", "hang up"])
async def test_a_watch_that_is_cut_again_and_again_sees_every_attempt_once_and_in_order(end: Any) -> None:
    feed = Feed(20, cut_after=2, end=end)
    heard: list[hook0_client.Hook0Error] = []
    async with scripted.connected(watch=feed) as client, client.watch(on_interruption=heard.append) as attempts:
        assert await _take(attempts, 20) == list(range(20))
    assert [request.cursor for request in feed.requests] == ["", "6", "12", "18"]
    assert [type(each) for each in heard] == [hook0_client.Unavailable] * 3


async def test_faults_with_progress_between_them_do_not_add_up() -> None:
    async def crash(context: Any) -> None:
        raise RuntimeError("a defect after each message")

    feed = Feed(24, cut_after=1, end=crash)
    async with scripted.connected(watch=feed) as client, client.watch() as attempts:
        assert await _take(attempts, 24) == list(range(24))


async def test_a_silent_stream_is_left_for_a_new_one() -> None:
    feed = Feed(6, cut_after=1, end=_say_nothing)
    async with scripted.connected(watch=feed) as client:
        attempts = client.watch(heartbeat_interval=0.1)
        async with attempts:
            assert await _take(attempts, 6) == list(range(6))
    begun, *again = [request.cursor for request in feed.requests]  # more than once again where the machine stood still
    assert (begun, set(again)) == ("", {"3"})
    assert feed.requests[0].heartbeat_interval.ToMilliseconds() == 100
    assert watch.MISSED_HEARTBEATS == 3


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (errors.OutOfRange("CURSOR_EXPIRED", "Start later.", metadata={"oldest_at": "x"}), hook0_client.OutOfRange),
        (errors.InvalidRequest("CURSOR_INVALID", "Another one."), hook0_client.InvalidRequest),
        (errors.Unauthenticated("CREDENTIALS_REVOKED", "Gone."), hook0_client.Unauthenticated),
    ],
)
async def test_what_a_new_connection_would_not_mend_is_raised(refusal: errors.Refused, kind: Any) -> None:
    async def end(context: Any) -> None:
        await status.abort(context, refusal)

    feed = Feed(6, cut_after=1, end=end)
    async with scripted.connected(watch=feed) as client, client.watch(cursor="0") as attempts:
        with pytest.raises(kind) as failed:
            await _take(attempts, 6)
    assert failed.value.reason == refusal.reason
    assert failed.value.metadata == refusal.metadata
    assert len(feed.requests) == 1


async def test_the_cursor_never_passes_an_attempt_that_was_not_answered() -> None:
    feed = Feed(6)
    async with scripted.connected(watch=feed) as client, client.watch() as attempts:
        assert attempts.cursor == ""
        cursors = []
        async for _ in attempts:
            cursors.append(attempts.cursor)
            if len(cursors) == 6:
                break
    assert cursors == ["", "", "3", "3", "3", "6"]


async def test_heartbeats_move_the_cursor_too() -> None:
    async def stream(request: Any, context: Any) -> AsyncGenerator[Any, None]:
        for cursor in ("7", "8"):
            yield v1.WatchAttemptsResponse(cursor=cursor)
        yield v1.WatchAttemptsResponse(cursor="9", attempts=[v1.Attempt(), v1.Attempt()])
        await asyncio.Event().wait()

    async with scripted.connected(watch=stream) as client, client.watch() as attempts:
        await anext(attempts)
        assert attempts.cursor == "8"


async def test_where_the_watch_stands_is_told() -> None:
    async with scripted.connected(watch=Feed(4)) as client, client.watch() as attempts:
        await _take(attempts, 3)
        assert attempts.caught_up is False
        await _take(attempts, 1)
        assert attempts.caught_up is True
        assert attempts.server_time - attempts.horizon_at == timedelta(seconds=1.5)


async def test_filter_view_and_start_are_sent_and_the_cursor_replaces_the_start() -> None:
    feed = Feed(6, cut_after=1, end=_stopping)
    begin = datetime(2026, 11, 23, 8, tzinfo=UTC)
    chosen = v1.AttemptFilter(event_types=["user.**"], only_final=True)
    async with scripted.connected(watch=feed) as client:
        await _take(client.watch(chosen, start_at=begin, view=v1.View.VIEW_FULL), 6)
    first, second = feed.requests
    assert first.application_id == second.application_id == scripted.APPLICATION
    assert first.start_at.ToDatetime(UTC) == begin
    assert (second.WhichOneof("start"), second.cursor) == ("cursor", "3")
    assert first.filter == second.filter == chosen
    assert first.view == second.view == v1.View.VIEW_FULL


async def test_two_starts_are_refused() -> None:
    async with hook0_client.connect("127.0.0.1:9", application_id="a") as client:
        with pytest.raises(ValueError, match="not both"):
            client.watch(cursor="1", start_at=datetime.now(UTC))


async def test_a_loop_that_was_left_goes_on_where_it_stopped() -> None:
    feed = Feed(6)
    async with scripted.connected(watch=feed) as client, client.watch() as attempts:
        assert await _take(attempts, 2) == [0, 1]
        assert await _take(attempts, 4) == [2, 3, 4, 5]
    assert len(feed.requests) == 1


async def test_a_wait_that_was_cancelled_loses_nothing() -> None:
    feed = Feed(3)
    async with scripted.connected(watch=feed) as client, client.watch() as attempts:
        await _take(attempts, 3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(attempts), 0.1)
        feed.total = 5
        assert await _take(attempts, 2) == [3, 4]


async def test_batches_are_the_messages_with_their_cursors() -> None:
    feed = Feed(5, cut_after=1, end=_stopping)
    seen = []
    async with scripted.connected(watch=feed) as client, client.watch() as attempts:
        async for message in attempts.batches():
            seen.append((len(message.attempts), message.cursor))
            assert attempts.cursor == message.cursor
            if message.caught_up:
                break
    assert seen == [(3, "3"), (2, "5")]


async def test_leaving_the_block_ends_the_stream_at_the_server() -> None:
    feed = Feed(3)
    async with scripted.connected(watch=feed) as client:
        async with client.watch() as attempts:
            await _take(attempts, 3)
            assert not feed.ended.is_set()
        async with asyncio.timeout(5):
            await feed.ended.wait()
        await attempts.aclose()


async def test_a_watch_that_is_forgotten_ends_its_stream() -> None:
    feed = Feed(3)
    async with scripted.connected(watch=feed) as client:
        await _take(client.watch(), 1)
        async with asyncio.timeout(5):
            await feed.ended.wait()


async def test_who_listens_to_interruptions_may_end_the_watch() -> None:
    def stop(error: Any) -> None:
        raise error

    feed = Feed(3, cut_after=0, end=_stopping)
    async with scripted.connected(watch=feed) as client, client.watch(on_interruption=stop) as attempts:
        with pytest.raises(hook0_client.Unavailable):
            await _take(attempts, 1)
