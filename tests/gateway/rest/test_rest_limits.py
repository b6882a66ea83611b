"""Limits over REST: quotas, rates, the key of health, and what is answered when the server cannot."""

from collections.abc import Iterator

import clones
import orjson
import pytest
import rest_rig

from hook0_server.api import ending
from hook0_server.gateway.rest import problems
from hook0_server.model import errors
from tests.conftest import MASTER_KEY


@pytest.fixture(scope="module")
def served(postgres_dsn: str, template: clones.Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rest_rig.Served]:
    """A server that allows little."""
    given = {
        "HOOK0_QUOTA_APPLICATIONS": "20",
        "HOOK0_QUOTA_EVENT_TYPES": "2",
        "HOOK0_QUOTA_SUBSCRIPTIONS": "1",
        "HOOK0_QUOTA_EVENTS_PER_DAY": "2",
        "HOOK0_QUOTA_RETENTION_DAYS": "3",
        "HOOK0_RATE_PER_CREDENTIAL": "5",
        "HOOK0_HEALTH_CHECK_KEY": "sesame",
    }
    folder = tmp_path_factory.mktemp("data")
    with clones.clone(postgres_dsn, template.name) as dsn, rest_rig.serving(dsn, folder, MASTER_KEY, **given) as running:
        yield running


@pytest.fixture
def master(shop: rest_rig.Shop) -> rest_rig.Shop:
    """The same application with the master key, which may call as often as it likes."""
    return rest_rig.Shop(shop.served, shop.application_id, shop.served.master_key)


def test_quotas_have_their_own_problems(master: rest_rig.Shop) -> None:
    third = {"application_id": master.application_id, "service": "a", "resource_type": "b", "verb": "c"}
    assert master.call("POST", "/event_types", third).problem == (429, "TooManyEventTypesPerApplication")
    assert master.call("POST", "/subscriptions", master.subscription()).status == 201
    refused = master.call("POST", "/subscriptions", master.subscription())
    assert refused.problem == (429, "TooManySubscriptionsPerApplication")
    assert "retry-after" not in refused.headers  # time does not help


def test_todays_quota_comes_after_the_fields_and_before_the_payload(master: rest_rig.Shop) -> None:
    assert [each["problem"] for each in master.call("POST", "/events", [master.event(), master.event()]).json] == [None] * 2
    master.served.run(master.served.server.daily.look())
    refused = master.call("POST", "/event", master.event())
    assert refused.problem == (429, "TooManyEventsToday")
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    for changed, problem in (
        ({"labels": {}}, (422, "Validation")),
        ({"payload": "{"}, (429, "TooManyEventsToday")),
        ({"payload_content_type": "x"}, (429, "TooManyEventsToday")),
        ({"payload": "=", "payload_content_type": "application/octet-stream+base64"}, (429, "TooManyEventsToday")),
    ):
        assert master.call("POST", "/event", master.event(**changed)).problem == problem
    [result] = master.call("POST", "/events", [master.event()]).json
    assert result["problem"]["id"] == "TooManyEventsToday"


def test_quotas_are_told(served: rest_rig.Served, master: rest_rig.Shop) -> None:
    told = served.call("GET", "/quotas", token="").json
    assert (told["enabled"], told["limits"]["global_events_per_day_limit"]) == (True, 2)
    assert told["limits"]["global_days_of_events_retention_limit"] == 3
    seen = master.call("GET", f"/applications/{master.application_id}").json
    assert seen["quotas"] == {"events_per_day_limit": 2, "days_of_events_retention_limit": 3}
    assert served.call("GET", "/instance", token="").json["quota_enforcement"] is True


def test_who_calls_too_often_is_told_when_to_come_back(shop: rest_rig.Shop) -> None:
    answers = [shop.call("GET", shop.of("/event_types")) for _ in range(30)]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    assert {answer.problem for answer in refused} == {(429, "RateLimited")}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert shop.call("POST", "/event", raw=b"{").problem == (429, "RateLimited")  # before the body is looked at


def test_health_is_told_to_who_has_its_key(served: rest_rig.Served) -> None:
    answer = served.call("GET", "/health?key=sesame", token="")
    shown = answer.json
    milliseconds = shown["total_duration_ms"]
    assert answer.status == 200
    assert shown == {
        "database": True,
        "pulsar": None,
        "object_storage": None,
        "database_duration_ms": milliseconds,
        "pulsar_duration_ms": None,
        "object_storage_duration_ms": None,
        "total_duration_ms": milliseconds,
    }
    for path in ("/health", "/health?key=", "/health?key=%C3%BC"):
        assert served.call("GET", path, token="").problem == (403, "Forbidden")


@pytest.mark.parametrize(
    ("refusal", "status", "problem", "retry_after"),
    [
        (errors.Unavailable("DATABASE_UNAVAILABLE", "x"), 503, "ServiceUnavailable", "5"),
        (errors.Unavailable("SERVER_STOPPING", "x", retry_after=1.2), 503, "ServiceUnavailable", "2"),
        (errors.QuotaExceeded("INGESTION_QUEUE_FULL", "x", retry_after=0.1), 503, "ServiceUnavailable", "1"),
        (errors.QuotaExceeded("RATE_LIMITED", "x", retry_after=0.0), 429, "RateLimited", "1"),
        (ending.Internal("7-7"), 500, "InternalServerError", None),
        (errors.NotFound("EVENT_TYPE_NOT_FOUND", "x"), 404, "NotFound", None),
        (errors.Precondition("EVENT_TYPE_NOT_FOUND", "x"), 400, "EventTypeDoesNotExist", None),
    ],
)
def test_what_the_server_cannot_is_told_with_a_time(
    refusal: errors.Refused, status: int, problem: str, retry_after: str | None
) -> None:
    answer = problems.answer(refusal)
    assert isinstance(answer.body, bytes)
    told = orjson.loads(answer.body)
    assert (answer.status, told["id"], told["validation"]) == (status, problem, None)
    assert answer.headers.get("Retry-After") == retry_after
