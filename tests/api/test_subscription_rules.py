"""What bad input gets: each breach is named with its reason, at creation and in an update, and nothing is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from management import Management, fields, open_management

from hook0_client._gen.hook0.v1 import subscription_pb2 as resource_pb2, subscription_service_pb2 as pb2
from hook0_server.model import errors
from hook0_server.store import database

HTTP = "subscription.target.http"
RETRY = "subscription.retry_policy"
OPTIONS = "subscription.delivery_options"
LONG = "x" * 51


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


def to(url: str = "https://example.com", **http: Any) -> dict[str, Any]:
    return {"target": resource_pb2.Target(http=resource_pb2.HttpTarget(url=url, **http))}


def policy(**given: Any) -> dict[str, Any]:
    return {"retry_policy": resource_pb2.RetryPolicy(**given)}


def backoff(**given: Any) -> dict[str, Any]:
    return policy(backoff=resource_pb2.Backoff(**given))


def options(**given: Any) -> dict[str, Any]:
    return {"delivery_options": resource_pb2.DeliveryOptions(**given)}


def s(seconds: int, nanos: int = 0) -> Duration:
    return Duration(seconds=seconds, nanos=nanos)


Broken = tuple[dict[str, Any], str, str]

PLAIN: list[Broken] = [
    ({"description": "x" * 101}, "subscription.description", "FIELD_INVALID"),
    ({"description": "a\0b"}, "subscription.description", "FIELD_INVALID"),
    ({"event_types": ["a.*"] * 101}, "subscription.event_types", "FIELD_INVALID"),
    ({"event_types": ["a.*", "user.**.created"]}, "subscription.event_types[1]", "PATTERN_INVALID"),
    ({"event_types": ["*"]}, "subscription.event_types[0]", "PATTERN_INVALID"),
    ({"event_types": ["a\0.*"]}, "subscription.event_types[0]", "PATTERN_INVALID"),
    ({"labels": {f"k{n}": "v" for n in range(11)}}, "subscription.labels", "FIELD_INVALID"),
    ({"labels": {"": "v"}}, "subscription.labels", "FIELD_INVALID"),
    ({"labels": {"k": ""}}, "subscription.labels", "FIELD_INVALID"),
    ({"labels": {LONG: "v"}}, "subscription.labels", "FIELD_INVALID"),
    ({"labels": {"k": LONG}}, "subscription.labels", "FIELD_INVALID"),
    ({"labels": {"k": "\0"}}, "subscription.labels", "FIELD_INVALID"),
    ({"metadata": {f"k{n}": "v" for n in range(51)}}, "subscription.metadata", "FIELD_INVALID"),
    ({"metadata": {"k": LONG}}, "subscription.metadata", "FIELD_INVALID"),
    ({"metadata": {"k\0": "v"}}, "subscription.metadata", "FIELD_INVALID"),
]
TARGETS: list[Broken] = [
    ({"target": resource_pb2.Target()}, "subscription.target", "FIELD_INVALID"),
    (to(method="post"), f"{HTTP}.method", "FIELD_INVALID"),
    (to(method="TRACE"), f"{HTTP}.method", "FIELD_INVALID"),
    *(
        (to(url), f"{HTTP}.url", "TARGET_URL_INVALID")
        for url in ("", "http://", "ftp://example.com", "https://exa mple.com", "https://a:99999", "https://e\0.com",
                    "https://example.com/" + "x" * 981)
    ),
    *(
        (to(url), f"{HTTP}.url", "TARGET_FORBIDDEN")
        for url in ("http://127.0.0.1", "http://169.254.169.254/latest", "http://[::1]:8080", "http://2130706433",
                    "http://0x7f.1", "http://[::ffff:10.0.0.1]", "http://192.168.1.1")
    ),
    (to(headers={f"x-{n}": "v" for n in range(11)}), f"{HTTP}.headers", "HEADER_INVALID"),
    (to(headers={"X-A": "1", "x-a": "2"}), f"{HTTP}.headers['", "HEADER_INVALID"),
    *(
        (to(headers={name: "v"}), f"{HTTP}.headers[", "HEADER_RESERVED")
        for name in ("Host", "content-length", "Transfer-Encoding", "connection", "te", "trailer", "upgrade", "expect",
                     "Content-Type", "user-agent", "keep-alive", "Proxy-Authorization", "x-event-id",
                     "X-Hook0-Signature", "webhook-id", "traceparent")
    ),
    *(
        (to(headers={name: value}), f"{HTTP}.headers[", "HEADER_INVALID")
        for name, value in (("", "v"), ("a b", "v"), ("a:", "v"), ("é", "v"), ("x" * 501, "v"), ("x-a", "v" * 501),
                            ("x-a", "a\r\nb"), ("x-a", "é"), ("x-a", "a\0b"), ("x-a", " v"), ("x-a", "v "), ("x-a", "\t"))
    ),
]  # fmt: skip
TIMES: list[Broken] = [
    (policy(delays=[s(1)], backoff=resource_pb2.Backoff(initial=s(1))), RETRY, "FIELD_INVALID"),
    (policy(delays=[s(1)] * 101), f"{RETRY}.delays", "FIELD_INVALID"),
    (policy(delays=[s(1), s(0, 999_999_999)]), f"{RETRY}.delays[1]", "FIELD_INVALID"),
    (policy(delays=[s(604_801)]), f"{RETRY}.delays[0]", "FIELD_INVALID"),
    (policy(delays=[s(-5)]), f"{RETRY}.delays[0]", "FIELD_INVALID"),
    (backoff(factor=2), f"{RETRY}.backoff.initial", "FIELD_INVALID"),
    (backoff(initial=s(1), factor=0.5), f"{RETRY}.backoff.factor", "FIELD_INVALID"),
    (backoff(initial=s(1), factor=10.1), f"{RETRY}.backoff.factor", "FIELD_INVALID"),
    (backoff(initial=s(1), factor=float("nan")), f"{RETRY}.backoff.factor", "FIELD_INVALID"),
    (backoff(initial=s(9), maximum=s(8)), f"{RETRY}.backoff.maximum", "FIELD_INVALID"),
    (backoff(initial=s(9), maximum=s(604_801)), f"{RETRY}.backoff.maximum", "FIELD_INVALID"),
    (policy(max_retries=-1), f"{RETRY}.max_retries", "FIELD_INVALID"),
    (policy(max_retries=101), f"{RETRY}.max_retries", "FIELD_INVALID"),
    (policy(max_age=s(0)), f"{RETRY}.max_age", "FIELD_INVALID"),
    (policy(max_age=s(29 * 86_400 + 1)), f"{RETRY}.max_age", "FIELD_INVALID"),
    (policy(jitter_ratio=1.01), f"{RETRY}.jitter_ratio", "FIELD_INVALID"),
    (policy(jitter_ratio=-0.1), f"{RETRY}.jitter_ratio", "FIELD_INVALID"),
    (policy(jitter_ratio=float("nan")), f"{RETRY}.jitter_ratio", "FIELD_INVALID"),
    (options(timeout=s(0, 5)), f"{OPTIONS}.timeout", "FIELD_INVALID"),
    (options(timeout=s(60, 1)), f"{OPTIONS}.timeout", "FIELD_INVALID"),
    (options(max_concurrency=0), f"{OPTIONS}.max_concurrency", "FIELD_INVALID"),
    (options(max_concurrency=1001), f"{OPTIONS}.max_concurrency", "FIELD_INVALID"),
]


def subscription(application_id: str, given: dict[str, Any]) -> resource_pb2.Subscription:
    return resource_pb2.Subscription(application_id=application_id, **{"event_types": ["**"], **to(), **given})


@pytest.mark.parametrize("broken", [PLAIN, TARGETS, TIMES], ids=["plain", "targets", "times"])
async def test_each_breach_is_named_and_nothing_is_stored(management: Management, broken: list[Broken]) -> None:
    application_id = await management.new_application()
    current = await management.new_subscription(subscription(application_id, {}))
    for given, field, reason in broken:
        create = pb2.CreateSubscriptionRequest(subscription=subscription(application_id, given))
        update = pb2.UpdateSubscriptionRequest(subscription=resource_pb2.Subscription(**given))
        update.subscription.application_id, update.subscription.subscription_id = (
            application_id,
            current.subscription_id,
        )
        for request in (create, update):
            refusal = await management.refusal(request)
            assert (type(refusal), refusal.reason) == (errors.InvalidRequest, reason), given
            assert all(named.startswith(field) for named in fields(refusal)), given


async def test_what_a_mask_leaves_out_is_not_judged(management: Management) -> None:
    current = await management.new_subscription(subscription(await management.new_application(), {}))
    request = pb2.UpdateSubscriptionRequest(subscription=current)
    request.subscription.target.http.url = "http://127.0.0.1"
    request.subscription.event_types.append("broken")
    request.subscription.description = "new"
    request.update_mask.paths.append("description")
    changed = (await management(request)).subscription
    assert (changed.description, changed.target.http.url) == ("new", "https://example.com")
    assert list(changed.event_types) == ["**"]


async def test_what_is_required_is_required(management: Management) -> None:
    application_id = await management.new_application()
    bare = resource_pb2.Subscription(application_id=application_id)
    refusal = await management.refusal(pb2.CreateSubscriptionRequest(subscription=bare, request_id="x"))
    assert fields(refusal) == ["subscription.event_types", "subscription.target", "request_id"]
    nobody = pb2.CreateSubscriptionRequest(subscription=subscription("x", {}))
    assert fields(await management.refusal(nobody)) == ["subscription.application_id"]


async def test_ids_and_page_sizes_are_judged(management: Management) -> None:
    application_id = await management.new_application()
    named: list[Callable[..., Any]] = [pb2.GetSubscriptionRequest, pb2.DeleteSubscriptionRequest]
    for request in named:
        refusal = await management.refusal(request(application_id=application_id, subscription_id="x"))
        assert fields(refusal) == ["subscription_id"]
    refusal = await management.refusal(pb2.ListSubscriptionsRequest(application_id=application_id, page_size=-1))
    assert fields(refusal) == ["page_size"]
    update = pb2.UpdateSubscriptionRequest(subscription=resource_pb2.Subscription(application_id=application_id))
    assert fields(await management.refusal(update)) == ["subscription.subscription_id"]
    update.subscription.application_id = "x"
    assert fields(await management.refusal(update))[0] == "subscription.application_id"


async def test_no_more_than_20_breaches_are_named(management: Management) -> None:
    given = {"event_types": ["broken"] * 30}
    request = pb2.CreateSubscriptionRequest(subscription=subscription(await management.new_application(), given))
    assert len(fields(await management.refusal(request))) == 20


async def test_a_refusal_shows_no_header_value_and_no_password(management: Management) -> None:
    target = to("http://user:hunter2@127.0.0.1", headers={"x-a": "s3cret\n", "host": "s3cret"})
    request = pb2.CreateSubscriptionRequest(subscription=subscription(await management.new_application(), target))
    refusal = await management.refusal(request)
    shown = f"{refusal} {refusal.metadata} {refusal.violations}"
    assert "hunter2" not in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://[::1]/", "http://2130706433"])
async def test_networks_that_are_allowed_may_be_called(db: database.Database, url: str) -> None:
    management = await open_management(db, allowed=["127.0.0.0/8", "::1/128"])
    created = await management.new_subscription(subscription(await management.new_application(), to(url)))
    assert created.target.http.url == url


async def test_everything_at_its_limit_is_taken(management: Management) -> None:
    given = {
        "description": "é" * 100,
        "event_types": ["a.*"] * 100,
        "labels": {f"{n}{'k' * 49}": "é" * 50 for n in range(10)},
        "metadata": {f"k{n}": "v" for n in range(50)},
        **to("https://example.com/" + "x" * 980, headers={f"{n}{'x' * 499}": "v" * 500 for n in range(10)}),
        **backoff(initial=s(604_800), factor=10, maximum=s(604_800)),
        **options(timeout=s(60), max_concurrency=1000),
    }
    created = await management.new_subscription(subscription(await management.new_application(), given))
    assert len(created.target.http.headers) == 10
    for least in (policy(delays=[s(1)] * 100, max_retries=100, jitter_ratio=1, max_age=s(29 * 86_400)),
                  options(timeout=s(1), max_concurrency=1)):  # fmt: skip
        await management.new_subscription(subscription(created.application_id, least))
