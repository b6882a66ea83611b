"""EventService."""

import uuid
from datetime import datetime

from hook0_client._gen.hook0.v1 import event_service_pb2 as pb2, view_pb2
from hook0_server.access import encryption
from hook0_server.api import convert, filters, listing, parents, pipeline, registry, repeats, rules
from hook0_server.model import errors, page_tokens
from hook0_server.store import database, delivery_actions, events, wake

_KIND = "events"


class Events:
    def __init__(self, db: database.Database, keyring: encryption.Keyring, waker: wake.Wake) -> None:
        self._db, self._wake = db, waker
        self._repeats = repeats.Repeats(db, keyring)

    async def get(self, call: pipeline.Call, request: pb2.GetEventRequest) -> pb2.GetEventResponse:
        found = await events.get(self._db, parents.application(call), uuid.UUID(request.event_id))
        if found is None:
            raise _missing(request.event_id)
        return pb2.GetEventResponse(event=convert.event(found))

    async def list(self, call: pipeline.Call, request: pb2.ListEventsRequest) -> pb2.ListEventsResponse:
        application_id = parents.application(call)
        about = listing.digest(application_id, request.filter)
        below = _position(listing.position(request.page_token, _KIND, about, 2))
        size, wanted = rules.page_size(request.page_size), filters.of_events(request.filter)
        page = await events.find(self._db, application_id, wanted, size=size, below=below)
        keys = [(day, event_id) for day, event_id, _ in page.rows]
        found = await events.read(self._db, application_id, keys, full=request.view == view_pb2.VIEW_FULL)
        shown = [convert.event(record) for record in found]
        fitting = listing.fitting(shown)
        # A page that was cut goes on after what it shows; a row that is gone since it was found is not missed.
        is_cut = 0 < fitting < len(keys)
        following = (found[fitting - 1].received_at, found[fitting - 1].event_id) if is_cut else page.next
        token = page_tokens.encode(_KIND, about, _texts(following)) if following else ""
        return pb2.ListEventsResponse(events=shown[:fitting], next_page_token=token)

    async def replay(self, call: pipeline.Call, request: pb2.ReplayEventRequest) -> pb2.ReplayEventResponse:
        application_id, event_id = parents.application(call), uuid.UUID(request.event_id)
        only = uuid.UUID(request.subscription_id) if request.subscription_id else None

        async def deliver(connection: database.Connection) -> pb2.ReplayEventResponse:
            replayed = await delivery_actions.replay(connection, application_id, event_id, only=only)
            if not replayed.has_event:
                raise _missing(request.event_id)
            if not replayed.is_enabled:
                raise _unwanted(request.subscription_id, is_disabled=replayed.has_subscription)
            return pb2.ReplayEventResponse(delivery_count=replayed.delivery_count)

        answer = await self._repeats.once(call, application_id, request, pb2.ReplayEventResponse, deliver)
        self._wake.notify(wake.DELIVERIES)
        return answer


def _unwanted(subscription_id: str, *, is_disabled: bool) -> errors.Refused:
    facts = {"subscription_id": subscription_id}
    if is_disabled:
        return errors.Precondition(
            "SUBSCRIPTION_DISABLED", f"The subscription {subscription_id} is disabled; enable it first.", metadata=facts
        )
    return errors.NotFound(
        "SUBSCRIPTION_NOT_FOUND",
        f"The application has no subscription {subscription_id}, or it was deleted.",
        metadata=facts,
    )


def _missing(event_id: str) -> errors.NotFound:
    return errors.NotFound(
        "EVENT_NOT_FOUND",
        f"The application has no event {event_id}, or it is older than events are kept.",
        metadata={"event_id": event_id},
    )


def _position(texts: tuple[str, ...]) -> events.Position | None:
    if not texts:
        return None
    try:
        received_at = datetime.fromisoformat(texts[0])
    except ValueError as failure:
        raise page_tokens.refused() from failure
    if received_at.tzinfo is None:
        raise page_tokens.refused()
    return received_at, listing.identity(texts[1])


def _texts(position: events.Position) -> tuple[str, str]:
    return position[0].isoformat(), str(position[1])


def _rules_of_get(request: pb2.GetEventRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("event_id", request.event_id)


def _rules_of_list(request: pb2.ListEventsRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)
    filters.judge_view(request.view, breaches)
    filters.judge_events(request.filter, breaches)


def _rules_of_replay(request: pb2.ReplayEventRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("event_id", request.event_id)
    breaches.uuid("subscription_id", request.subscription_id, optional=True)
    breaches.uuid("request_id", request.request_id, optional=True)


def operations(db: database.Database, keyring: encryption.Keyring, waker: wake.Wake) -> list[registry.Operation]:
    """EventService, whole."""
    handlers = Events(db, keyring, waker)
    service, unary = "EventService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "GetEvent", pb2.GetEventRequest, pb2.GetEventResponse, unary,
            "event:get", handlers.get, rules=_rules_of_get,
        ),
        registry.Operation(
            service, "ListEvents", pb2.ListEventsRequest, pb2.ListEventsResponse, unary,
            "event:list", handlers.list, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "ReplayEvent", pb2.ReplayEventRequest, pb2.ReplayEventResponse, unary,
            "event:replay", handlers.replay, rules=_rules_of_replay, changes="event",
            resource_id=lambda request: request.event_id,
        ),
    ]  # fmt: skip
