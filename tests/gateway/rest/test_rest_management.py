"""Applications, secrets, event types and subscriptions over REST."""

import uuid
from typing import Any

import pytest
import rest_rig

NIL = str(uuid.UUID(int=0))


def test_an_application_lives_and_ends(served: rest_rig.Served) -> None:
    given = {"organization_id": served.organization_id, "name": "depot"}
    made = served.call("POST", "/applications/", given)
    application_id = made.json["application_id"]
    assert (made.status, made.json) == (201, {"application_id": application_id} | given)
    assert made.json in served.call("GET", f"/applications?organization_id={served.organization_id}").json
    assert served.call("GET", f"/applications/{application_id}").json == made.json | {
        "quotas": {"events_per_day_limit": 2147483647, "days_of_events_retention_limit": 5},
        "consumption": {"events_per_day": 0},
        "onboarding_steps": {"event_type": "ToDo", "subscription": "ToDo", "event": "ToDo"},
    }
    changed = served.call("PUT", f"/applications/{application_id}", given | {"name": "store"})
    assert (changed.status, changed.json) == (200, made.json | {"name": "store"})
    gone = served.call("DELETE", f"/applications/{application_id}")
    assert (gone.status, gone.body) == (204, b"")
    for method in ("GET", "DELETE"):
        assert served.call(method, f"/applications/{application_id}").problem == (403, "Forbidden")


def test_the_steps_of_an_application_are_ticked(shop: rest_rig.Shop) -> None:
    shop.call("POST", "/subscriptions", shop.subscription())
    shop.call("POST", "/event", shop.event())
    seen = shop.call("GET", f"/applications/{shop.application_id}").json
    assert seen["onboarding_steps"] == {"event_type": "Done", "subscription": "Done", "event": "Done"}
    assert seen["consumption"] == {"events_per_day": 1}


def test_more_than_a_page_of_applications_and_types_are_listed(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    given = {"application_id": shop.application_id, "service": "a", "resource_type": "b"}
    for at in range(55):
        assert shop.call("POST", "/event_types", given | {"verb": f"v{at:02}"}).status == 201
    names = [each["event_type_name"] for each in shop.call("GET", shop.of("/event_types/")).json]
    assert names == [*(f"a.b.v{at:02}" for at in range(55)), *rest_rig.TYPES]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "x"}, (422, "Validation")),
        ({"name": "x" * 51}, (422, "Validation")),
        ({"name": None}, (400, "JsonPayload")),
        ({"organization_id": str(uuid.uuid4())}, (403, "Forbidden")),
    ],
)
def test_a_bad_application_is_refused(served: rest_rig.Served, changed: dict[str, Any], problem: tuple[int, str]) -> None:
    listed = f"/applications?organization_id={served.organization_id}"
    before = served.call("GET", listed).json
    answer = served.call("POST", "/applications", {"organization_id": served.organization_id, "name": "depot"} | changed)
    assert answer.problem == problem
    if problem[0] == 422:
        assert list(answer.json["validation"]) == ["name"]
    assert served.call("GET", listed).json == before


def test_secrets_are_shown_again_and_named_by_their_value(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    given = {"application_id": shop.application_id, "name": "second"}
    made = shop.call("POST", "/application_secrets", given)
    assert (made.status, made.json["name"], made.json["deleted_at"]) == (201, "second", None)
    listed = shop.call("GET", shop.of("/application_secrets")).json
    assert made.json in listed
    assert {each["name"]: each["token"] for each in listed} == {"second": made.json["token"], "Default": shop.secret}
    path = f"/application_secrets/{made.json['token']}"
    renamed = shop.call("PUT", path, {"application_id": shop.application_id})
    assert (renamed.status, renamed.json) == (200, made.json | {"name": None})
    for _ in range(2):
        assert shop.call("DELETE", shop.of(path)).status == 204
    [kept] = [each for each in shop.call("GET", shop.of("/application_secrets")).json if each["deleted_at"]]
    assert kept["token"] == made.json["token"]
    assert shop.call("GET", shop.of("/event_types"), token=kept["token"]).problem == (403, "AuthInvalidBiscuit")
    absent = f"/application_secrets/{uuid.uuid4()}"
    assert shop.call("DELETE", shop.of(absent)).problem == (404, "NotFound")
    assert shop.call("PUT", absent, given).problem == (404, "NotFound")
    other = served.new_application()
    assert other.call("DELETE", other.of(f"/application_secrets/{shop.secret}")).problem == (404, "NotFound")


def test_an_event_type_may_be_created_again_and_ends(shop: rest_rig.Shop) -> None:
    given = {"application_id": shop.application_id, "service": "shop", "resource_type": "order", "verb": "lost"}
    shown = {
        "service_name": "shop",
        "resource_type_name": "order",
        "verb_name": "lost",
        "event_type_name": "shop.order.lost",
    }
    for _ in range(2):
        answer = shop.call("POST", "/event_types", given)
        assert (answer.status, answer.json) == (201, shown)
    path = shop.of("/event_types/shop.order.lost")
    assert shop.call("GET", path).json == shown
    assert shop.call("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        assert shop.call(method, path).problem == (404, "NotFound")
    assert shop.call("GET", shop.of("/event_types/none")).problem == (404, "NotFound")
    assert shop.call("POST", "/event", shop.event(event_type="shop.order.lost")).problem == (400, "EventTypeDoesNotExist")
    assert shop.call("POST", "/event_types", given).status == 201
    assert shop.call("GET", path).status == 200
    assert shop.call("POST", "/event_types", given | {"verb": "a b"}).problem == (422, "Validation")
    assert shop.call("POST", "/event_types", given | {"verb": ""}).problem == (422, "Validation")


def test_a_subscription_is_shown_as_it_was_made_with_its_secret(shop: rest_rig.Shop) -> None:
    given = shop.subscription(
        description="d",
        labels={"b": "2", "a": "1"},
        metadata={"m": "x"},
        event_types=["shop.order.paid", "shop.**"],
        dedicated_workers=["w1"],
        target={"type": "http", "method": "PUT", "url": "https://example.org/h", "headers": {"X-A": "b", "x-c": ["1", "2"]}},
    )
    made = shop.call("POST", "/subscriptions", given)
    assert made.status == 201
    shown = made.json
    uuid.UUID(shown["secret"])
    assert shown == given | {
        "target": given["target"] | {"headers": {"x-a": "b", "x-c": "1, 2"}},
        "subscription_id": shown["subscription_id"],
        "secret": shown["secret"],
        "label_key": "a",
        "label_value": "1",
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
    }
    path = f"/subscriptions/{shown['subscription_id']}"
    assert shop.call("GET", path).json == shown
    assert shop.call("GET", shop.of("/subscriptions/")).json == [shown]
    plain = shop.subscription(is_enabled=False, labels=None, label_key="k", label_value="v")
    replaced = shop.call("PUT", path, plain)
    assert (replaced.status, replaced.json["labels"], replaced.json["secret"]) == (200, {"k": "v"}, shown["secret"])
    emptied = {"description": None, "metadata": {}, "dedicated_workers": [], "is_enabled": False}
    assert {name: replaced.json[name] for name in emptied} == emptied
    assert shop.call("GET", path).json == replaced.json


def test_subscriptions_are_listed_from_the_oldest_on(shop: rest_rig.Shop) -> None:
    made = [shop.call("POST", "/subscriptions", shop.subscription()).json["subscription_id"] for _ in range(3)]
    assert [each["subscription_id"] for each in shop.call("GET", shop.of("/subscriptions")).json] == made


def test_a_subscription_is_deleted_once_and_for_all(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    made = shop.call("POST", "/subscriptions", shop.subscription()).json["subscription_id"]
    path, other = f"/subscriptions/{made}", served.new_application()
    assert other.call("GET", path).problem == (404, "NotFound")
    assert other.call("DELETE", other.of(path)).problem == (404, "NotFound")
    assert other.call("PUT", path, other.subscription()).problem == (404, "NotFound")
    for _ in range(2):
        assert shop.call("DELETE", shop.of(path)).status == 204
    assert shop.call("GET", path).problem == (404, "NotFound")
    assert shop.call("DELETE", shop.of(f"/subscriptions/{uuid.uuid4()}")).problem == (404, "NotFound")


TARGET = {"type": "http", "method": "POST", "url": "https://example.org/h", "headers": {}}
BAD: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"is_enabled": 1}, (400, "JsonPayload")),
    ({"event_types": "a.b.c"}, (400, "JsonPayload")),
    ({"target": None}, (400, "JsonPayload")),
    ({"target": TARGET | {"type": "smtp"}}, (400, "JsonPayload")),
    ({"target": {name: TARGET[name] for name in ("type", "method", "url")}}, (400, "JsonPayload")),
    ({"target": TARGET | {"headers": {"a": 1}}}, (400, "JsonPayload")),
    ({"labels": None}, (400, "LabelsAmbiguity")),
    ({"labels": None, "label_key": "k"}, (400, "LabelsAmbiguity")),
    ({"labels": {}}, (422, "labels")),
    ({"description": "x" * 101}, (422, "description")),
    ({"event_types": []}, (422, "event_types")),
    ({"event_types": ["a b"]}, (422, "event_types[0]")),
    ({"dedicated_workers": []}, (422, "dedicated_workers")),
    ({"dedicated_workers": ["w"] * 21}, (422, "dedicated_workers")),
    ({"target": TARGET | {"method": "post"}}, (422, "target.method")),
    ({"target": TARGET | {"method": ""}}, (422, "target.method")),
    ({"target": TARGET | {"url": "ftp://example.org"}}, (422, "target.url")),
    ({"target": TARGET | {"url": "https://10.0.0.1/"}}, (422, "target.url")),
    ({"target": TARGET | {"headers": {"Host": "x"}}}, (422, "target.headers['Host']")),
    ({"event_types": ["shop.order.unknown"]}, (400, "EventTypeDoesNotExist")),
]


@pytest.fixture(scope="module")
def untouched(served: rest_rig.Served) -> rest_rig.Shop:
    """For what is refused."""
    return served.new_application()


@pytest.mark.parametrize(("changed", "problem"), BAD, ids=lambda each: str(each)[:40])
def test_a_bad_subscription_is_refused_and_not_stored(
    untouched: rest_rig.Shop, changed: dict[str, Any], problem: tuple[int, str]
) -> None:
    answer = untouched.call("POST", "/subscriptions", untouched.subscription(**changed))
    if problem[0] == 422:
        assert answer.problem == (422, "Validation")
        assert list(answer.json["validation"]) == [problem[1]]
    else:
        assert answer.problem == problem
    assert untouched.call("GET", untouched.of("/subscriptions")).json == []


def test_the_same_key_and_body_create_once(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for path, given, other in (
        ("/applications", {"organization_id": served.organization_id, "name": "once"}, {"name": "twice"}),
        ("/application_secrets", {"application_id": shop.application_id, "name": "once"}, {"name": "twice"}),
        ("/subscriptions", shop.subscription(), {"is_enabled": False}),
    ):
        first, again = (served.call("POST", path, given, headers=key) for _ in range(2))
        assert (first.status, again.status, again.json) == (201, 201, first.json)
        assert served.call("POST", path, given | other, headers=key).problem == (409, "EventAlreadyIngested")
    assert len(shop.call("GET", shop.of("/subscriptions")).json) == 1
