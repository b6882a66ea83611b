"""Answers that are put together as bytes are those that would be had field by field."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_client._gen.hook0.v1 import error_reason_pb2, ingestion_service_pb2 as pb2
from hook0_server.api import ingestion
from hook0_server.ingest import writer

TIMES = [datetime(2026, 11, 23, 23, 59, 59, 999_999, UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)]
REJECTED = writer.Rejected("EVENT_ID_REUSED", "Give each event its own id.", "event_id")


def field_by_field(result: writer.Result) -> pb2.PublishResult:
    if isinstance(result, writer.Rejected):
        reason = error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{result.reason}")
        return pb2.PublishResult(error=pb2.PublishError(reason=reason, message=result.message, field=result.field))
    at = Timestamp()
    at.FromDatetime(result.received_at)
    published = pb2.PublishedEvent(event_id=result.event_id, received_at=at, duplicate=result.duplicate)
    if result.delivery_count is not None:
        published.delivery_count = result.delivery_count
    return pb2.PublishResult(published=published)


@pytest.mark.parametrize("into", [pb2.PublishEventsResponse(), pb2.PublishEventStreamResponse(batch_id="a batch")])
def test_each_result_is_answered_in_its_order_whatever_is_beside_it(into: Any) -> None:
    each_kind = itertools.product(TIMES, [False, True], [None, 0, 1, 1000])
    new = [writer.Published(str(uuid.uuid4()), *what) for what in each_kind for _ in range(3)]
    results: list[writer.Result] = [REJECTED, *new, REJECTED, *new[::-1]]
    expected = type(into)(results=map(field_by_field, results))
    expected.MergeFrom(into)
    assert ingestion._answered(into, results) == expected
    assert ingestion._answered(type(into)(), []) == type(into)()
