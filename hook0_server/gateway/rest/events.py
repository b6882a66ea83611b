"""Events: publish, list, look at, send again."""

import base64
from collections.abc import Sequence
from typing import Any

from hook0_client._gen.hook0.v1 import event_pb2, event_service_pb2, ingestion_service_pb2
from hook0_server.api import pipeline, posted_events
from hook0_server.gateway.rest import asked, fields, problems, route, times
from hook0_server.gateway.rest.shapes import events as shapes
from hook0_server.ingest import writer
from hook0_server.model import errors

_LATEST = 100  # what Hook0 lists
_BINARY = "application/octet-stream"  # how what came as base64 goes out


def fill(event: ingestion_service_pb2.NewEvent, given: fields.Fields, default_id: str) -> None:
    """An EventPost."""
    event.event_id = given.uuid_or_none("event_id") or default_id
    event.event_type = given.text("event_type")
    event.payload_text = given.text("payload")
    event.payload_content_type = given.text("payload_content_type")
    event.metadata.update(given.pairs_or_none("metadata"))
    event.occurred_at.FromDatetime(given.moment("occurred_at"))
    event.labels.update(given.pairs("labels"))


def _read_new(came: asked.Asked) -> ingestion_service_pb2.PublishEventRequest:
    given = came.body
    request = ingestion_service_pb2.PublishEventRequest(application_id=given.uuid("application_id"))
    fill(request.event, given, came.request_id)
    return request


def _show_new(answer: ingestion_service_pb2.PublishEventResponse, came: asked.Asked) -> dict[str, str]:
    """A repeat is the first answer where it has an Idempotency-Key, and else refused as in Hook0."""
    if answer.duplicate and not came.key:
        raise _repeated(answer.event_id)
    return {
        "application_id": came.body.uuid("application_id"),
        "event_id": answer.event_id,
        "received_at": times.text(answer.received_at),
    }


def _repeated(event_id: str) -> problems.Unfit:
    return problems.Unfit("EventAlreadyIngested", f"The event {event_id} was published before; nothing was stored.")


def _read_batch(came: asked.Asked) -> posted_events.Batch:
    """An array of EventPosts of one application. What cannot be read of one of them hurts no other."""
    if not isinstance(came.json, list):
        raise problems.Unfit("JsonPayload", "The body is not a JSON array of events.")
    posts = [fields.of(each) for each in came.json]
    application_ids = {each.uuid("application_id") for each in posts}
    if len(application_ids) != 1:
        raise problems.Unfit("JsonPayload", f"The events are of {len(application_ids)} applications; give those of one.")
    events = [_read_one(each, came.numbered_id(at)) for at, each in enumerate(posts)]
    return posted_events.Batch(application_ids.pop(), events)


def _read_one(given: fields.Fields, default_id: str) -> ingestion_service_pb2.NewEvent | problems.Unfit:
    event = ingestion_service_pb2.NewEvent()
    try:
        fill(event, given, default_id)
    except problems.Unfit as unfit:
        return unfit
    return event


def _show_batch(answer: Sequence[writer.Result | errors.Refused], came: asked.Asked) -> list[dict[str, Any]]:
    """For each event, in the order given: what POST /event answers, or its problem."""
    application_id = fields.of(came.json[0]).uuid("application_id")
    return [_show_one(each, application_id, bool(came.key)) for each in answer]


def _show_one(result: writer.Result | errors.Refused, application_id: str, has_key: bool) -> dict[str, Any]:
    if isinstance(result, writer.Published) and (has_key or not result.duplicate):
        received_at = times.of(result.received_at)
        event = {"application_id": application_id, "event_id": result.event_id, "received_at": received_at}
        return {"event": event, "problem": None}
    if isinstance(result, writer.Published):
        result = _repeated(result.event_id)
    elif isinstance(result, writer.Rejected):
        violations = [errors.Violation(result.field, result.message)] if result.field else []
        facts = {"quota": "events_per_day"} if result.reason == "QUOTA_EXCEEDED" else {}
        result = errors.Refused(result.reason, result.message, violations=violations, metadata=facts)
    return {"event": None, "problem": problems.shown(result)}


def _read_list(came: asked.Asked) -> event_service_pb2.ListEventsRequest:
    return event_service_pb2.ListEventsRequest(application_id=came.query.uuid("application_id"), page_size=_LATEST)


def _read_get(came: asked.Asked) -> event_service_pb2.GetEventRequest:
    return event_service_pb2.GetEventRequest(
        event_id=came.id_in_path("event_id"), application_id=came.query.uuid("application_id")
    )


def _read_replay(came: asked.Asked) -> event_service_pb2.ReplayEventRequest:
    return event_service_pb2.ReplayEventRequest(
        event_id=came.id_in_path("event_id"), application_id=came.body.uuid("application_id"), request_id=came.request_id
    )


def _shown(event: event_pb2.Event) -> dict[str, Any]:
    content_type = event.payload_content_type
    return {
        "event_id": event.event_id,
        "event_type_name": event.event_type,
        "payload_content_type": posted_events.BASE64 if content_type == _BINARY else content_type,
        "ip": event.source_ip,
        "metadata": dict(event.metadata),
        "occurred_at": times.text(event.occurred_at),
        "received_at": times.text(event.received_at),
        "labels": dict(event.labels),
    }


def _show_list(answer: event_service_pb2.ListEventsResponse, _: asked.Asked) -> list[dict[str, Any]]:
    return [_shown(event) for event in answer.events]


def _show_get(answer: event_service_pb2.GetEventResponse, _: asked.Asked) -> dict[str, Any]:
    """The payload in base64, whatever it is."""
    return _shown(answer.event) | {"payload": base64.b64encode(answer.event.payload).decode("ascii")}


ROUTES = (
    route.Route(
        "POST", "/event", "hook0.rest.IngestionService/PublishEvent", _read_new, _show_new, status=201, within="event.",
        described=shapes.INGEST,
    ),
    route.Route(
        "POST", "/events", "hook0.rest.IngestionService/PublishEvents", _read_batch, _show_batch,
        most_bytes=pipeline.LARGEST_REQUEST_BYTES, described=shapes.INGEST_MANY,
    ),
    route.Route("GET", "/events", "hook0.v1.EventService/ListEvents", _read_list, _show_list, described=shapes.LIST),
    route.Route("GET", "/events/{event_id}", "hook0.v1.EventService/GetEvent", _read_get, _show_get, described=shapes.GET),
    route.Route(
        "POST", "/events/{event_id}/replay", "hook0.v1.EventService/ReplayEvent", _read_replay, None, status=204,
        described=shapes.REPLAY,
    ),
)  # fmt: skip
