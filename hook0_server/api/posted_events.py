"""Events as they come over REST: the payload a text beside one of Hook0's three content types, one of which is base64."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import new_events, rules
from hook0_server.model import errors

TEXT, BASE64 = "text/plain", "application/octet-stream+base64"
CONTENT_TYPES = (TEXT, new_events.JSON, BASE64)
MAX_EVENTS = 1000  # of a batch
_BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one application; in place of one that could not be read is why."""

    application_id: str
    events: Sequence[pb2.NewEvent | errors.InvalidRequest]


def judge(request: pb2.PublishEventRequest, breaches: rules.Breaches) -> None:
    """What REST asks for beyond what gRPC does; the limit of a payload is that of what was sent, base64 or not."""
    _judge(request.event, "event.", breaches)


def judge_batch(batch: Batch, breaches: rules.Breaches) -> None:
    if not 1 <= len(batch.events) <= MAX_EVENTS:
        breaches.add("events", f"has {len(batch.events)} events; 1 to {MAX_EVENTS} are allowed")


def opened(event: pb2.NewEvent) -> errors.InvalidRequest | None:
    """`judge` and `open_payload` for one event of a batch."""
    breaches = rules.Breaches()
    _judge(event, "", breaches)
    try:
        breaches.refuse()
    except errors.InvalidRequest as refusal:
        return refusal
    return open_payload(event)


def _judge(event: pb2.NewEvent, field: str, breaches: rules.Breaches) -> None:
    if not event.labels:
        breaches.add(f"{field}labels", "has 0 pairs; 1 to 10 are allowed")
    text = event.payload_text
    if len(text) * 4 > new_events.MAX_PAYLOAD_BYTES and (size := len(text.encode())) > new_events.MAX_PAYLOAD_BYTES:
        what = f"has {size} bytes; at most {new_events.MAX_PAYLOAD_BYTES} are allowed"
        breaches.add(f"{field}payload_text", what, "PAYLOAD_TOO_LARGE")


def open_payload(event: pb2.NewEvent) -> errors.InvalidRequest | None:
    """Makes it what is stored, in place; answers why that cannot be, and leaves nothing to be judged then."""
    given = event.payload_content_type
    if given in (TEXT, new_events.JSON):
        return None
    text, event.payload_content_type, event.payload = event.payload_text, _BINARY, b""
    if given != BASE64:
        allowed = ", ".join(CONTENT_TYPES)
        why = f"{errors.excerpt(given)} is not one of {allowed}"
        return _unfit("EventInvalidPayloadContentType", "payload_content_type", why)
    try:
        event.payload = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # the latter: it is not ASCII
        return _unfit("EventInvalidBase64Payload", "payload", f"is not base64, as {BASE64} says")
    return None


def _unfit(problem: str, field: str, why: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("FIELD_INVALID", f"{field} {why}.", metadata={"problem": problem})
