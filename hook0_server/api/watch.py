"""WatchAttempts: what is recorded, as it is recorded, until the client goes away or the server stops."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime

from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2 as pb2, view_pb2
from hook0_server.access import encryption
from hook0_server.api import convert, filters, listing, parents, pipeline, registry, rules, shown_attempts, shown_targets
from hook0_server.model import cursors
from hook0_server.store import attempts, database, feed
from hook0_server.watch import hub, watcher

MOST_ATTEMPTS = 100  # in one message

_RECHECK_SECONDS = 5.0
_HEARTBEAT_SECONDS = 15.0
_SHORTEST_HEARTBEAT, _LONGEST_HEARTBEAT = 1, 60


class Watch:
    def __init__(self, watches: hub.Hub, db: database.Database, keyring: encryption.Keyring, recheck_seconds: float) -> None:
        self._hub, self._db, self._recheck_seconds = watches, db, recheck_seconds
        self._targets = shown_targets.ShownTargets(db, keyring)
        self._basic = shown_attempts.ShownAttempts()

    async def watch(
        self, call: pipeline.Call, request: pb2.WatchAttemptsRequest
    ) -> AsyncGenerator[pb2.WatchAttemptsResponse, None]:
        start = await self._start(call, request)
        wanted = filters.of_attempts(request.filter)
        async with (
            self._hub.watching(start, wanted, most=MOST_ATTEMPTS) as watching,
            _interrupting(call.stopping, watching),
        ):
            beat = _Beat(_heartbeat_seconds(request))
            check = _Beat(self._recheck_seconds)
            told = watching.now
            while True:
                batch = await watching.next(min(beat.remaining, check.remaining))
                if batch is None and beat.remaining == 0:
                    batch = watching.now
                if batch is not None:
                    async with contextlib.aclosing(self._messages(told, batch, request.view)) as messages:
                        async for message in messages:
                            yield message
                    told = batch
                    beat.restart()
                if call.stopping.is_set():
                    raise pipeline.stopping_refusal()
                if check.remaining == 0:
                    await call.recheck()
                    check.restart()

    async def _start(self, call: pipeline.Call, request: pb2.WatchAttemptsRequest) -> cursors.Cursor:
        application_id = parents.application(call)
        match request.WhichOneof("start"):
            case "cursor":
                return await self._hub.from_cursor(cursors.decode(request.cursor, application_id))
            case "start_at":
                at = rules.seconds_to_datetime(request.start_at.seconds, request.start_at.nanos // 1000)
                return await self._hub.from_time(application_id, at)
            case _:
                return await self._hub.from_now(application_id)

    async def _messages(
        self, told: watcher.Batch, batch: watcher.Batch, view: int
    ) -> AsyncGenerator[pb2.WatchAttemptsResponse, None]:
        """The batch in one message, or in several where one would be too large: then only the last says how far it is."""
        rows: Sequence[attempts.Attempt] = batch.attempts
        while rows:
            shown = await self._shown(rows, view)
            if len(shown) == len(rows):
                break
            cursor = feed.passing(told.cursor, rows[len(shown) - 1])
            told = dataclasses.replace(told, cursor=cursor, is_caught_up=False)
            yield _message(shown, told)
            rows = rows[len(shown) :]
        else:
            shown = []
        yield _message(shown, batch)

    async def _shown(self, rows: Sequence[attempts.Attempt], view: int) -> list[attempt_pb2.Attempt]:
        """As many of these as fit a message, from the first on; one at least."""
        if view != view_pb2.VIEW_FULL:
            shown = [self._basic.of(row) for row in rows]
            return shown[: listing.fitting(shown)]
        application_id = rows[0].application_id
        keys = [(row.attempt_id, row.recorded_at) for row in rows]
        full = {row.attempt_id: row for row in await attempts.read(self._db, application_id, keys, full=True)}
        # Fewer are read when they are large. One whose day was dropped a moment ago is shown as it was seen.
        last = max((at for at, row in enumerate(rows) if row.attempt_id in full), default=len(rows) - 1)
        complete = [full.get(row.attempt_id, row) for row in rows[: last + 1]]
        targets = await self._targets.of(application_id, complete)
        shown = [convert.attempt(row, view, shown_targets.for_attempt(targets, row)) for row in complete]
        return shown[: listing.fitting(shown)]


class _Beat:
    """Something that is due every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    @property
    def remaining(self) -> float:
        """Seconds until it is due; 0 when it is."""
        return max(self._due - time.monotonic(), 0.0)

    def restart(self) -> None:
        self._due = time.monotonic() + self._seconds


@contextlib.asynccontextmanager
async def _interrupting(stopping: asyncio.Event, watching: watcher.Watcher) -> AsyncIterator[None]:
    """While the block runs, a server that stops wakes the watch."""

    async def tell() -> None:
        await stopping.wait()
        watching.interrupt()

    task = asyncio.create_task(tell(), name="watch.stopping")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _message(shown: list[attempt_pb2.Attempt], batch: watcher.Batch) -> pb2.WatchAttemptsResponse:
    return pb2.WatchAttemptsResponse(
        attempts=shown,
        cursor=cursors.encode(batch.cursor),
        caught_up=batch.is_caught_up,
        horizon_at=batch.horizon_at,
        server_time=datetime.now(UTC),
    )


def _heartbeat_seconds(request: pb2.WatchAttemptsRequest) -> float:
    if not request.HasField("heartbeat_interval"):
        return _HEARTBEAT_SECONDS
    return request.heartbeat_interval.seconds + request.heartbeat_interval.nanos / 1e9


def _rules(request: pb2.WatchAttemptsRequest, breaches: rules.Breaches) -> None:
    if request.WhichOneof("start") == "start_at":
        breaches.timestamp("start_at", request.start_at)
    if request.HasField("heartbeat_interval"):
        breaches.duration("heartbeat_interval", request.heartbeat_interval, _SHORTEST_HEARTBEAT, _LONGEST_HEARTBEAT)
    filters.judge_view(request.view, breaches)
    filters.judge_attempts(request.filter, breaches)


def operations(
    watches: hub.Hub, db: database.Database, keyring: encryption.Keyring, *, recheck_seconds: float = _RECHECK_SECONDS
) -> list[registry.Operation]:
    """AttemptService's WatchAttempts."""
    return [
        registry.Operation(
            "AttemptService",
            "WatchAttempts",
            pb2.WatchAttemptsRequest,
            pb2.WatchAttemptsResponse,
            registry.Kind.SERVER_STREAM,
            "request_attempt:list",
            Watch(watches, db, keyring, recheck_seconds).watch,
            rules=_rules,
        )
    ]
