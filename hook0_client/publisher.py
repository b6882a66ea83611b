"""The fast way in: events from anywhere in a program, through one stream, in order, each with its own answer.

    publish() ─▶ room ─▶ waiting ─▶ batch ─▶ sent ─▶ answer ─▶ publish() returns
                           ▲                   │
                           └── stream broke ───┘   the same event ids, so nothing is stored twice

There is no timer: a batch is what waits when the stream can take one. Alone an event goes at once; under load batches
grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from hook0_client import backoff, errors, events, room
from hook0_client._gen.hook0.v1 import ingestion_service_pb2

MAX_PENDING = 10_000  # events
MAX_PENDING_BYTES = 32 * 1024 * 1024
MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 1024 * 1024
MAX_BATCHES_SENT = 4  # waiting for their answers; enough to keep the server busy, few enough to be sent again
MAX_EVENT_BYTES = 4 * 1024 * 1024 - 1024  # the server's limit of a message, less what surrounds the event
ANSWER_TIMEOUT = 60.0  # seconds of silence after which the stream is taken for dead
GIVE_UP_AFTER = 300.0  # seconds


class _Item:
    """An event on its way, and who waits for its answer."""

    __slots__ = ("answer", "event", "size")

    def __init__(self, event: ingestion_service_pb2.NewEvent, size: int, answer: asyncio.Future[events.Published]):
        self.event = event
        self.size = size
        self.answer = answer


class Publisher:
    """Publishes events through one stream while its block is open; made by `Client.publisher`.

    Leaving the block waits until everything is answered, and raises where that cannot be had any more; leaving it by
    an exception cancels what waits. A failure that no repetition would mend (a revoked token), or `give_up_after`
    seconds without any answer, fails everything that waits and every later call with the same error (`failure`).
    """

    def __init__(
        self,
        stream: Callable[[], Any],
        application_id: str,
        *,
        max_pending: int = MAX_PENDING,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        answer_timeout: float = ANSWER_TIMEOUT,
        give_up_after: float | None = GIVE_UP_AFTER,
    ) -> None:
        self._stream = stream
        self._application_id = application_id
        self._answer_timeout = answer_timeout
        self._room = room.Room(max_pending, max_pending_bytes)
        self._waiting: deque[_Item] = deque()
        self._sent: deque[tuple[str, list[_Item]]] = deque()
        self._batches = 0
        self._changed = asyncio.Event()  # something waits, an answer came, or the end is near
        self._closing = True  # until the block is entered
        self._failure: errors.Hook0Error | None = None
        self._reconnection = backoff.Reconnection(give_up_after)
        self._deadline = asyncio.Timeout(None)
        self._task: asyncio.Task[None]

    @property
    def failure(self) -> errors.Hook0Error | None:
        """What ended this publisher before its block did; None while it works."""
        return self._failure

    async def publish(
        self, event_type: str, payload: events.Payload, **options: Unpack[events.EventOptions]
    ) -> events.Published:
        """Publishes one event and returns once it is stored; waits for room first. Run many at once to be fast.

        Raises what `Client.publish` raises for this event alone. Cancelled before the event was sent, it is not
        published; afterwards it may be.
        """
        return await (await self.submit(event_type, payload, **options))

    async def submit(
        self, event_type: str, payload: events.Payload, **options: Unpack[events.EventOptions]
    ) -> asyncio.Future[events.Published]:
        """Waits for room only and returns the future answer. Look at each: its error is nobody else's."""
        event = events.new_event(event_type, payload, **options)
        size = event.ByteSize()
        if size > MAX_EVENT_BYTES:  # it would end the stream, for its neighbours as well
            raise _too_large(size)
        await self._room.take(size)
        if self._closing:
            self._room.give(size)
            raise _closed()
        item = _Item(event, size, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        self._changed.set()
        return item.answer

    async def __aenter__(self) -> Self:
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="hook0 publisher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._room.close(self._failure or _closed())
        pending = bool(self._waiting or self._sent)
        try:
            if kind is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
                return
            self._changed.set()
            await self._task
        finally:
            self._end(None)
        if pending and self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        try:
            while await self._work_waits():
                await self._run_stream()
        except errors.Hook0Error as error:
            self._failure = error
            self._end(error)
        except Exception as defect:
            self._end(defect)
            raise

    async def _work_waits(self) -> bool:
        """Waits for the next event to send; False once there will be none."""
        while not self._waiting:
            if self._closing:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def _run_stream(self) -> None:
        """One stream from its opening to its end; raises what makes another one pointless."""
        try:
            await self._exchange(self._stream())
        except errors.Hook0Error as error:
            self._take_back()
            if self._waiting:  # else there is no hurry: the next event opens the next stream
                await asyncio.sleep(self._reconnection.failed(error))

    async def _exchange(self, call: Any) -> None:
        failure: Exception | None = None
        try:
            async with asyncio.timeout(None) as self._deadline, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(call), name="hook0 publisher: batches out")
                tasks.create_task(self._receive(call), name="hook0 publisher: answers in")
        except* errors.Hook0Error as failures:
            failure = failures.exceptions[0]
        except* TimeoutError:
            failure = errors.unavailable(f"the server did not answer for {self._answer_timeout:g} s")
        finally:
            call.cancel()
        if failure is not None:
            raise failure

    async def _send(self, call: Any) -> None:
        while await self._work_waits():
            if len(self._sent) >= MAX_BATCHES_SENT:
                self._changed.clear()
                await self._changed.wait()
            elif call.done():  # the other task finds out why
                return
            elif message := self._next_batch():
                await call.write(message)
        await call.done_writing()

    async def _receive(self, call: Any) -> None:
        while (answer := await call.read()) is not grpc.aio.EOF:
            self._answered(answer)
        if not self._closing or self._sent or self._waiting:
            raise errors.unavailable("the server ended the stream")

    def _next_batch(self) -> ingestion_service_pb2.PublishEventStreamRequest | None:
        """What waits, up to the limits of a message; None where everybody lost interest meanwhile."""
        batch: list[_Item] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH_EVENTS:
            item = self._waiting[0]
            if batch and size + item.size > MAX_BATCH_BYTES:
                break
            self._waiting.popleft()
            if item.answer.cancelled():
                self._room.give(item.size)
            else:
                batch.append(item)
                size += item.size
        return self._batch_message(batch) if batch else None

    def _batch_message(self, batch: list[_Item]) -> ingestion_service_pb2.PublishEventStreamRequest:
        self._batches += 1
        batch_id = str(self._batches)
        self._sent.append((batch_id, batch))
        if len(self._sent) == 1:
            self._expect_answer()
        return ingestion_service_pb2.PublishEventStreamRequest(
            application_id=self._application_id, events=[item.event for item in batch], batch_id=batch_id
        )

    def _answered(self, answer: ingestion_service_pb2.PublishEventStreamResponse) -> None:
        batch_id, batch = self._sent[0] if self._sent else ("", [])
        if not batch or answer.batch_id != batch_id or len(answer.results) != len(batch):
            raise errors.fault("the server answered another batch than the next one")
        self._sent.popleft()
        self._reconnection.progressed()
        self._expect_answer()
        for item, result in zip(batch, answer.results, strict=True):
            self._room.give(item.size)
            if not item.answer.done():  # nobody waits for a cancelled one
                _settle(item.answer, result)
        self._changed.set()

    def _expect_answer(self) -> None:
        now = asyncio.get_running_loop().time()
        self._deadline.reschedule(now + self._answer_timeout if self._sent else None)

    def _take_back(self) -> None:
        """What was sent without an answer goes first on the next stream, in its order."""
        while self._sent:
            _, batch = self._sent.pop()
            self._waiting.extendleft(reversed(batch))

    def _end(self, error: Exception | None) -> None:
        """Nobody is left waiting: they get the error, or are cancelled where the block was left by an exception."""
        self._take_back()
        self._room.close(error or self._failure or _closed())
        while self._waiting:
            answer = self._waiting.popleft().answer
            if error is None:
                answer.cancel()
            elif not answer.done():
                answer.set_exception(error)


def _settle(answer: asyncio.Future[events.Published], result: ingestion_service_pb2.PublishResult) -> None:
    match result.WhichOneof("result"):
        case "published":
            answer.set_result(events.published(result.published))
        case "error":
            answer.set_exception(errors.from_item(result.error))
        case _:
            answer.set_exception(errors.fault("the server did not say what became of the event"))


def _closed() -> RuntimeError:
    return RuntimeError("the publisher is closed: use it inside its `async with` block")


def _too_large(size: int) -> errors.InvalidRequest:
    message = f"the event has {size} bytes; a message may have {MAX_EVENT_BYTES}, a payload 699,050"
    return errors.InvalidRequest(grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE", message)
