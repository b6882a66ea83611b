"""Every route with members and parameters of every wrong kind: a problem each time, nothing stored, no fault of the server."""

import random
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import rest_rig

from hook0_server.gateway.rest import route, table

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, "", " ", "x", "\0", "a\0b", "☃" * 60, "x" * 5000, "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59", [], [None], ["x"], {}, {"x": None}, {"": ""},
    {"\0": "\0"}, {"a": {"b": 1}}, str(uuid.UUID(int=0)),
)  # fmt: skip
TEXTS = [each for each in ODD if isinstance(each, str)]


def changed(given: Any) -> Iterator[Any]:
    """The body with one of its members replaced or left out, at every depth."""
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        yield {each: kept for each, kept in given.items() if each != name}
        for odd in ODD:
            yield given | {name: odd}
        for inner in changed(value):
            yield given | {name: inner}


def sane(answer: rest_rig.Answer) -> bool:
    """A success, or a problem of the caller's that does not repeat much of what was sent."""
    if answer.status < 300:
        return True
    status, _ = answer.problem
    return status < 500 and len(answer.body) < 6000


BODIES = [row for row in table.ROUTES if row.has_body]


@pytest.mark.parametrize("row", BODIES, ids=lambda row: f"{row.method} {row.path}")
def test_no_body_is_a_fault_of_the_server(served: rest_rig.Served, shop: rest_rig.Shop, row: route.Route) -> None:
    common = {"organization_id": served.organization_id, "name": "other", "resource_type": "b", "service": "a", "verb": "c"}
    common |= {"email": "x@example.com", "password": "p", "new_password": "p", "token": "t", "role": "viewer"}
    common |= {"user_id": str(uuid.uuid4()), "first_name": "Ada", "last_name": "L"}
    given = shop.event() | shop.subscription(description="d", metadata={"a": "b"}, dedicated_workers=["w"]) | common
    posted = list(changed(given))
    for body in random.Random(7).sample(posted, 40):
        path = row.path.format_map(
            dict.fromkeys(("event_id", "subscription_id", "application_id", "service_token_id"), str(uuid.uuid4()))
            | {"application_secret_token": str(uuid.uuid4()), "organization_id": served.organization_id}
        )
        answer = served.call(row.method, path, [body] if row.path == "/events" else body)
        assert sane(answer), (body, answer)


def parameters() -> Iterator[tuple[str, str]]:
    names = ("event_id", "subscription_id", "pagination_cursor", "min_created_at", "max_created_at", "event.event_type_names",
             "organization_id", "from", "to", "application_id")  # fmt: skip
    for name in names:
        for text in TEXTS:
            yield name, text


def test_no_parameter_is_a_fault_of_the_server(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    paths = ["/request_attempts", "/events_per_day/application", "/events_per_day/organization", "/events", "/event_types"]
    for path in paths:
        for name, text in random.Random(7).sample(list(parameters()), 40):
            query = {"application_id": shop.application_id, "organization_id": served.organization_id, name: text}
            answer = served.call("GET", f"{path}?{urllib.parse.urlencode(query)}")
            assert sane(answer), (path, name, text, answer)


PATHS = [row for row in table.ROUTES if "{" in row.path]


@pytest.mark.parametrize("row", PATHS, ids=lambda row: f"{row.method} {row.path}")
def test_no_path_is_a_fault_of_the_server(shop: rest_rig.Shop, row: route.Route) -> None:
    before, _, rest = row.path.partition("{")
    for text in ("%00", "%E2%98%83", "x" * 300, "%2F", "a.b.c%00", str(uuid.UUID(int=0)), "%FF", "."):
        body = shop.event() | shop.subscription() | {"organization_id": shop.served.organization_id, "name": "x"}
        path = shop.of(f"{before}{text}{rest.partition('}')[2]}")
        answer = shop.call(row.method, path, body if row.has_body else None)
        assert answer.status < 500, (path, answer)
