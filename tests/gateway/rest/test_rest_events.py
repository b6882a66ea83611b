"""Events over REST: what is published, and how it is shown again."""

import base64
import json
import uuid
from typing import Any

import pytest
import rest_rig
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_server.gateway.rest import fields, problems, times


def stored(shop: rest_rig.Shop) -> list[dict[str, Any]]:
    """What the application has, newest first."""
    events: list[dict[str, Any]] = shop.call("GET", shop.of("/events")).json
    return events


def test_an_event_is_published_and_shown_as_it_was_sent(shop: rest_rig.Shop) -> None:
    sent = shop.event(metadata={"trace": "x"})
    answer = shop.call("POST", "/event/", sent)
    assert (answer.status, answer.headers["content-type"]) == (201, "application/json")
    assert answer.json == {
        "application_id": shop.application_id,
        "event_id": sent["event_id"],
        "received_at": answer.json["received_at"],
    }
    shown = {
        "event_id": sent["event_id"],
        "event_type_name": "shop.order.paid",
        "payload_content_type": "application/json",
        "ip": "127.0.0.1",
        "metadata": {"trace": "x"},
        "occurred_at": "2026-01-02T03:04:05Z",
        "received_at": answer.json["received_at"],
        "labels": {"tenant": "t1"},
    }
    assert stored(shop) == [shown]
    one = shop.call("GET", shop.of(f"/events/{sent['event_id']}"))
    assert one.json == shown | {"payload": base64.b64encode(b'{"id": 1}').decode()}


@pytest.mark.parametrize(
    ("payload", "content_type", "raw"),
    [
        ("", "text/plain", b""),
        ("☃\u0000", "text/plain", "☃\u0000".encode()),
        ("AAEC/w==", "application/octet-stream+base64", b"\x00\x01\x02\xff"),
        ("x" * 699_050, "text/plain", b"x" * 699_050),
    ],
)
def test_payloads_of_each_content_type(shop: rest_rig.Shop, payload: str, content_type: str, raw: bytes) -> None:
    sent = shop.event(payload=payload, payload_content_type=content_type)
    assert shop.call("POST", "/event", sent).status == 201
    shown = shop.call("GET", shop.of(f"/events/{sent['event_id']}")).json
    assert (shown["payload_content_type"], base64.b64decode(shown["payload"])) == (content_type, raw)


REFUSED: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"application_id": "x"}, (400, "JsonPayload")),
    ({"event_id": "x"}, (400, "JsonPayload")),
    ({"event_type": None}, (400, "JsonPayload")),
    ({"event_type": 7}, (400, "JsonPayload")),
    ({"payload": {"id": 1}}, (400, "JsonPayload")),
    ({"occurred_at": None}, (400, "JsonPayload")),
    ({"occurred_at": "2026-01-02"}, (400, "JsonPayload")),
    ({"labels": None}, (400, "JsonPayload")),
    ({"labels": {"tenant": 1}}, (400, "JsonPayload")),
    ({"metadata": ["a"]}, (400, "JsonPayload")),
    ({"labels": {}}, (422, "Validation")),
    ({"labels": {str(at): "x" for at in range(11)}}, (422, "Validation")),
    ({"labels": {"": "x"}}, (422, "Validation")),
    ({"metadata": {"x": "y" * 51}}, (422, "Validation")),
    ({"event_type": "hook0.secret.thing"}, (422, "Validation")),
    ({"payload": "x" * 699_051, "payload_content_type": "text/plain"}, (422, "Validation")),
    ({"payload": "☃" * 233_017, "payload_content_type": "text/plain"}, (422, "Validation")),
    ({"payload_content_type": "application/octet-stream"}, (400, "EventInvalidPayloadContentType")),
    ({"payload_content_type": ""}, (400, "EventInvalidPayloadContentType")),
    ({"payload": "=A", "payload_content_type": "application/octet-stream+base64"}, (400, "EventInvalidBase64Payload")),
    ({"payload": "ä", "payload_content_type": "application/octet-stream+base64"}, (400, "EventInvalidBase64Payload")),
    ({"payload": "{"}, (400, "EventInvalidJsonPayload")),
    ({"event_type": "shop.order.unknown"}, (400, "EventTypeDoesNotExist")),
]


@pytest.fixture(scope="module")
def untouched(served: rest_rig.Served) -> rest_rig.Shop:
    """For what is refused."""
    return served.new_application()


@pytest.mark.parametrize(("changed", "problem"), REFUSED, ids=lambda each: str(each)[:40])
def test_a_bad_event_is_refused_and_not_stored(
    untouched: rest_rig.Shop, changed: dict[str, Any], problem: tuple[int, str]
) -> None:
    answer = untouched.call("POST", "/event", untouched.event(**changed))
    assert answer.problem == problem
    assert len(answer.body) < 1500
    assert stored(untouched) == []


def test_a_refused_field_is_named_as_it_was_sent(shop: rest_rig.Shop) -> None:
    answer = shop.call("POST", "/event", shop.event(payload="x" * 699_051, labels={}, payload_content_type="text/plain"))
    validation = answer.json["validation"]
    assert set(validation) == {"payload", "labels"}
    assert validation["labels"] == [{"code": "field_invalid", "message": "has 0 pairs; 1 to 10 are allowed", "params": {}}]


def test_a_repeat_is_refused_whatever_its_content(shop: rest_rig.Shop) -> None:
    sent = shop.event()
    assert shop.call("POST", "/event", sent).status == 201
    assert shop.call("POST", "/event", sent).problem == (409, "EventAlreadyIngested")
    assert shop.call("POST", "/event", sent | {"payload": "{}"}).problem == (409, "EventAlreadyIngested")
    assert len(stored(shop)) == 1


def test_a_repeat_with_its_idempotency_key_is_the_first_answer(shop: rest_rig.Shop) -> None:
    sent, key = shop.event(event_id=None), {"Idempotency-Key": "order 7"}
    first = shop.call("POST", "/event", sent, headers=key)
    again = shop.call("POST", "/event", sent, headers=key)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert shop.call("POST", "/event", sent | {"payload": "{}"}, headers=key).problem == (409, "EventAlreadyIngested")
    assert len(stored(shop)) == 1
    assert shop.call("POST", "/event", sent, headers={"Idempotency-Key": "x" * 256}).problem == (400, "JsonPayload")


def test_without_an_id_each_event_gets_its_own(shop: rest_rig.Shop) -> None:
    sent = shop.event()
    del sent["event_id"]
    made = {shop.call("POST", "/event", sent).json["event_id"] for _ in range(2)}
    assert len(made) == 2
    assert {each["event_id"] for each in stored(shop)} == made


def test_ids_are_read_in_any_form_and_shown_in_one(shop: rest_rig.Shop) -> None:
    event_id = str(uuid.uuid4())
    bare = event_id.replace("-", "").upper()
    answer = shop.call("POST", "/event", shop.event(event_id=bare, nobody_asks="for this"))
    assert answer.json["event_id"] == event_id
    assert shop.call("GET", f"/events/{bare}/?application_id={shop.application_id.upper()}").status == 200


def test_what_is_not_there_is_not_found(shop: rest_rig.Shop) -> None:
    absent = uuid.uuid4()
    assert shop.call("GET", shop.of(f"/events/{absent}")).problem == (404, "NotFound")
    assert shop.call("GET", shop.of("/events/nothing")).problem == (404, "NotFound")
    replay = {"application_id": shop.application_id}
    assert shop.call("POST", f"/events/{absent}/replay", replay).problem == (404, "NotFound")
    assert shop.call("GET", "/events").problem == (400, "JsonPayload")


def test_at_most_the_latest_hundred_are_listed(shop: rest_rig.Shop) -> None:
    ids = [shop.call("POST", "/event", shop.event(event_id=None)).json["event_id"] for _ in range(101)]
    assert [each["event_id"] for each in stored(shop)] == ids[:0:-1]


def test_a_body_may_have_two_mebibytes(shop: rest_rig.Shop) -> None:
    most = 2 * 1024 * 1024
    body = json.dumps(shop.event(ignored="")).encode()
    for size, status in ((most, 201), (most + 1, 400)):
        padded = body.replace(b'"ignored": ""', b'"ignored": "' + b"x" * (size - len(body)) + b'"')
        assert len(padded) == size
        answer = shop.call("POST", "/event", raw=padded)
        assert answer.status == status
    assert answer.problem == (400, "JsonPayload")
    assert len(stored(shop)) == 1


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.120Z",
        "2026-01-02T03:04:05.000001Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_a_moment_is_shown_as_precise_as_it_was(moment: str) -> None:
    read = fields.Fields({"at": moment}).moment("at")
    sent = Timestamp()
    sent.FromDatetime(read)
    assert times.of(read) == times.text(sent) == moment


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-01-02t03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ("2026-01-02 03:04:05.5-00:30", "2026-01-02T03:34:05.500Z"),
        ("2026-01-02T03:04:05.123456789z", "2026-01-02T03:04:05.123456Z"),
    ],
)
def test_moments_are_read_in_every_form_of_rfc_3339(written: str, shown: str) -> None:
    assert times.of(fields.Fields({"at": written}).moment("at")) == shown


@pytest.mark.parametrize(
    "written", ["2026-01-02", "2026-01-02T03:04:05", "20260102T030405Z", "2026-W01-5", "2026-02-30T00:00:00Z", "now", ""]
)
def test_what_is_no_moment_is_refused(written: str) -> None:
    with pytest.raises(problems.Unfit, match="is not a time such as"):
        fields.Fields({"at": written}).moment("at")
