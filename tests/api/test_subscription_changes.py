import asyncio
from typing import Any

import orjson
import pytest
from management import Management, open_management
from subscribing import delete, get, to, update, wanting

from hook0_client._gen.hook0.v1 import subscription_pb2 as resource_pb2
from hook0_server.model import errors
from hook0_server.store import database, wake


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


@pytest.fixture
async def application_id(management: Management) -> str:
    return await management.new_application()


async def routes(management: Management) -> dict[str, str]:
    rows = await management.db.fetch(b"SELECT description, routing_label FROM subscriptions WHERE deleted_at IS NULL")
    return {row[0]: row[1] for row in rows}


async def test_an_update_is_the_next_revision_with_a_target_of_its_own(management: Management, application_id: str) -> None:
    current = await management.new_subscription(wanting(application_id, description="old"))
    before = await management.db.fetch(b"SELECT changed_xid::text::bigint, secret_encrypted FROM subscriptions")
    changed = (await management(update(current, target=to("https://example.org")))).subscription
    assert changed.target.http.url == "https://example.org"
    assert (changed.description, changed.etag != current.etag) == ("old", True)
    assert changed.updated_at.ToNanoseconds() > current.updated_at.ToNanoseconds()
    after = await management.db.fetch(b"SELECT changed_xid::text::bigint, secret_encrypted FROM subscriptions")
    assert after[0][0] > before[0][0]
    assert after[0][1] == before[0][1]
    versions = await management.db.fetch(
        b"SELECT revision, subscription_id, target_encrypted FROM subscription_revisions ORDER BY revision"
    )
    urls = [orjson.loads(management.keyring.decrypt(row[2], row[1]))["url"] for row in versions]
    assert [(row[0], url) for row, url in zip(versions, urls, strict=True)] == [
        (1, "https://example.com/hook"),
        (2, "https://example.org"),
    ]


async def test_without_a_mask_what_is_set_is_changed(management: Management, application_id: str) -> None:
    current = await management.new_subscription(wanting(application_id, description="old", labels={"a": "1"}))
    changed = (await management(update(current, is_enabled=False, metadata={"m": "1"}))).subscription
    assert (changed.is_enabled, dict(changed.metadata)) == (False, {"m": "1"})
    assert (changed.description, dict(changed.labels), changed.target) == ("old", {"a": "1"}, current.target)


async def test_what_a_mask_names_and_is_not_set_gets_its_default(management: Management, application_id: str) -> None:
    policy = resource_pb2.RetryPolicy(max_retries=1)
    given = wanting(application_id, description="old", labels={"a": "1"}, is_enabled=False, retry_policy=policy)
    current = await management.new_subscription(given)
    paths = ("is_enabled", "description", "labels", "retry_policy")
    changed = (await management(update(current, *paths, metadata={"left": "out"}))).subscription
    assert (changed.is_enabled, changed.description, dict(changed.labels)) == (True, "", {})
    assert not changed.HasField("retry_policy")
    assert dict(changed.metadata) == {}


async def test_a_mask_or_etag_that_does_not_fit_is_refused(management: Management, application_id: str) -> None:
    current = await management.new_subscription(wanting(application_id))
    for path in ("created_at", "application_id", "target.http.url", "secret", "*", ""):
        refusal = await management.refusal(update(current, "description", path, description="x"))
        assert (type(refusal), refusal.reason) == (errors.InvalidRequest, "UPDATE_MASK_INVALID")
    stale = await management.refusal(update(current, description="x", etag="r7"))
    assert (type(stale), stale.reason) == (errors.Conflict, "ETAG_MISMATCH")
    assert (await management(update(current, description="x", etag=current.etag))).subscription.description == "x"


async def test_of_updates_at_the_same_moment_with_one_etag_one_wins(management: Management, application_id: str) -> None:
    current = await management.new_subscription(wanting(application_id))
    requests = [update(current, description=f"by {n}", etag=current.etag) for n in range(6)]
    answers = await asyncio.gather(*map(management, requests), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 5 + ["UpdateSubscriptionResponse"]


async def test_updates_at_the_same_moment_without_an_etag_all_count(management: Management, application_id: str) -> None:
    current = await management.new_subscription(wanting(application_id))
    changes: list[dict[str, Any]] = [
        {"description": "new"}, {"labels": {"a": "1"}}, {"metadata": {"b": "2"}}, {"target": to("https://example.org")},
    ]  # fmt: skip
    await asyncio.gather(*(management(update(current, **change)) for change in changes))
    final = (await management(get(current))).subscription
    assert (final.description, dict(final.labels), dict(final.metadata)) == ("new", {"a": "1"}, {"b": "2"})
    assert (final.target.http.url, final.etag) == ("https://example.org", "r5")


async def test_the_route_is_the_label_that_the_fewest_share(management: Management, application_id: str) -> None:
    for n in range(3):
        labels = {"env": "prod", "tenant": f"t{n}"}
        await management.new_subscription(wanting(application_id, description=f"t{n}", labels=labels))
    found = await routes(management)
    assert [found[f"t{n}"] for n in (1, 2)] == ["6:tenant=t1", "6:tenant=t2"]


@pytest.mark.parametrize("others", [0, 1000])
async def test_only_enabled_subscriptions_of_the_same_application_count(
    management: Management, application_id: str, others: int
) -> None:
    await management.new_subscription(wanting(application_id, labels={"env": "prod"}))
    for _ in range(2):
        await management.new_subscription(wanting(application_id, labels={"tenant": "acme"}, is_enabled=False))
        await management.new_subscription(wanting(await management.new_application(), labels={"tenant": "acme"}))
    await seed(management, application_id, others, {})
    labels = {"env": "prod", "tenant": "acme"}
    await management.new_subscription(wanting(application_id, description="it", labels=labels))
    assert (await routes(management))["it"] == "6:tenant=acme"


async def test_saving_again_does_not_count_itself(management: Management, application_id: str) -> None:
    labels = {"a": "1", "b": "1"}
    first = await management.new_subscription(wanting(application_id, description="first", labels=labels))
    await management.new_subscription(wanting(application_id, labels={"b": "2"}))
    await management(update(first, labels={"a": "1", "b": "2"}))
    assert (await routes(management))["first"] == "1:a=1"
    await management(update(first, labels={"a": "1"}))
    await management(update(first, labels={"a": "1", "c": "1"}))
    assert (await routes(management))["first"] == "1:a=1"


async def test_among_more_than_a_thousand_common_pairs_are_ranked_behind_rare_ones(
    management: Management, application_id: str
) -> None:
    await seed(management, application_id, 600, {"env": "prod"})
    await seed(management, application_id, 300, {"env": "prod", "zone": "eu"})
    await seed(management, application_id, 100, {"a": "rare"})
    common = {"env": "prod", "zone": "eu"}
    await management.new_subscription(wanting(application_id, description="common", labels=common))
    await management.new_subscription(wanting(application_id, description="rare", labels={**common, "z": "new"}))
    await management.new_subscription(wanting(application_id, description="few", labels={**common, "a": "rare"}))
    found = await routes(management)
    assert (found["common"], found["rare"], found["few"]) == ("4:zone=eu", "1:z=new", "1:a=rare")


async def seed(management: Management, application_id: str, count: int, labels: dict[str, str]) -> None:
    await management.db.fetch(
        b"INSERT INTO subscriptions (application_id, subscription_id, is_enabled, event_types, labels, routing_label,"
        b" metadata, secret_encrypted) SELECT %(application_id)s::uuid, gen_random_uuid(), true, '{**}',"
        b" %(labels)s::jsonb, '', '{}', '' FROM generate_series(1, %(count)s)",
        {"application_id": application_id, "labels": orjson.dumps(labels).decode(), "count": count},
    )


async def test_the_route_follows_the_labels_and_types_of_an_update(management: Management, application_id: str) -> None:
    await management.new_event_type(application_id, "order.paid")
    current = await management.new_subscription(wanting(application_id, description="it"))
    seen = [(await routes(management))["it"]]
    for change in ({"event_types": ["order.paid"]}, {"labels": {"a": "b"}}):
        await management(update(current, **change))
        seen.append((await routes(management))["it"])
    await management(update(current, "labels"))
    assert [*seen, (await routes(management))["it"]] == ["", "=order.paid", "1:a=b", "=order.paid"]


async def test_every_change_wakes_those_who_read_subscriptions(management: Management, application_id: str) -> None:
    heard = asyncio.Event()
    management.wake.listen(wake.SUBSCRIPTIONS, lambda _: heard.set())
    async with management.wake.running(), asyncio.timeout(20):
        await heard.wait()  # it listens
        heard.clear()
        current = await management.new_subscription(wanting(application_id))
        await heard.wait()
        for request in (update(current, description="x"), delete(current)):
            heard.clear()
            await management(request)
            await heard.wait()
