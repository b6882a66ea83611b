"""A batch of events over REST, and the routes that anybody may ask."""

import datetime
import uuid
from typing import Any

import pytest
import rest_rig

from hook0_server import settings


def ids_of(results: list[dict[str, Any]]) -> list[str]:
    return [each["event"]["event_id"] if each["event"] else each["problem"]["id"] for each in results]


def test_each_event_of_a_batch_has_its_result_and_hurts_no_other(shop: rest_rig.Shop) -> None:
    first = shop.event()
    unlike = shop.event(payload='{"id": 2}')
    sent = [
        first,
        shop.event(payload="{"),
        shop.event(payload="=", payload_content_type="application/octet-stream+base64"),
        shop.event(payload="AAE=", payload_content_type="application/octet-stream+base64"),
        shop.event(labels={}),
        shop.event(occurred_at=7),
        shop.event(event_type="shop.order.unknown"),
        unlike,
    ]
    answer = shop.call("POST", "/events", sent)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert ids_of(answer.json) == [
        first["event_id"],
        "EventInvalidJsonPayload",
        "EventInvalidBase64Payload",
        sent[3]["event_id"],
        "Validation",
        "JsonPayload",
        "EventTypeDoesNotExist",
        unlike["event_id"],
    ]
    assert list(answer.json[4]["problem"]["validation"]) == ["labels"]
    stored = {each["event_id"] for each in shop.call("GET", shop.of("/events")).json}
    assert stored == {first["event_id"], sent[3]["event_id"], unlike["event_id"]}
    again = shop.call("POST", "/events", [first, unlike | {"payload": "{}"}])
    assert ids_of(again.json) == ["EventAlreadyIngested"] * 2


def test_a_batch_with_its_key_is_answered_as_the_first_was(shop: rest_rig.Shop) -> None:
    sent = [shop.event(event_id=None, payload=f'{{"id": {at}}}') for at in range(3)]
    first, again = (shop.call("POST", "/events", sent, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert again.json == first.json
    assert len(set(ids_of(first.json))) == 3


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], (400, "JsonPayload")),
        ({}, (400, "JsonPayload")),
        ([7], (400, "JsonPayload")),
        ([{}], (400, "JsonPayload")),
        ([{"application_id": str(uuid.uuid4())}, {"application_id": str(uuid.uuid4())}], (400, "JsonPayload")),
    ],
)
def test_what_is_no_batch_is_refused(shop: rest_rig.Shop, body: Any, problem: tuple[int, str]) -> None:
    assert shop.call("POST", "/events", body).problem == problem


def test_a_batch_is_bounded(shop: rest_rig.Shop) -> None:
    assert shop.call("POST", "/events", [shop.event(payload="1")] * 1001).problem == (422, "Validation")
    large = [shop.event(payload="x" * 600_000, payload_content_type="text/plain") for _ in range(8)]
    assert shop.call("POST", "/events", large).problem == (400, "JsonPayload")
    assert len(shop.call("POST", "/events", large[:6]).json) == 6


def test_the_lists_that_anybody_may_ask(served: rest_rig.Served) -> None:
    errors = served.call("GET", "/errors/", token="").json
    assert len({each["id"] for each in errors}) == 46
    assert served.call("GET", "/payload_content_types", token="").json == [
        "text/plain",
        "application/json",
        "application/octet-stream+base64",
    ]
    variables = served.call("GET", "/environment_variables", token="").json
    assert [each["env_var"] for each in variables] == [each.variable for each in settings.TABLE]
    assert served.master_key not in str(variables)


def test_the_instance_and_its_quotas(served: rest_rig.Served) -> None:
    instance = served.call("GET", "/instance", token="").json
    assert instance == {
        "biscuit_public_key": served.server.root.public_key,
        "registration_disabled": False,
        "password_minimum_length": instance["password_minimum_length"],
        "auto_db_migration": True,
        "application_secret_compatibility": True,
        "quota_enforcement": False,
        "matomo": None,
        "formbricks": None,
        "support_email_address": "",
        "cloudflare_turnstile_site_key": None,
    }
    none = 2147483647
    assert served.call("GET", "/quotas", token="").json == {
        "enabled": False,
        "limits": {
            "global_members_per_organization_limit": none,
            "global_applications_per_organization_limit": none,
            "global_events_per_day_limit": none,
            "global_days_of_events_retention_limit": 5,
            "global_subscriptions_per_application_limit": none,
            "global_event_types_per_application_limit": none,
        },
    }


def test_without_a_key_there_is_no_health_here(served: rest_rig.Served) -> None:
    assert served.call("GET", "/health?key=", token="").problem == (404, "NotFound")


def test_events_are_counted_by_day(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    shop.call("POST", "/event", shop.event())
    shop.call("POST", "/event", shop.event())
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    of_shop = {
        "application_id": shop.application_id,
        "application_name": "shop",
        "date": today,
        "amount": 2,
        "is_provisional": True,
    }
    assert shop.call("GET", shop.of("/events_per_day/application")).json == [of_shop]
    of_all = served.call("GET", f"/events_per_day/organization/?organization_id={served.organization_id}&from={today}").json
    assert of_shop in of_all
    path = shop.of("/events_per_day/application")
    assert shop.call("GET", f"{path}&from=2024-01-01&to=2024-01-31").json == []
    assert shop.call("GET", f"{path}&from=2024-02-01&to=2024-01-31").problem == (400, "InvalidDateRange")
    assert shop.call("GET", f"{path}&from=20240201").problem == (400, "JsonPayload")
    assert shop.call("GET", "/events_per_day/organization").problem == (400, "JsonPayload")
