import asyncio
import uuid

import orjson
import pytest
from management import Management, open_management
from subscribing import delete, get, to, update, wanting

from hook0_client._gen.hook0.v1 import event_type_service_pb2, subscription_pb2 as resource_pb2, subscription_service_pb2 as pb2
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


@pytest.fixture
async def application_id(management: Management) -> str:
    return await management.new_application()


async def test_a_new_subscription_is_answered_with_its_secret_and_as_it_is_stored(
    management: Management, application_id: str
) -> None:
    given = wanting(
        application_id,
        "order.*",
        description="the shop",
        labels={"tenant": "acme"},
        metadata={"owner": "me"},
        target=to(method="PUT", headers={"X-Api-Key": "k3y"}),
    )
    answer = await management(pb2.CreateSubscriptionRequest(subscription=given))
    created = answer.subscription
    assert uuid.UUID(answer.secret).version == 4
    assert created.is_enabled
    assert (created.description, dict(created.labels), dict(created.metadata)) == (
        "the shop", {"tenant": "acme"}, {"owner": "me"},
    )  # fmt: skip
    assert created.target == to(method="PUT", headers={"x-api-key": "k3y"})
    assert not created.HasField("retry_policy")
    assert not created.HasField("delivery_options")
    assert (await management(get(created))).subscription == created


async def test_the_default_method_is_post_and_disabled_is_kept(management: Management, application_id: str) -> None:
    created = await management.new_subscription(wanting(application_id, is_enabled=False))
    assert created.target.http.method == "POST"
    assert not created.is_enabled


async def test_secret_and_target_are_stored_sealed(management: Management, application_id: str) -> None:
    given = wanting(application_id, target=to("https://user:pass@example.com", headers={"authorization": "Bearer x"}))
    answer = await management(pb2.CreateSubscriptionRequest(subscription=given))
    rows = await management.db.fetch(
        b"SELECT subscription_id, secret_encrypted, target_encrypted, revision FROM subscriptions JOIN"
        b" subscription_revisions USING (subscription_id, revision)"
    )
    subscription_id, secret, target, revision = rows[0]
    assert management.keyring.decrypt(secret, subscription_id).decode() == answer.secret
    assert orjson.loads(management.keyring.decrypt(target, subscription_id)) == {
        "method": "POST",
        "url": "https://user:pass@example.com",
        "headers": {"authorization": "Bearer x"},
    }
    assert revision == 1
    assert b"pass" not in target
    assert answer.secret.encode() not in secret


async def test_a_retry_policy_and_delivery_options_are_kept_as_they_were_set(
    management: Management, application_id: str
) -> None:
    policy = resource_pb2.RetryPolicy(max_retries=0, jitter_ratio=0)
    policy.delays.add(seconds=1, nanos=500_000_000)
    policy.delays.add(seconds=604_800)
    policy.max_age.seconds = 29 * 86_400
    options = resource_pb2.DeliveryOptions(max_concurrency=3)
    options.timeout.FromMilliseconds(2500)
    created = await management.new_subscription(wanting(application_id, retry_policy=policy, delivery_options=options))
    assert (created.retry_policy, created.delivery_options) == (policy, options)
    rows = await management.db.fetch(b"SELECT retry_policy, delivery_options FROM subscriptions")
    assert rows[0][0] == {
        "delays": [1.5, 604_800.0], "max_retries": 0, "max_age": 2_505_600.0, "jitter_ratio": 0.0,
    }  # fmt: skip
    assert rows[0][1] == {"timeout": 2.5, "max_concurrency": 3}


async def test_a_backoff_is_stored_whole(management: Management, application_id: str) -> None:
    policy = resource_pb2.RetryPolicy()
    policy.backoff.initial.seconds = 5
    created = await management.new_subscription(wanting(application_id, retry_policy=policy))
    backoff = created.retry_policy.backoff
    assert (backoff.initial.seconds, backoff.factor, backoff.maximum.seconds) == (5, 2.0, 604_800)
    rows = await management.db.fetch(b"SELECT retry_policy FROM subscriptions")
    assert rows == [({"backoff": {"initial": 5.0, "factor": 2.0, "maximum": 604_800.0}},)]


async def test_a_plain_type_must_be_in_use(management: Management, application_id: str) -> None:
    await management.new_event_type(application_id, "order.paid")
    await management.new_event_type(application_id, "order.gone")
    request = event_type_service_pb2.DeleteEventTypeRequest(application_id=application_id, event_type="order.gone")
    await management(request)
    current = await management.new_subscription(wanting(application_id, "order.paid", "order.gone.*"))
    for absent in ("order.gone", "order.never"):
        wanted = wanting(application_id, "order.paid", absent)
        for refused in (
            pb2.CreateSubscriptionRequest(subscription=wanted),
            update(current, event_types=["**", absent]),
        ):
            refusal = await management.refusal(refused)
            assert (type(refusal), refusal.reason) == (errors.Precondition, "EVENT_TYPE_NOT_FOUND")
            assert refusal.metadata["event_type"] == absent


async def test_a_repeat_answers_the_same_subscription_and_secret(management: Management, application_id: str) -> None:
    request = pb2.CreateSubscriptionRequest(
        subscription=wanting(application_id, labels={f"k{n}": "v" for n in range(10)}), request_id=str(uuid.uuid4())
    )
    answers = await asyncio.gather(*(management(request) for _ in range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert await management.db.fetch(b"SELECT count(*) FROM subscriptions") == [(1,)]
    request.subscription.description = "another"
    assert (await management.refusal(request)).reason == "REQUEST_ID_REUSED"


async def test_a_deleted_subscription_is_gone_and_stays_for_delivery_to_see(
    management: Management, application_id: str
) -> None:
    current = await management.new_subscription(wanting(application_id))
    await management(delete(current))
    for request in (get(current), delete(current), update(current, description="x")):
        refusal = await management.refusal(request)
        assert (type(refusal), refusal.reason) == (errors.NotFound, "SUBSCRIPTION_NOT_FOUND")
    listed = await management(pb2.ListSubscriptionsRequest(application_id=application_id))
    assert listed.subscriptions == []
    rows = await management.db.fetch(b"SELECT is_enabled, deleted_at IS NOT NULL, revision FROM subscriptions")
    assert rows == [(False, True, 2)]


async def test_another_applications_subscription_is_not_found(management: Management, application_id: str) -> None:
    foreign = await management.new_subscription(wanting(await management.new_application()))
    foreign.application_id = application_id
    for request in (get(foreign), delete(foreign), update(foreign, description="x")):
        assert (await management.refusal(request)).reason == "SUBSCRIPTION_NOT_FOUND"


async def test_subscriptions_are_listed_newest_first_page_by_page(management: Management, application_id: str) -> None:
    created = [await management.new_subscription(wanting(application_id)) for _ in range(3)]
    await management.new_subscription(wanting(await management.new_application()))
    request = pb2.ListSubscriptionsRequest(application_id=application_id, page_size=2)
    first = await management(request)
    assert list(first.subscriptions) == [created[2], created[1]]
    request.page_token = first.next_page_token
    second = await management(request)
    assert (list(second.subscriptions), second.next_page_token) == ([created[0]], "")
    request.application_id = await management.new_application()
    assert (await management.refusal(request)).reason == "PAGE_TOKEN_INVALID"


async def test_a_page_ends_before_it_is_too_large_for_an_answer(management: Management, application_id: str) -> None:
    large = wanting(
        application_id,
        *[f"{'a' * 50}.{'b' * 50}.{'c' * 50}.{'d' * 50}.*"] * 100,
        metadata={f"{n:050}": "é" * 50 for n in range(50)},
    )
    await asyncio.gather(*(management.new_subscription(large) for _ in range(120)))
    request = pb2.ListSubscriptionsRequest(application_id=application_id, page_size=500)
    first = await management(request)
    assert 60 < len(first.subscriptions) < 120
    assert first.ByteSize() < 4 * 1024 * 1024
    request.page_token = first.next_page_token
    second = await management(request)
    ids = [each.subscription_id for each in (*first.subscriptions, *second.subscriptions)]
    assert (len(ids), ids) == (120, sorted(set(ids), reverse=True))
    assert second.next_page_token == ""
