"""The plans of single calls: what they read is bounded by what they answer, whatever else is in the tables."""

import uuid
from datetime import timedelta

import planning
import rows
from psycopg.types.json import Jsonb

from hook0_server.store import (
    application_secrets,
    applications,
    attempts,
    credentials,
    delivery_actions,
    event_types,
    events,
    open_attempts,
    request_answers,
    subscriptions,
    usage,
)

FEW = 20
SLICE = 100


async def some(tables: planning.Tables, query: str) -> list[uuid.UUID]:
    return [each for (each,) in await tables.db.fetch(query.encode(), {"large": tables.seeded.large})]


async def test_a_credential_is_found_by_its_hash(tables: planning.Tables) -> None:
    await credentials.application_secret(tables.requests.pool, b"\0" * 32)
    tables.requests.judge(FEW)
    for (digest,) in await tables.db.fetch(b"SELECT secret_hash FROM application_secrets LIMIT 1"):
        assert await credentials.application_secret(tables.requests.pool, digest)
        tables.requests.judge(FEW)
    assert await credentials.application_organization(tables.requests.pool, tables.seeded.large)
    tables.requests.judge(FEW)
    await credentials.service_token(tables.requests.pool, b"root")
    tables.requests.judge(FEW)
    await credentials.roles_in_session(tables.requests.pool, tables.seeded.large, tables.seeded.large)
    tables.requests.judge(FEW)
    assert await credentials.organization_exists(tables.requests.pool, tables.seeded.organization)
    tables.requests.judge(FEW)


async def test_applications_are_read_by_key_and_page(tables: planning.Tables) -> None:
    db, organization = tables.requests.pool, tables.seeded.organization
    await applications.get(db, tables.seeded.large)
    tables.requests.judge(FEW)
    for before in (None, tables.seeded.large):
        await applications.page(db, organization, before=before, size=50)
        tables.requests.judge(50 + FEW)
    await applications.update(db, tables.seeded.large, name="new", revision=None)
    tables.requests.judge(FEW)


async def test_secrets_are_read_by_key_and_page(tables: planning.Tables) -> None:
    db, large = tables.requests.pool, tables.seeded.large
    for before in (None, uuid.UUID(int=1 << 127)):
        await application_secrets.page(db, large, before=before, size=50)
        tables.requests.judge(50 + FEW + 2 * planning.ASIDE * tables.seeded.is_misjudged)  # few enough to be sorted
    await application_secrets.delete(db, large, rows.id7())
    tables.requests.judge(FEW)


async def test_event_types_are_read_by_key_and_page(tables: planning.Tables) -> None:
    db, large = tables.requests.pool, tables.seeded.large
    for after in ("", "shop.n5"):
        await event_types.page(db, large, after=after, size=50)
        tables.requests.judge(50 + FEW)
    await event_types.get(db, large, rows.EVENT_TYPE)
    tables.requests.judge(FEW)
    await event_types.deactivate(db, large, rows.EVENT_TYPE)
    tables.requests.judge(FEW)
    await tables.requests.fetch(event_types.SQL.unknown, {"application_id": large, "event_types": ["shop.n1", "shop.n2", "no"]})
    tables.requests.judge(FEW)


async def test_subscriptions_are_read_by_key_and_page(tables: planning.Tables) -> None:
    db, large = tables.requests.pool, tables.seeded.large
    await subscriptions.get(db, large, tables.seeded.parked)
    tables.requests.judge(FEW)
    for before in (None, uuid.UUID(int=1 << 127)):
        await subscriptions.page(db, large, before=before, size=50)
        tables.requests.judge(50 * 3)
    await tables.requests.fetch(subscriptions.SQL.lock, {"application_id": large, "subscription_id": tables.seeded.parked})
    tables.requests.judge(FEW)


async def test_subscriptions_that_were_ended_are_not_read_again_to_end_the_others(tables: planning.Tables) -> None:
    await tables.requests.fetch(subscriptions.SQL.delete_slice, {"application_id": tables.seeded.large, "size": SLICE})
    tables.requests.judge(2 * SLICE + FEW)


async def test_sharing_a_label_is_counted_in_a_bounded_look(tables: planning.Tables) -> None:
    wanted = {"application_id": tables.seeded.large, "subscription_id": rows.id7(), "labels": Jsonb({"n": "777", "m": "1"})}
    await tables.requests.fetch(subscriptions.SQL.sharers, wanted)
    everything = planning.CROWD + planning.ASIDE + FEW  # of the application, where nothing is known of its labels
    tables.requests.judge(1000 + FEW + 2 * everything * tables.seeded.is_misjudged)


async def test_a_retry_and_a_cancellation_touch_their_delivery(tables: planning.Tables) -> None:
    db, large = tables.requests.pool, tables.seeded.large
    for query in (
        "SELECT delivery_id FROM deliveries WHERE application_id = %(large)s AND owner = 0 LIMIT 1",
        "SELECT delivery_id FROM dead_letters WHERE application_id = %(large)s LIMIT 1",
    ):
        for delivery_id in await some(tables, query):
            since = (rows.now() - timedelta(days=2)).date()
            wanted = {"application_id": large, "delivery_id": delivery_id, "since": since}
            await tables.requests.fetch(delivery_actions.SQL.retry, wanted)
            tables.requests.judge(FEW)
            await tables.requests.fetch(delivery_actions.SQL.circumstances, {**wanted, "subscription_id": tables.seeded.parked})
            tables.requests.judge(FEW)
            await delivery_actions.cancel(db, large, delivery_id)


async def test_a_cancellation_touches_its_delivery(tables: planning.Tables) -> None:
    waiting = "SELECT delivery_id FROM deliveries WHERE application_id = %(large)s ORDER BY owner NULLS FIRST LIMIT 1"
    for delivery_id in [*await some(tables, waiting), rows.id7()]:
        wanted = {"application_id": tables.seeded.large, "delivery_id": delivery_id}
        await tables.requests.fetch(delivery_actions.SQL.cancel, wanted)
        tables.requests.judge(FEW)


async def test_a_replay_reads_its_event_and_what_matches(tables: planning.Tables) -> None:
    event_id = await rows.event(tables.db, tables.seeded.large, labels={"n": "777"})
    for only in (None, tables.seeded.parked):
        wanted = {"application_id": tables.seeded.large, "event_id": event_id, "own_day": rows.now().date(), "only": only}
        [(has_event, _, _, _)] = await tables.requests.fetch(delivery_actions.SQL.replay, wanted | {"broadcast": 1000})
        tables.requests.judge(FEW)
        assert has_event


async def test_answers_events_and_targets_are_read_by_their_keys(tables: planning.Tables) -> None:
    await tables.requests.fetch(request_answers.SQL.get, {"scope": "x", "request_id": rows.id7()})
    tables.requests.judge(FEW)
    ids = [rows.id7() for _ in range(5)]
    await tables.requests.fetch(events.SQL.locate, {"application_id": tables.seeded.large, "event_ids": ids})
    tables.requests.judge(FEW)
    wanted = {"application_id": tables.seeded.large, "subscription_ids": ids, "revisions": [1] * 5}
    await tables.requests.fetch(attempts.SQL.targets, wanted)
    tables.requests.judge(FEW)


async def test_what_rest_looks_up_is_found_by_key(tables: planning.Tables) -> None:
    db, large, parked = tables.requests.pool, tables.seeded.large, tables.seeded.parked
    assert await subscriptions.application_of(db, parked) == large
    tables.requests.judge(FEW)
    assert not await subscriptions.was_deleted(db, large, parked)
    tables.requests.judge(FEW)
    await application_secrets.find(db, large, b"\0" * 32)
    tables.requests.judge(FEW)
    assert await usage.has_events(db, large) in (True, False)
    tables.requests.judge(FEW)
    wanted = "SELECT subscription_id FROM subscriptions WHERE application_id = %(large)s AND deleted_at IS NULL LIMIT 20"
    ids = await some(tables, wanted)
    assert len(await subscriptions.kept_for_rest(db, large, ids)) == len(ids)
    tables.requests.judge(3 * FEW)
    assert len(await open_attempts.descriptions(db, large, ids)) == len(ids)
    tables.requests.judge(3 * FEW)
    assert await applications.names(db, [large])
    tables.requests.judge(FEW)


async def test_secrets_are_opened_by_key(tables: planning.Tables) -> None:
    ids = await some(tables, "SELECT application_secret_id FROM application_secrets WHERE application_id = %(large)s LIMIT 20")
    assert len(await application_secrets.sealed(tables.requests.pool, tables.seeded.large, ids)) == len(ids)
    tables.requests.judge(2 * len(ids) + FEW)
