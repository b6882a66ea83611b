"""What is read once for many events is everybody's, and what is an event's own stays its own."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import new_events, rules
from hook0_server.model import ids
from hook0_server.store import publish

NOW = 1_795_000_000.25
APPLICATION = uuid.UUID(int=7)
ALIKE: dict[str, Any] = {"event_type": "a.b.c", "labels": {"tenant": "acme"}, "metadata": {"k": "v"}}


def judged(**given: Any) -> publish.NewEvent | None:
    breaches = rules.Breaches()
    event = new_events.judge(pb2.NewEvent(**{**ALIKE, **given}), APPLICATION, "192.0.2.7", NOW, "", breaches)
    assert bool(breaches.violations) == (event is None)
    return event


def test_alike_events_keep_their_id_their_body_and_their_time() -> None:
    for number in range(3):
        event_id = ids.uuid7(NOW - number, number)
        given: dict[str, Any] = {"payload": b"[%d]" % number} if number else {"payload_text": "[0]"}
        at = Timestamp(seconds=number, nanos=5_000) if number else None
        event = judged(event_id=str(event_id).upper(), occurred_at=at, **given)
        assert event is not None
        assert (event.event_id, event.event_id_text, event.payload) == (event_id, str(event_id), b"[%d]" % number)
        assert event.occurred_at == (datetime.fromtimestamp(number, UTC).replace(microsecond=5) if number else None)
        assert (event.event_type, event.labels, event.metadata) == ("a.b.c", '{"tenant":"acme"}', '{"k":"v"}')
        assert (event.application_id, event.source_ip, event.content_type) == (APPLICATION, "192.0.2.7", new_events.JSON)


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("event_type", "a.b.d", "a.b.d"),
        ("labels", {"tenant": "other"}, '{"tenant":"other"}'),
        ("labels", {}, "{}"),
        ("metadata", {"k": "w"}, '{"k":"w"}'),
        ("metadata", {}, "{}"),
        ("payload_content_type", "text/plain", "text/plain"),
    ],
)
def test_an_event_that_differs_in_one_field_has_its_own_there(field: str, given: Any, kept: str) -> None:
    first, event = judged(payload_text="{}"), judged(payload_text="{}", **{field: given})
    assert first is not None
    assert event is not None
    name = field.removeprefix("payload_")
    assert getattr(first, name) != kept
    assert getattr(event, name) == kept


@pytest.mark.parametrize("broken", [{"event_type": "a"}, {"labels": {"": "v"}}, {"metadata": {"k": "v" * 51}}])
def test_what_is_broken_is_so_each_time(broken: dict[str, Any]) -> None:
    for _ in range(3):
        assert judged(payload_text="{}", **broken) is None


def test_the_same_kind_is_judged_again_by_its_payload_and_its_id() -> None:
    for _ in range(2):
        assert judged(payload_text="{}") is not None
        assert judged(payload_text="{") is None
        assert judged(payload_text="{}", event_id="7") is None
        assert judged(payload_text="{}", event_id=str(ids.uuid7(NOW + 90_000, 7))) is None


def test_no_more_is_remembered_than_some_thousand_small_kinds() -> None:
    for number in range(5000):
        judged(payload_text="{}", labels={"tenant": str(number)})
    assert 0 < len(new_events._good_kinds) <= 4096
    remembered = len(new_events._good_kinds)
    assert judged(payload_text="{}", metadata={str(number): "x" * 50 for number in range(50)}) is not None
    assert len(new_events._good_kinds) == remembered
