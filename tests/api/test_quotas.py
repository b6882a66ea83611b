"""Quotas over the management services: who sets them, who sees them, and what they refuse."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from management import Management, fields
from structlog import testing

from hook0_client._gen.hook0.v1 import (
    application_pb2,
    application_service_pb2,
    event_type_pb2,
    event_type_service_pb2,
    organization_pb2,
    quota_pb2,
    subscription_pb2,
)
from hook0_server.access import issue
from hook0_server.api import quotas as limits
from hook0_server.ingest import notices
from hook0_server.model import errors, quotas
from hook0_server.store import database, organizations
from tests import rows

pb2 = application_service_pb2
Quotas = quota_pb2.Quotas
Create = Callable[[Management, str, int], Awaitable[object]]


async def opened(db: database.Database, told: notices.Notices | None = None, **instance: int) -> Management:
    guard = limits.Guard(quotas.Quotas(**instance), told)
    return Management(db, await organizations.ensure_one(db, issue.new_id(), name="default"), limited=guard)


def update(application_id: str, *paths: str, name: str = "", **limited: int) -> pb2.UpdateApplicationRequest:
    given = Quotas(**limited) if limited else None
    return pb2.UpdateApplicationRequest(
        application=application_pb2.Application(application_id=application_id, name=name, quotas=given),
        update_mask=FieldMask(paths=paths) if paths else None,
    )


async def shown(management: Management, application_id: str) -> application_pb2.Application:
    answer = await management(pb2.GetApplicationRequest(application_id=application_id))
    found: application_pb2.Application = answer.application
    return found


def subscription(application_id: str) -> subscription_pb2.Subscription:
    target = subscription_pb2.Target(http=subscription_pb2.HttpTarget(url="https://example.com/hook"))
    return subscription_pb2.Subscription(application_id=application_id, event_types=["**"], target=target)


async def one_application(management: Management, _: str, number: int) -> str:
    return await management.new_application(f"shop {number}")


async def one_event_type(management: Management, application_id: str, number: int) -> object:
    return await management.new_event_type(application_id, f"order.n{number}")


async def one_subscription(management: Management, application_id: str, _: int) -> object:
    return await management.new_subscription(subscription(application_id))


KINDS = [("applications", one_application), ("event_types", one_event_type), ("subscriptions", one_subscription)]


@pytest.mark.parametrize(("quota", "create"), KINDS)
async def test_what_passes_a_quota_is_refused_and_leaves_nothing(db: database.Database, quota: str, create: Create) -> None:
    told = notices.Notices(db.clock.now)
    management = await opened(db, told, **{quota: 3})
    first = await management.new_application()
    for number in range(2 if quota == "applications" else 3):
        await create(management, first, number)
    before = await management.stored()
    with pytest.raises(errors.QuotaExceeded) as refused:
        await create(management, first, 9)
    assert (refused.value.reason, refused.value.retry_after) == ("QUOTA_EXCEEDED", None)
    assert refused.value.metadata == {"quota": quota, "limit": "3"}
    assert await management.stored() == before
    assert told.refused == {quota: 1}


@pytest.mark.parametrize(("quota", "create"), KINDS)
async def test_those_who_create_at_the_same_time_do_not_pass_it(db: database.Database, quota: str, create: Create) -> None:
    management = await opened(db)
    first = await management.new_application()
    management = await opened(db, **{quota: 4})
    results = await asyncio.gather(*(create(management, first, number) for number in range(9)), return_exceptions=True)
    refusals = [each for each in results if isinstance(each, BaseException)]
    assert [type(each) for each in refusals] == [errors.QuotaExceeded] * (6 if quota == "applications" else 5)
    [(count,)] = await db.fetch(f"SELECT count(*) FROM {quota}".encode())
    assert count == 4


async def test_what_is_deleted_makes_room(db: database.Database) -> None:
    management = await opened(db, event_types=1, subscriptions=1, applications=1)
    application_id = await management.new_application()
    for create in (one_event_type, one_subscription, one_application):
        made = await create(management, application_id, 1) if create is not one_application else None
        with pytest.raises(errors.QuotaExceeded):
            await create(management, application_id, 2)
        if isinstance(made, event_type_pb2.EventType):
            named = {"application_id": application_id, "event_type": made.event_type}
            await management(event_type_service_pb2.DeleteEventTypeRequest(**named))
            await create(management, application_id, 2)
            with pytest.raises(errors.QuotaExceeded):  # a deleted type that comes back counts again
                await create(management, application_id, 1)
    await management(pb2.DeleteApplicationRequest(application_id=application_id))
    await management.new_application()


async def test_what_exists_and_what_is_repeated_is_answered_as_before(db: database.Database) -> None:
    management = await opened(db, event_types=1)
    application_id = await management.new_application()
    given = event_type_pb2.EventType(application_id=application_id, event_type="order.paid")
    request = event_type_service_pb2.CreateEventTypeRequest(event_type=given, request_id=str(uuid.uuid4()))
    first = await management(request)
    assert await management(request) == first
    with pytest.raises(errors.AlreadyExists):
        await management.new_event_type(application_id, "order.paid")


async def test_members_and_open_invitations_are_counted_for_who_adds_them(db: database.Database) -> None:
    organization_id, user_id = await organizations.ensure_one(db, issue.new_id(), name="default"), uuid.uuid4()
    guard = limits.Guard(quotas.Quotas(members=2))
    await rows.insert(db, "users", user_id=user_id, email="a@example.com", password_hash="-")
    await rows.insert(db, "members", organization_id=organization_id, user_id=user_id, role=1)
    async with db.connection() as connection, connection.transaction():
        await guard.judge_new(connection, "members", organization_id)
    for number in range(2):
        await rows.insert(db, "invitations", organization_id=organization_id, email=f"{number}@example.com", role=1)
    with pytest.raises(errors.QuotaExceeded) as refused:
        async with db.connection() as connection, connection.transaction():
            await guard.judge_new(connection, "members", organization_id)
    assert refused.value.metadata == {"quota": "members", "limit": "2"}


async def test_only_the_master_key_sets_quotas_and_who_is_limited_sees_them(db: database.Database) -> None:
    management = await opened(db, subscriptions=9, members=5)
    created = await management(pb2.CreateApplicationRequest(application=application_pb2.Application(name="shop")))
    application_id, secret = created.application.application_id, created.application_secret.secret
    assert not created.application.HasField("quotas")
    refusal = await management.refusal(update(application_id, "quotas", subscriptions=100), secret=secret)
    assert (type(refusal), refusal.reason) == (errors.Denied, "PERMISSION_DENIED")
    changed = (await management(update(application_id, "quotas", subscriptions=2, events_per_day=2**40))).application
    assert changed.quotas == Quotas(subscriptions=2, events_per_day=2**40)
    assert changed.usage.limits == changed.quotas  # an application has no members
    seen = await management(pb2.GetApplicationRequest(application_id=application_id), secret=secret)
    assert seen.application == changed
    [listed] = (await management(pb2.ListApplicationsRequest())).applications
    assert listed.quotas == changed.quotas
    assert not listed.HasField("usage")


async def test_quotas_are_changed_only_where_the_mask_names_them_and_then_all_together(db: database.Database) -> None:
    management = await opened(db)
    created = await management(pb2.CreateApplicationRequest(application=application_pb2.Application(name="shop")))
    application_id, secret = created.application.application_id, created.application_secret.secret
    await management(update(application_id, "quotas", subscriptions=2, event_types=3))
    whole = await shown(management, application_id)
    whole.name = "other"
    await management(pb2.UpdateApplicationRequest(application=whole), secret=secret)  # who read it may send it back
    await management(update(application_id, name="third", subscriptions=99))
    assert (await shown(management, application_id)).quotas == Quotas(subscriptions=2, event_types=3)
    await management(update(application_id, "quotas", "name", name="fourth", event_types=4))
    assert (await shown(management, application_id)).quotas == Quotas(event_types=4)
    await management(update(application_id, "quotas"))
    found = await shown(management, application_id)
    assert (found.name, found.HasField("quotas")) == ("fourth", False)


async def test_quotas_at_creation_are_ignored(db: database.Database) -> None:
    management = await opened(db)
    given = application_pb2.Application(name="shop", quotas=Quotas(subscriptions=1))
    created = await management(pb2.CreateApplicationRequest(application=given))
    assert not created.application.HasField("quotas")


@pytest.mark.parametrize(
    ("name", "value"),
    [("subscriptions", -1), ("events_per_day", 2**53), ("retention_days", 0), ("retention_days", 366), ("members", 1)],
)
async def test_a_quota_outside_its_bounds_is_named(db: database.Database, name: str, value: int) -> None:
    management = await opened(db)
    application_id = await management.new_application()
    refusal = await management.refusal(update(application_id, "quotas", **{name: value}))
    assert fields(refusal) == [f"application.quotas.{name}"]


async def test_an_application_of_its_own_limit_goes_by_that(db: database.Database) -> None:
    management = await opened(db, subscriptions=0)
    application_id, other = await management.new_application(), await management.new_application()
    await management(update(application_id, "quotas", subscriptions=1))
    await one_subscription(management, application_id, 0)
    for each in (application_id, other):
        with pytest.raises(errors.QuotaExceeded):
            await one_subscription(management, each, 0)


async def test_usage_says_what_is_used_and_which_limits_hold(db: database.Database) -> None:
    management = await opened(db, applications=5, event_types=6, retention_days=7)
    await db.fetch(b'UPDATE organizations SET quotas = \'{"event_types": 8, "members": 9}\'')
    application_id, other = await management.new_application(), await management.new_application()
    await one_subscription(management, application_id, 0)
    for number in range(2):
        await one_event_type(management, application_id, number)
    for each, slot, age, events in (
        (application_id, 0, 0, 3),
        (application_id, 1, 0, 4),
        (application_id, 0, 1, 50),
        (other, 0, 0, 100),
    ):
        day = (await db.fetch(b"SELECT (now() AT TIME ZONE 'UTC')::date - %(age)s::int", {"age": age}))[0][0]
        await rows.insert(db, "event_counts", application_id=uuid.UUID(each), day=day, slot=slot, events=events)
    used = (await shown(management, application_id)).usage
    assert (used.events_today, used.subscriptions, used.event_types) == (7, 1, 2)
    assert used.limits == Quotas(event_types=8, retention_days=7)
    assert not used.HasField("members")
    assert not used.HasField("applications")
    organization = organization_pb2.Organization(organization_id=str(management.organization_id))
    guard = limits.Guard(quotas.Quotas(applications=5, event_types=6))
    async with db.connection() as connection:
        await guard.fill(organization, quotas.Quotas(event_types=8, members=9), connection)
    assert organization.quotas == Quotas(event_types=8, members=9)
    assert (organization.usage.events_today, organization.usage.applications, organization.usage.members) == (107, 2, 0)
    assert organization.usage.limits == Quotas(applications=5, event_types=8, members=9)
    assert not organization.usage.HasField("subscriptions")


async def test_near_and_reached_are_logged_with_their_owner(db: database.Database) -> None:
    limits = notices.Notices(db.clock.now)
    management = await opened(db, limits, event_types=5)
    application_id = await management.new_application()
    with testing.capture_logs() as lines:
        for number in range(5):
            await one_event_type(management, application_id, number)
        for _ in range(2):
            with pytest.raises(errors.QuotaExceeded):
                await one_event_type(management, application_id, 7)
        await limits.tell(db)
    told = [(line["event"], line["used"], line["application_id"]) for line in lines if line["event"].startswith("quota.")]
    assert told == [("quota.near", 4, application_id), ("quota.reached", 5, application_id)]
