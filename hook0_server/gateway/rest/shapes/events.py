"""Events, and how many there were each day."""

from hook0_server.api import new_events, posted_events
from hook0_server.gateway.rest.shapes import applications, instance, kinds
from hook0_server.model import limits

_PAIR = kinds.text(1, 50)
_TYPE = kinds.text(1, 200, example="shop.order.paid")
_LABELS = kinds.pairs(_PAIR, {"tenant": "t1"}, 1, limits.LABELS)
_METADATA = kinds.pairs(_PAIR, {"trace": "x"}, 0, limits.METADATA)
_CONTENT_TYPE = kinds.one_of(new_events.JSON, posted_events.TEXT, posted_events.BASE64)

_POST = kinds.Object(
    "EventPost",
    {
        "application_id": kinds.ID,
        "event_id": kinds.or_null(kinds.ID),
        "event_type": _TYPE,
        "payload": kinds.text(longest=new_events.MAX_PAYLOAD_BYTES, example='{"id": 1}'),
        "payload_content_type": _CONTENT_TYPE,
        "metadata": kinds.or_null(_METADATA),
        "occurred_at": kinds.MOMENT,
        "labels": _LABELS,
    },
    frozenset({"event_id", "metadata"}),
)
_INGESTED = kinds.Object("IngestedEvent", {"application_id": kinds.ID, "event_id": kinds.ID, "received_at": kinds.MOMENT})
_EVENT = kinds.Object(
    "Event",
    {
        "event_id": kinds.ID,
        "event_type_name": kinds.text(example="shop.order.paid"),
        "payload_content_type": kinds.text(example="application/json"),
        "ip": kinds.text(example="192.0.2.7"),
        "metadata": kinds.pairs(kinds.text(), {"trace": "x"}),
        "occurred_at": kinds.MOMENT,
        "received_at": kinds.MOMENT,
        "labels": kinds.pairs(kinds.text(), {"tenant": "t1"}),
    },
)
_WITH_PAYLOAD = kinds.Object(
    "EventWithPayload", {**_EVENT.members, "payload": kinds.text(example="eyJpZCI6IDF9") | {"contentEncoding": "base64"}}
)
_RESULT = kinds.Object(
    "PostedEvent",
    {"event": kinds.or_null(_INGESTED), "problem": kinds.or_null(instance.PROBLEM)},
)
_REPLAY = kinds.Object("ReplayEvent", {"application_id": kinds.ID})
_PAYLOADS = (
    "EventAlreadyIngested",
    "EventTypeDoesNotExist",
    "EventInvalidPayloadContentType",
    "EventInvalidBase64Payload",
    "EventInvalidJsonPayload",
    "TooManyEventsToday",
)

INGEST = kinds.Described("events.ingest", "Publish an event", _POST, _INGESTED, refusals=_PAYLOADS, once=True)
INGEST_MANY = kinds.Described(
    "events.ingest_many", "Publish events of one application; one that is refused hurts no other",
    kinds.listed(_POST, 1, posted_events.MAX_EVENTS), kinds.listed(_RESULT), once=True, in_sdk=False,
)  # fmt: skip
LIST = kinds.Described("events.list", "List the latest 100 events", gives=kinds.listed(_EVENT), query=applications.WITHIN)
GET = kinds.Described(
    "events.get", "Look at an event; its payload is in base64", gives=_WITH_PAYLOAD, query=applications.WITHIN
)
REPLAY = kinds.Described("events.replay", "Deliver an event once more", _REPLAY, once=True)

_DAY = kinds.Object(
    "EventsPerDayEntry",
    {
        "application_id": kinds.ID,
        "application_name": kinds.text(example="shop"),
        "date": kinds.DAY,
        "amount": kinds.whole(7),
        "is_provisional": kinds.FLAG,
    },
)
_RANGE = {"from": kinds.DAY, "to": kinds.DAY}

DAYS_OF_APPLICATION = kinds.Described(
    "events_per_day.list_for_application", "Count the events of an application by day, the last 30 days by default",
    gives=kinds.listed(_DAY), query=applications.WITHIN | _RANGE, optional=frozenset(_RANGE), refusals=("InvalidDateRange",),
)  # fmt: skip
DAYS_OF_ORGANIZATION = kinds.Described(
    "events_per_day.list_for_organization", "Count the events of an organization by day and application",
    gives=kinds.listed(_DAY), query={"organization_id": kinds.ID} | _RANGE, optional=frozenset(_RANGE),
    refusals=("InvalidDateRange",),
)  # fmt: skip
