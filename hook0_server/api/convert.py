"""Records of the store as messages of the API."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import orjson

from hook0_client._gen.hook0.v1 import attempt_pb2, delivery_pb2, event_pb2, view_pb2
from hook0_server.model import targets
from hook0_server.store import attempts, deliveries_read, events


@dataclass(frozen=True, slots=True)
class Target:
    """What an attempt called. The URL and the headers are as the subscription holds them: masked only when shown."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def event(record: events.Event) -> event_pb2.Event:
    """With its payload where the record has one."""
    return event_pb2.Event(
        application_id=str(record.application_id),
        event_id=str(record.event_id),
        event_type=record.event_type,
        payload=record.payload,
        payload_content_type=record.payload_content_type,
        labels=record.labels,
        metadata=record.metadata,
        source_ip=record.source_ip,
        occurred_at=record.occurred_at,
        received_at=record.received_at,
    )


def delivery(
    record: deliveries_read.Delivery, application_id: uuid.UUID, last_attempt: attempts.Attempt | None
) -> delivery_pb2.Delivery:
    """With its last attempt, shown without request and response."""
    return delivery_pb2.Delivery(
        application_id=str(application_id),
        delivery_id=str(record.delivery_id),
        event_id=str(record.event_id),
        event_type=record.event_type,
        subscription_id=str(record.subscription_id),
        state=cast("delivery_pb2.DeliveryState", record.state),
        state_reason=record.reason,
        attempt_id=str(record.attempt_id),
        attempt_count=record.attempt_count,
        takeover_count=record.takeover_count,
        next_attempt_at=record.next_attempt_at,
        created_at=record.created_at,
        finished_at=record.finished_at,
        last_attempt=None if last_attempt is None else attempt(last_attempt),
    )


def attempt(
    record: attempts.Attempt,
    view: int = view_pb2.VIEW_BASIC,
    target: Target | None = None,
) -> attempt_pb2.Attempt:
    """With request (where `target` is given) and response (where one came) only in VIEW_FULL."""
    is_full = view == view_pb2.VIEW_FULL
    return attempt_pb2.Attempt(
        application_id=str(record.application_id),
        attempt_id=str(record.attempt_id),
        delivery_id=str(record.delivery_id),
        event_id=str(record.event_id),
        event_type=record.event_type,
        subscription_id=str(record.subscription_id),
        attempt_number=record.attempt_number,
        trigger=cast("attempt_pb2.AttemptTrigger", record.trigger),
        outcome=cast("attempt_pb2.Outcome", record.outcome),
        final=record.final,
        created_at=record.created_at,
        picked_at=record.picked_at,
        finished_at=record.finished_at,
        elapsed=None if record.elapsed is None else timedelta(microseconds=record.elapsed),
        http_status=record.http_status,
        error_message=record.error_message,
        next_attempt_at=record.next_attempt_at,
        request=_request(target) if is_full and target is not None else None,
        response=_response(record) if is_full and record.http_status is not None else None,
        takeover_count=record.takeover_count,
    )


def _request(target: Target) -> attempt_pb2.AttemptRequest:
    return attempt_pb2.AttemptRequest(
        method=target.method, url=targets.mask_url(target.url), headers=targets.mask_headers(target.headers)
    )


def _response(record: attempts.Attempt) -> attempt_pb2.AttemptResponse:
    return attempt_pb2.AttemptResponse(
        headers=orjson.loads(record.response_headers) if record.response_headers else None,
        body=record.response_body,
        body_truncated=record.body_truncated,
        headers_truncated=record.headers_truncated,
    )
