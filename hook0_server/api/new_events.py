"""A NewEvent as it came in becomes one that can be stored, or says what is wrong with it."""

import functools
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

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
_KINDS_KEPT, _LARGEST_KEPT = 4096, 1000  # bytes


@dataclass(slots=True)
class _Kind:
    """What many events have in common. labels and metadata are JSON text."""

    event_type: str
    content_type: str
    labels: str
    metadata: str


_good_kinds: dict[bytes, _Kind] = {}


@functools.lru_cache(maxsize=10_000)
def _type_problem(event_type: str) -> str | None:
    """Products publish a handful of types again and again."""
    if not event_types.is_name(event_type):
        return "is not 2 to 5 segments of A-Z a-z 0-9 _ - (1 to 50 characters each), joined by dots, as in user.account.created"
    return "begins with hook0., which is reserved" if event_type.startswith("hook0.") else None


def judge(
    event: pb2.NewEvent, application_id: uuid.UUID, source_ip: str | None, now: float, field: str, breaches: rules.Breaches
) -> publish.NewEvent | None:
    """The event to store; None when it breaks a rule (then `breaches` say which). `field` goes before the names of fields.

    What is its own (id, body and time) is taken out of `event`, so that what is left is the same for many.
    """
    before = len(breaches.violations)
    given = event.event_id
    event_id = ids.parse(given) if given else ids.uuid7(now, random.getrandbits(80))  # an id, not a secret
    place = identity.place(event_id, now) if event_id is not None else None
    if place is None:
        _refuse_id(given, f"{field}event_id", breaches)
    payload, body = event.payload, "payload"
    if not payload and event.HasField("payload_text"):
        payload, body = event.payload_text.encode(), "payload_text"
    given_time = event.occurred_at if event.HasField("occurred_at") else None
    kind = _kind_of(event, field, breaches)
    occurred_at = None if given_time is None else breaches.timestamp(f"{field}occurred_at", given_time)
    if fault := _fault(payload, kind.content_type):
        name, why, reason = fault
        breaches.add_last(f"{field}{name or body}", why, reason)
    if len(breaches.violations) > before or event_id is None or place is None:
        return None
    return publish.NewEvent(
        application_id, event_id, given.lower() or str(event_id), place.day, place.keyed, place.own_day,
        kind.event_type, payload, kind.content_type, kind.labels, kind.metadata, source_ip, occurred_at,
    )  # fmt: skip


def _kind_of(event: pb2.NewEvent, field: str, breaches: rules.Breaches) -> _Kind:
    """Read and judged once for as long as it is remembered: to read a map, even an empty one, costs half a microsecond."""
    event.ClearField("event_id")
    event.ClearField("body")
    event.ClearField("occurred_at")
    left = event.SerializeToString()
    kind = _good_kinds.get(left)
    if kind is None:
        before = len(breaches.violations)
        kind = _judged_kind(event, field, breaches)
        if len(breaches.violations) == before and len(left) <= _LARGEST_KEPT:
            if len(_good_kinds) >= _KINDS_KEPT:
                _good_kinds.clear()
            _good_kinds[left] = kind
    return kind


def _judged_kind(event: pb2.NewEvent, field: str, breaches: rules.Breaches) -> _Kind:
    if problem := _type_problem(event.event_type):
        breaches.add(f"{field}event_type", problem)
    labels = _pairs(dict(event.labels), _MAX_LABELS, f"{field}labels", breaches)
    metadata = _pairs(dict(event.metadata), _MAX_METADATA, f"{field}metadata", breaches)
    return _Kind(event.event_type, event.payload_content_type or JSON, labels, metadata)


def _refuse_id(given: str, field: str, breaches: rules.Breaches) -> None:
    if breaches.uuid(field, given) is not None:
        breaches.add(field, "is a UUIDv7 of more than 24 h ahead of now; check the clock", "EVENT_ID_IN_FUTURE")


def _fault(payload: bytes, content_type: str) -> tuple[str, str, str] | None:
    """What is wrong with a payload: field ('' is the payload's own), description and reason."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return "", f"has {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed", "PAYLOAD_TOO_LARGE"
    if content_type == JSON:
        try:
            orjson.loads(payload)
        except orjson.JSONDecodeError as failure:
            why = f"is not JSON, as payload_content_type says: {failure.msg} (at {failure.pos})"
            return "", why, "PAYLOAD_NOT_JSON"
    elif content_type not in CONTENT_TYPES:
        return "payload_content_type", f"is not one of {', '.join(CONTENT_TYPES)}", "FIELD_INVALID"
    elif content_type == "text/plain":
        try:
            payload.decode()
        except UnicodeDecodeError as failure:
            return "", f"is not UTF-8, as text/plain has to be (at {failure.start})", "FIELD_INVALID"
    return None


def _pairs(pairs: Mapping[str, str], most: int, field: str, breaches: rules.Breaches) -> str:
    breaches.pairs(field, pairs, most)
    return orjson.dumps(pairs).decode()
