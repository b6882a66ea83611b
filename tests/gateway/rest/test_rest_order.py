"""In which order a request over REST is judged, and what every route answers to what it cannot read."""

import os
import pathlib
import uuid

import pytest
import readme
import rest_rig

from hook0_client._gen.hook0.v1 import error_reason_pb2
from hook0_server.gateway.rest import events, problems, route, table

EXPECTED = pathlib.Path(__file__).with_name("routes.txt")


def rows() -> list[str]:
    return [f"{row.method:6} {row.path:50} {row.status} {row.operation}" for row in table.ROUTES]


def test_the_routes_are_those_of_the_file() -> None:
    """To write it anew after a change that is meant: HOOK0_WRITE_EXPECTED=1."""
    if os.environ.get("HOOK0_WRITE_EXPECTED"):
        EXPECTED.write_text("\n".join(rows()) + "\n", encoding="utf-8")
    assert rows() == EXPECTED.read_text(encoding="utf-8").splitlines()


def test_the_page_names_every_route() -> None:
    shown = [f"| `{row.method} {row.path}` | {row.status} | `{row.operation}` |" for row in table.ROUTES]
    wanted = "\n".join(["| route | answers | operation |", "|---|---|---|", *shown])
    text = (readme.ROOT / "docs/hook0-rest.md").read_text(encoding="utf-8")
    given = text.partition("<!-- routes -->\n")[2].partition("\n<!-- /routes -->")[0]
    assert given == wanted, f"docs/hook0-rest.md needs this table:\n{wanted}"


def test_every_reason_has_its_problem() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name, _ in error_reason_pb2.ErrorReason.items()} - {"UNSPECIFIED"}
    assert set(problems.BY_REASON) == reasons
    assert set(problems.BY_REASON.values()) <= set(problems.BY_ID)
    assert len(problems.BY_ID) == 46


def filled(path: str) -> str:
    return path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("row", table.ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_every_route_answers_with_and_without_a_slash_at_its_end(served: rest_rig.Served, row: route.Route) -> None:
    """Without a credential, in a body that is none: the credential is asked for first, or nothing is asked for."""
    answers = [served.call(row.method, filled(row.path) + end, token="", raw=b"{") for end in ("", "/")]
    if answers[0].status == 401:
        assert [answer.problem for answer in answers] == [(401, "AuthNoAuthorizationHeader")] * 2
    else:
        assert answers[0].status == answers[1].status != 404 or row.path == "/health"


WITH_BODY = [row for row in table.ROUTES if row.has_body]


@pytest.mark.parametrize("row", WITH_BODY, ids=lambda row: f"{row.method} {row.path}")
def test_what_is_not_json_is_refused(served: rest_rig.Served, row: route.Route) -> None:
    for raw, headers in (
        (b"{", {}),
        (b"[]", {}),
        (b'{"a": "\xff"}', {}),
        (b"{}", {"Content-Type": "text/plain"}),
        (b"[" * 200_000, {}),
        (b" " * (row.most_bytes + 1), {}),
    ):
        answer = served.call(row.method, filled(row.path), raw=raw, headers=headers)
        assert answer.status in (400, 404)  # 404: the ids in these paths are none
        assert answer.problem[1] in ("JsonPayload", "NotFound")


def test_the_credential_comes_before_the_body_and_rights_before_fields(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    other = served.new_application()
    no_rule_holds = shop.event(labels={}, event_type="no", payload="{")
    assert shop.call("POST", "/event", raw=b"{", token=str(uuid.uuid4())).problem == (403, "AuthInvalidBiscuit")
    assert shop.call("POST", "/event", raw=b"{").problem == (400, "JsonPayload")
    assert other.call("POST", "/event", raw=b"{").problem == (400, "JsonPayload")
    assert other.call("POST", "/event", no_rule_holds).problem == (403, "Forbidden")
    assert shop.call("POST", "/event", no_rule_holds).problem == (422, "Validation")
    bad_payload = shop.event(payload="{", event_type="shop.order.unknown")
    assert shop.call("POST", "/event", bad_payload).problem == (400, "EventInvalidJsonPayload")
    ambiguous = shop.subscription(labels=None, application_id=other.application_id)
    assert shop.call("POST", "/subscriptions", ambiguous).problem == (400, "LabelsAmbiguity")
    no_rule_holds = shop.subscription(labels={}, application_id=other.application_id)
    assert shop.call("POST", "/subscriptions", no_rule_holds).problem == (403, "Forbidden")


def test_a_credential_needs_no_scheme(shop: rest_rig.Shop) -> None:
    path = shop.of("/event_types")
    for form in (shop.secret, f"Bearer {shop.secret}", f"bearer {shop.secret}"):
        assert shop.call("GET", path, token="", headers={"Authorization": form}).status == 200
    not_utf8 = shop.call("GET", path, token="", headers={"Authorization": "\xe4"})
    assert not_utf8.problem == (400, "AuthInvalidAuthorizationHeader")


def test_an_unknown_and_a_foreign_application_look_the_same(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    for application_id in (str(uuid.uuid4()), served.new_application().application_id):
        answers = [
            shop.call("GET", f"/{path}?application_id={application_id}")
            for path in ("event_types", "subscriptions", "events", "application_secrets")
        ]
        answers.append(shop.call("GET", f"/applications/{application_id}"))
        assert {answer.problem for answer in answers} == {(403, "Forbidden")}
    unknown = served.call("GET", f"/event_types?application_id={uuid.uuid4()}")
    assert unknown.problem == (403, "Forbidden")  # the master key, too


def test_unknown_paths_and_methods(shop: rest_rig.Shop) -> None:
    for path in ("/nothing", "/", "/event/x/y"):
        assert shop.call("GET", path).problem == (404, "NotFound")
    for path in ("/event", "/event/", f"/subscriptions/{uuid.uuid4()}"):
        answer = shop.call("PATCH", path)
        assert answer.status == 405
        assert "PATCH" not in answer.headers["allow"]
    assert {each.strip() for each in answer.headers["allow"].split(",")} == {"GET", "HEAD", "PUT", "DELETE"}


def test_a_fault_of_a_route_is_told_without_its_cause(shop: rest_rig.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(events.times, "text", broken)
    answer = shop.call("POST", "/event", shop.event())
    assert answer.problem == (500, "InternalServerError")
    assert b"secret" not in answer.body
