"""An endless look at the attempts of an application: it survives restarts, cuts and silence, and misses nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

import grpc

from hook0_client import backoff, errors, events
from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2

HEARTBEAT_INTERVAL = 15.0  # seconds
MISSED_HEARTBEATS = 3  # after so many intervals of silence the stream is taken for dead


class Watch:
    """Attempts as they are recorded, in the order of the feed; made by `Client.watch`.

        async with client.watch() as watch:
            async for attempt in watch:
                print(attempt.event_type, watch.cursor)

    The block ends the stream; without it, the stream ends when the watch is forgotten. A loop that was left can be
    taken up again where it stopped. Lost connections are made again from the last cursor, so that every attempt is
    answered exactly once; `on_interruption` hears of each. Raises what a new connection would not mend:
    OutOfRange (CURSOR_EXPIRED), InvalidRequest (CURSOR_INVALID, …), Unauthenticated, Denied, NotFound.

    `cursor` is where to resume later: everything up to it has been answered, and perhaps a few attempts beyond it
    (never the other way round), so keep it after an attempt was dealt with. '' before the first message.
    `caught_up`: everything that was recorded has been answered. `horizon_at`: everything recorded before that time
    has; `server_time` minus it is the lag. All three as of the last message.
    """

    def __init__(
        self,
        stream: Callable[[attempt_service_pb2.WatchAttemptsRequest], Any],
        request: attempt_service_pb2.WatchAttemptsRequest,
        *,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
        on_interruption: Callable[[errors.Hook0Error], None] | None = None,
    ) -> None:
        self.cursor = request.cursor
        self.caught_up = False
        self.horizon_at: datetime | None = None
        self.server_time: datetime | None = None
        self._open = stream
        self._request = attempt_service_pb2.WatchAttemptsRequest()
        self._request.CopyFrom(request)
        self._request.heartbeat_interval.FromNanoseconds(int(heartbeat_interval * 1e9))
        self._silence = MISSED_HEARTBEATS * heartbeat_interval
        self._on_interruption = on_interruption
        self._reconnection = backoff.Reconnection()
        self._call: Any = None
        self._attempts: deque[attempt_pb2.Attempt] = deque()  # of the last message, not answered yet

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> attempt_pb2.Attempt:
        while not self._attempts:
            message = await self._next_message()
            self._attempts.extend(message.attempts)
            if not self._attempts:
                self.cursor = message.cursor
        attempt = self._attempts.popleft()
        if not self._attempts:
            self.cursor = self._request.cursor
        return attempt

    async def batches(self) -> AsyncIterator[attempt_service_pb2.WatchAttemptsResponse]:
        """The messages themselves, heartbeats too: for who stores a batch and its cursor in one transaction.

        Use either this or the attempts one by one, not both by turns.
        """
        while True:
            message = await self._next_message()
            self.cursor = message.cursor
            yield message

    async def aclose(self) -> None:
        """Ends the stream; harmless when repeated. Iterating again opens a new one at the same place."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next_message(self) -> attempt_service_pb2.WatchAttemptsResponse:
        while True:
            try:
                message = await self._read()
            except errors.Hook0Error as error:
                await self.aclose()
                wait = self._reconnection.failed(error)
                if self._on_interruption is not None:
                    self._on_interruption(error)
                await asyncio.sleep(wait)
            except BaseException:  # a cancelled read has cancelled the stream
                await self.aclose()
                raise
            else:
                self._received(message)
                return message

    async def _read(self) -> attempt_service_pb2.WatchAttemptsResponse:
        if self._call is None:
            self._call = self._open(self._request)
        try:
            async with asyncio.timeout(self._silence):
                message = await self._call.read()
        except TimeoutError:
            raise errors.unavailable(f"the server was silent for {self._silence:g} s") from None
        if message is grpc.aio.EOF:
            raise errors.unavailable("the server ended the stream")
        return cast("attempt_service_pb2.WatchAttemptsResponse", message)

    def _received(self, message: attempt_service_pb2.WatchAttemptsResponse) -> None:
        self._reconnection.progressed()
        self._request.cursor = message.cursor  # replaces start_at
        self.caught_up = message.caught_up
        self.horizon_at = events.moment(message.horizon_at)
        self.server_time = events.moment(message.server_time)
