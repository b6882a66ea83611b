"""IngestionService: one event, a batch, or batch after batch over a stream. Acknowledged means committed."""

import asyncio
import functools
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import new_events, pipeline, posted_events, registry, rules
from hook0_server.ingest import daily, writer
from hook0_server.model import errors
from hook0_server.store import publish

MAX_EVENTS = posted_events.MAX_EVENTS
AHEAD = 8  # batches of one stream that wait for their commit
RECHECK_SECONDS = 5.0
Answer = TypeVar("Answer", pb2.PublishEventResponse, pb2.PublishedEvent)
Answers = TypeVar("Answers", pb2.PublishEventsResponse, pb2.PublishEventStreamResponse)
_OTHER_LABELS = writer.Rejected("PERMISSION_DENIED", "A check in the token does not allow these labels.", "labels")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Batch:
    """One message of a stream: its results as far as they are known, and the rest on its way."""

    batch_id: str
    results: "asyncio.Task[Sequence[writer.Result]]"


class Ingestion:
    """The handlers. What they need is the writer, what may be published today, and what time it is for the database."""

    def __init__(self, into: writer.Writer, allowed: daily.Daily, now: Callable[[], float]) -> None:
        self._writer, self._daily, self._now = into, allowed, now

    async def publish_event(self, call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
        if not request.HasField("event"):
            raise errors.InvalidRequest.of("event", "is missing: it is what is published")
        return await self._publish(call, request, None)

    async def post_event(self, call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
        """As Hook0's REST has it: its content types, one of them base64, and payloads looked at after the quota."""
        return await self._publish(call, request, posted_events.open_payload(request.event))

    async def _publish(
        self, call: pipeline.Call, request: pb2.PublishEventRequest, unfit: errors.InvalidRequest | None
    ) -> pb2.PublishEventResponse:
        """`unfit`: what is wrong with the payload, to be said where nothing else is."""
        assert call.application_id is not None  # noqa: S101  # Scope.APPLICATION
        breaches = rules.Breaches()
        event = new_events.judge(request.event, call.application_id, call.source_ip, self._now(), "event.", breaches)
        if event is None or unfit is not None:
            self._writer.counts.rejected += 1
        if breaches.reason != "PAYLOAD_NOT_JSON":
            breaches.refuse()
        if call.principal.asks_labels:
            await call.check_labels(request.event.labels)
        if refusal := self._daily.refusal(call.application_id, 1):
            self._writer.counts.rejected += event is not None and unfit is None
            raise refusal
        if unfit is not None:
            raise unfit
        breaches.refuse()
        [result] = await self._writer.submit(call.application_id, [event] if event else [])
        if isinstance(result, writer.Rejected):
            raise _refusal(result)
        return _published(result, pb2.PublishEventResponse())

    async def publish_events(self, call: pipeline.Call, request: pb2.PublishEventsRequest) -> pb2.PublishEventsResponse:
        assert call.application_id is not None  # noqa: S101  # Scope.APPLICATION
        results = await self._results(call, call.application_id, request.events)
        return _answered(pb2.PublishEventsResponse(), results)

    async def post_events(self, call: pipeline.Call, batch: posted_events.Batch) -> list[writer.Result | errors.Refused]:
        """A result or a refusal for each, in the order given."""
        assert call.application_id is not None  # noqa: S101  # Scope.APPLICATION
        unfit = [each if isinstance(each, errors.Refused) else posted_events.opened(each) for each in batch.events]
        fit = [each for each, why in zip(batch.events, unfit, strict=True) if why is None and isinstance(each, pb2.NewEvent)]
        self._writer.counts.rejected += len(unfit) - len(fit)
        stored = iter(await self._results(call, call.application_id, fit))
        return [next(stored) if why is None else why for why in unfit]

    async def publish_event_stream(
        self, call: pipeline.Call, requests: AsyncIterator[pb2.PublishEventStreamRequest]
    ) -> AsyncIterator[pb2.PublishEventStreamResponse]:
        """What was taken is answered, in order, also when the stream ends with a refusal."""
        batches: asyncio.Queue[_Batch | BaseException | None] = asyncio.Queue(AHEAD)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(call, requests, batches, tasks), name="ingest.stream")
            while isinstance(batch := await batches.get(), _Batch):
                yield _answered(pb2.PublishEventStreamResponse(batch_id=batch.batch_id), await batch.results)
            reading.cancel()
        if batch is not None:
            raise batch

    async def _read(
        self,
        call: pipeline.Call,
        requests: AsyncIterator[pb2.PublishEventStreamRequest],
        batches: "asyncio.Queue[_Batch | BaseException | None]",
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Take messages until the client ends, the server stops, or something is refused; say which, last."""
        end: BaseException | None = None
        application_id: uuid.UUID | None = None
        try:
            async for request in _while_valid(call, requests):
                if request.application_id:
                    application_id = await call.authorize(request.application_id)
                if application_id is None:
                    raise errors.InvalidRequest.of("application_id", "is needed in the first message of a stream")
                await self._writer.queue.room()
                await self._writer.breathe()
                work = self._results(call, application_id, request.events, patient=True)
                await batches.put(_Batch(request.batch_id, tasks.create_task(work, name="ingest.batch")))
        except errors.Refused as refusal:
            end = refusal
        await batches.put(end)

    async def _results(
        self, call: pipeline.Call, application_id: uuid.UUID, given: Sequence[pb2.NewEvent], *, patient: bool = False
    ) -> list[writer.Result]:
        """A result for each event, in order; what breaks a rule is not stored and hurts no other."""
        now, narrowed = self._now(), call.principal.asks_labels
        good: list[publish.NewEvent] = []
        refused: dict[int, writer.Rejected] = {}
        breaches = rules.Breaches()
        for at, event in enumerate(given):
            judged = new_events.judge(event, application_id, call.source_ip, now, "", breaches)
            if narrowed and judged is not None and not await call.allows_labels(event.labels):
                refused[at] = _OTHER_LABELS
            elif judged is None:
                first = breaches.violations[0]
                self._writer.counts.rejected += 1
                refused[at] = writer.Rejected(breaches.reason, f"{first.field}: {first.description}", first.field)
                breaches = rules.Breaches()
            else:
                good.append(judged)
        results = await self._stored(application_id, good, patient=patient) if good else []
        for at, rejected in refused.items():  # in ascending order, so each lands where it was given
            results.insert(at, rejected)
        return results

    async def _stored(self, application_id: uuid.UUID, events: list[publish.NewEvent], *, patient: bool) -> list[writer.Result]:
        if refusal := self._daily.refusal(application_id, len(events)):
            self._writer.counts.rejected += len(events)
            return [writer.Rejected(refusal.reason, refusal.message, "")] * len(events)
        return await self._writer.submit(application_id, events, patient=patient)


async def _while_valid(
    call: pipeline.Call, requests: AsyncIterator[pb2.PublishEventStreamRequest]
) -> AsyncIterator[pb2.PublishEventStreamRequest]:
    """The messages, until the server stops; the credential is asked about again every 5 s, also while nothing comes."""
    stopping = asyncio.create_task(call.stopping.wait(), name="ingest.stopping")
    coming: asyncio.Task[pb2.PublishEventStreamRequest] | None = None
    checked_at = time.monotonic()
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(requests))
            await asyncio.wait({coming, stopping}, timeout=RECHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if time.monotonic() - checked_at >= RECHECK_SECONDS:
                checked_at = time.monotonic()
                await call.recheck()
            if coming.done():
                try:
                    request = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield request
            elif stopping.done():
                raise pipeline.stopping_refusal()
    finally:
        stopping.cancel()
        if coming is not None:
            coming.cancel()


def _published(result: writer.Published, into: Answer) -> Answer:
    into.event_id = result.event_id
    into.received_at.CopyFrom(_timestamp(result.received_at))
    if result.duplicate:
        into.duplicate = True
    if result.delivery_count is not None:
        into.delivery_count = result.delivery_count
    return into


def _answered(answer: Answers, results: Sequence[writer.Result]) -> Answers:
    """Put together as bytes: new events are answered alike but for their ids, and to set field after field takes 1 µs each."""
    written: list[bytes] = []
    alike: dict[tuple[datetime, int | None], list[bytes]] = {}  # before and after the id, which is as long as any other
    for result in results:
        if isinstance(result, writer.Rejected) or result.duplicate:
            written.append(_written(type(answer), result))
            continue
        event_id, what = result.event_id.encode(), (result.received_at, result.delivery_count)
        around = alike.get(what)
        if around is None:
            around = alike[what] = _written(type(answer), result).split(event_id)
        written += (around[0], event_id, around[1])
    answer.MergeFromString(b"".join(written))
    return answer


def _written(kind: type[Answers], result: writer.Result) -> bytes:
    """An answer with this result alone, as bytes: several, one after the other, are an answer with all of them."""
    answer = kind()
    into = answer.results.add()
    if isinstance(result, writer.Rejected):
        reason = f"ERROR_REASON_{result.reason}"
        into.error.CopyFrom(pb2.PublishError(reason=reason, message=result.message, field=result.field))
    else:
        _published(result, into.published)
    return answer.SerializeToString()


@functools.lru_cache(maxsize=64)
def _timestamp(moment: datetime) -> Timestamp:
    """A batch has one. Never changed: it is copied."""
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def _refusal(rejected: writer.Rejected) -> errors.Refused:
    if rejected.reason == "EVENT_ID_REUSED":
        return errors.AlreadyExists(rejected.reason, rejected.message)
    if rejected.reason == "EVENT_TYPE_NOT_FOUND":
        return errors.Precondition(rejected.reason, rejected.message)
    return errors.InvalidRequest.of(f"event.{rejected.field}", rejected.message, reason=rejected.reason)


def _batch_rules(request: pb2.PublishEventsRequest | pb2.PublishEventStreamRequest, breaches: rules.Breaches) -> None:
    if not 1 <= len(request.events) <= MAX_EVENTS:
        breaches.add("events", f"has {len(request.events)} events; 1 to {MAX_EVENTS} are allowed")


def _stream_rules(request: pb2.PublishEventStreamRequest, breaches: rules.Breaches) -> None:
    breaches.text("batch_id", request.batch_id, 0, 50)
    _batch_rules(request, breaches)


def operations(into: writer.Writer, allowed: daily.Daily, now: Callable[[], float]) -> list[registry.Operation]:
    """IngestionService, whole; `now`: the database's time in Unix seconds."""
    handlers, service, kind = Ingestion(into, allowed, now), "IngestionService", registry.Kind
    return [
        registry.Operation(
            service, "PublishEvent", pb2.PublishEventRequest, pb2.PublishEventResponse, kind.UNARY,
            "event:ingest", handlers.publish_event, asks_labels=True,
        ),
        registry.Operation(
            service, "PublishEvents", pb2.PublishEventsRequest, pb2.PublishEventsResponse, kind.UNARY,
            "event:ingest", handlers.publish_events, rules=_batch_rules, asks_labels=True,
        ),
        registry.Operation(
            service, "PublishEventStream", pb2.PublishEventStreamRequest, pb2.PublishEventStreamResponse, kind.BIDI_STREAM,
            "event:ingest", handlers.publish_event_stream, scope=registry.Scope.STREAM, rules=_stream_rules, asks_labels=True,
        ),
    ]  # fmt: skip


def rest_operations(into: writer.Writer, allowed: daily.Daily, now: Callable[[], float]) -> list[registry.Operation]:
    """What REST has in place of IngestionService."""
    handlers, service, kind = Ingestion(into, allowed, now), "IngestionService", registry.Kind
    return [
        registry.Operation(
            service, "PublishEvent", pb2.PublishEventRequest, pb2.PublishEventResponse, kind.UNARY,
            "event:ingest", handlers.post_event, rules=posted_events.judge, asks_labels=True, is_rpc=False,
        ),
        registry.Operation(
            service, "PublishEvents", posted_events.Batch, list, kind.UNARY,
            "event:ingest", handlers.post_events, rules=posted_events.judge_batch, asks_labels=True, is_rpc=False,
        ),
    ]  # fmt: skip
