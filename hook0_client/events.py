"""Building the event that is published, and reading what became of it."""

import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from google.protobuf import timestamp_pb2

from hook0_client._gen.hook0.v1 import ingestion_service_pb2

Payload = bytes | str | dict[str, Any] | list[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM_BITS = (0xFFF << 64) | ((1 << 62) - 1)


@dataclass(frozen=True, slots=True)
class Published:
    """The event is stored, and so is what it causes."""

    event_id: str
    received_at: datetime  # UTC; of a duplicate: when the first one was taken
    duplicate: bool  # the same event had been published before: nothing was stored or sent now
    delivery_count: int | None  # None for a duplicate, and for a broadcast (worked out after the answer)


class EventOptions(TypedDict, total=False):
    """What may be said about an event besides its type and payload."""

    labels: Mapping[str, str]  # what subscriptions are matched by
    metadata: Mapping[str, str]  # kept with the event, not sent
    event_id: str | uuid.UUID  # its identity; default: a UUIDv7, minted here
    occurred_at: datetime  # with its time zone; default: now
    content_type: str  # default: application/json


def new_event(event_type: str, payload: Payload, **options: Unpack[EventOptions]) -> ingestion_service_pb2.NewEvent:
    """An event with its identity: without `event_id` a UUIDv7 is minted, so that sending it twice publishes it once.

    `payload`: bytes and text go as they are, a dict or list as compact JSON. Raises TypeError and ValueError for what
    cannot be written down; the rules of the fields are the server's to judge.
    """
    occurred_at = options.get("occurred_at")
    event = ingestion_service_pb2.NewEvent(
        event_id=str(options.get("event_id") or uuid7()),
        event_type=event_type,
        payload_content_type=options.get("content_type", ""),
        labels=options.get("labels"),
        metadata=options.get("metadata"),
        occurred_at=timestamp(occurred_at) if occurred_at else None,
    )
    match payload:
        case bytes():
            event.payload = payload
        case str():
            event.payload_text = payload
        case dict() | list():
            event.payload_text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        case _:
            raise TypeError(f"a payload is bytes, text, a dict or a list, not {type(payload).__name__}")
    return event


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | _VERSION_AND_VARIANT | secrets.randbits(80) & _RANDOM_BITS))


def published(
    answer: ingestion_service_pb2.PublishedEvent | ingestion_service_pb2.PublishEventResponse,
) -> Published:
    return Published(
        answer.event_id,
        moment(answer.received_at),
        answer.duplicate,
        answer.delivery_count if answer.HasField("delivery_count") else None,
    )


def moment(stamp: timestamp_pb2.Timestamp) -> datetime:
    """A point in time, UTC, to the microsecond."""
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def timestamp(at: datetime) -> timestamp_pb2.Timestamp:
    """Raises ValueError for a time without a zone: whose wall clock it was cannot be guessed."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; use datetime.now(UTC) or .astimezone()")
    since = at - _EPOCH
    return timestamp_pb2.Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)
