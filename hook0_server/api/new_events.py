"""A NewEvent as it came in becomes one that can be stored, or says what is wrong with it."""

import functools
import random
import uuid
from collections.abc import Mapping

import orjson

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import rules
from hook0_server.ingest import identity
from hook0_server.model import event_types, ids
from hook0_server.store import publish

MAX_PAYLOAD_BYTES = 699_050  # Hook0's limit: 512 KiB in base64
JSON = "application/json"
CONTENT_TYPES = (JSON, "text/plain", "application/octet-stream")
_MAX_LABELS, _MAX_METADATA = 10, 50
_LABELS_KEPT = 4096
_good_labels: dict[tuple[tuple[str, str], ...], str] = {}


@functools.lru_cache(maxsize=10_000)
def _type_problem(event_type: str) -> str | None:
    """Products publish a handful of types again and again."""
    if not event_types.is_name(event_type):
        return "is not 2 to 5 segments of A-Z a-z 0-9 _ - (1 to 50 characters each), joined by dots, as in user.account.created"
    return "begins with hook0., which is reserved" if event_type.startswith("hook0.") else None


def judge(
    event: pb2.NewEvent, application_id: uuid.UUID, source_ip: str | None, now: float, field: str, breaches: rules.Breaches
) -> publish.NewEvent | None:
    """The event to store; None when it breaks a rule (then `breaches` say which). `field` goes before the names of fields."""
    before = len(breaches.violations)
    event_id = _event_id(event.event_id, now, field, breaches)
    event_type = event.event_type
    if problem := _type_problem(event_type):
        breaches.add(f"{field}event_type", problem)
    labels = _labels(event.labels, field, breaches) if event.labels else "{}"
    metadata = _pairs(dict(event.metadata), _MAX_METADATA, f"{field}metadata", breaches) if event.metadata else "{}"
    occurred_at = breaches.timestamp(f"{field}occurred_at", event.occurred_at) if event.HasField("occurred_at") else None
    content_type = event.payload_content_type or JSON
    payload, fault = _payload(event, content_type)
    if fault is not None:
        breaches.add_last(f"{field}{fault[0]}", fault[1], fault[2])
    if len(breaches.violations) > before or event_id is None:
        return None
    day, keyed, own_day = identity.place(event_id, now)
    return publish.NewEvent(
        application_id, event_id, event.event_id.lower() or str(event_id), day, keyed, own_day,
        event_type, payload, content_type, labels, metadata, source_ip, occurred_at,
    )  # fmt: skip


def _event_id(given: str, now: float, field: str, breaches: rules.Breaches) -> uuid.UUID | None:
    if not given:
        return ids.uuid7(now, random.getrandbits(80))  # an id, not a secret
    event_id = breaches.uuid(f"{field}event_id", given)
    if event_id is not None and identity.is_too_far_ahead(event_id, now):
        breaches.add(f"{field}event_id", "is a UUIDv7 of more than 24 h ahead of now; check the clock", "EVENT_ID_IN_FUTURE")
        return None
    return event_id


def _payload(event: pb2.NewEvent, content_type: str) -> tuple[bytes, tuple[str, str, str] | None]:
    """Its bytes, and what is wrong with them: field, description and reason."""
    is_text = event.WhichOneof("body") == "payload_text"
    payload = event.payload_text.encode() if is_text else event.payload
    name = "payload_text" if is_text else "payload"
    if len(payload) > MAX_PAYLOAD_BYTES:
        return payload, (name, f"has {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed", "PAYLOAD_TOO_LARGE")
    if content_type == JSON:
        try:
            orjson.loads(payload)
        except orjson.JSONDecodeError as failure:
            why = f"is not JSON, as payload_content_type says: {failure.msg} (at {failure.pos})"
            return payload, (name, why, "PAYLOAD_NOT_JSON")
    elif content_type not in CONTENT_TYPES:
        return payload, ("payload_content_type", f"is not one of {', '.join(CONTENT_TYPES)}", "FIELD_INVALID")
    elif content_type == "text/plain" and not is_text:
        try:
            payload.decode()
        except UnicodeDecodeError as failure:
            return payload, (name, f"is not UTF-8, as text/plain has to be (at {failure.start})", "FIELD_INVALID")
    return payload, None


def _labels(labels: Mapping[str, str], field: str, breaches: rules.Breaches) -> str:
    """Their JSON. Labels say who an event is for: the same come again and again."""
    pairs = tuple(labels.items())
    known = _good_labels.get(pairs)
    if known is None:
        before = len(breaches.violations)
        known = _pairs(dict(pairs), _MAX_LABELS, f"{field}labels", breaches)
        if len(breaches.violations) == before:
            if len(_good_labels) >= _LABELS_KEPT:
                _good_labels.clear()
            _good_labels[pairs] = known
    return known


def _pairs(pairs: Mapping[str, str], most: int, field: str, breaches: rules.Breaches) -> str:
    breaches.pairs(field, pairs, most)
    return orjson.dumps(pairs).decode()
