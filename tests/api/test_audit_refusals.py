"""What the audit log says of what was refused: whose entry it is, how many there are, and what is never in one."""

import pathlib
import uuid
from collections.abc import AsyncIterator

import audited
import every_credential
import grpc
import people
import pytest
import registering

import hook0_client
from hook0_client import errors, v1
from hook0_client._gen.hook0.v1 import (
    account_service_pb2 as accounts,
    organization_pb2,
    organization_service_pb2 as organizations,
    service_token_service_pb2 as tokens,
)
from hook0_server import app, settings as server_settings
from tests import conftest

EMAIL, PASSWORD, WRONG = registering.EMAIL, registering.PASSWORD, "sunday-magnet-31"


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> server_settings.Settings:
    return audited.settings(tmp_path, conftest.MASTER_KEY)


@pytest.fixture
async def walk(server: app.Server) -> AsyncIterator[audited.Walk]:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        yield audited.Walk(server, channel)


async def refused(walk: audited.Walk, client: hook0_client.Client, organization_id: str) -> str:
    """The reason of a refused rename of the organization; each has its own."""
    renamed = organization_pb2.Organization(organization_id=organization_id, name="other")
    with pytest.raises(errors.Hook0Error) as caught:
        await client.organizations.UpdateOrganization(organizations.UpdateOrganizationRequest(organization=renamed))
    return caught.value.reason


async def test_a_refusal_is_written_into_the_log_of_the_credentials_own_organization(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    own, other = await every_credential.house(server, master), await every_credential.house(server, master)
    token_id, text = await own.service_token()
    missing = str(uuid.uuid4())
    before = await walk.entries()
    async with hook0_client.connect(server.grpc, token=text) as client:
        for house in (own, other):
            gone = v1.DeleteSubscriptionRequest(application_id=house.application_id, subscription_id=missing)
            with pytest.raises(errors.Hook0Error):
                await client.subscriptions.DeleteSubscription(gone)
    async with hook0_client.connect(server.grpc, token=own.secret) as client:
        with pytest.raises(errors.Denied):
            await client.applications.DeleteApplication(v1.DeleteApplicationRequest(application_id=other.application_id))
    entries = [audited.said(each) for each in await walk.entries() if each not in before]
    assert [each["result"] for each in entries] == ["SUBSCRIPTION_NOT_FOUND", "PERMISSION_DENIED", "PERMISSION_DENIED"]
    assert [each["organization_id"] for each in entries] == [own.organization_id] * 3
    assert [each["application_id"] for each in entries] == [own.application_id, None, None], "that of others is not ours"
    assert [each["resource_id"] for each in entries] == [missing, missing, other.application_id]
    assert [each["actor_id"] for each in entries[:2]] == [token_id] * 2
    assert entries[2]["actor_kind"] == "application_secret"


async def test_a_person_is_refused_where_they_belong_and_else_in_no_organization(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    own, second, other = [await people.founded(master) for _ in range(3)]
    viewer = await people.person(server, "viewer")
    for each in (own, second):
        await people.added(master, each, viewer.email, people.VIEWER)
    before = await walk.entries()
    async with people.as_person(server, viewer) as client:
        assert [await refused(walk, client, each) for each in (own, other)] == ["PERMISSION_DENIED"] * 2
    entries = [audited.said(each) for each in await walk.entries() if each not in before]
    assert [each["organization_id"] for each in entries] == [own, None]
    assert {each["actor_id"] for each in entries} == {str(viewer.user_id)}
    assert {each["credential_id"] for each in entries} == {str(viewer.session_id)}


async def test_a_creation_that_is_refused_names_nothing(walk: audited.Walk, master: hook0_client.Client) -> None:
    here = await people.founded(master)
    limited = organization_pb2.Organization(organization_id=here, quotas=v1.Quotas(applications=1))
    request = organizations.UpdateOrganizationRequest(organization=limited)
    request.update_mask.paths.append("quotas")
    await master.organizations.UpdateOrganization(request)
    wanted = v1.CreateApplicationRequest(application=v1.Application(organization_id=here, name="shop"))
    await master.applications.CreateApplication(wanted)
    before = await walk.entries()
    with pytest.raises(errors.QuotaExceeded):
        await master.applications.CreateApplication(wanted)
    [entry] = [audited.said(each) for each in await walk.entries() if each not in before]
    assert (entry["result"], entry["organization_id"], entry["resource_type"]) == ("QUOTA_EXCEEDED", here, "application")
    assert (entry["resource_id"], entry["application_id"]) == ("", None)


async def test_what_a_person_fails_to_do_with_the_own_account_is_no_organizations(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    who = await people.person(server, "member")
    await people.added(master, await people.founded(master), who.email, people.VIEWER)
    before = await walk.entries()
    async with people.as_person(server, who) as client:
        with pytest.raises(errors.Unauthenticated):
            await client.accounts.DeleteAccount(accounts.DeleteAccountRequest(password=WRONG))
    [entry] = [audited.said(each) for each in await walk.entries() if each not in before]
    assert (entry["result"], entry["organization_id"]) == ("LOGIN_FAILED", None)
    assert entry["actor_id"] == entry["resource_id"] == str(who.user_id)


async def test_a_change_that_fails_is_never_told_as_done(walk: audited.Walk, master: hook0_client.Client) -> None:
    here = await people.founded(master)
    before = await walk.entries()
    stale = organization_pb2.Organization(organization_id=here, name="other", etag="7")
    request = organizations.UpdateOrganizationRequest(organization=stale)
    with pytest.raises(errors.Hook0Error):
        await master.organizations.UpdateOrganization(request)
    [entry] = [audited.said(each) for each in await walk.entries() if each not in before]
    assert (entry["result"], entry["organization_id"], entry["actor_kind"]) == ("ETAG_MISMATCH", here, "master")


async def test_what_is_malformed_or_only_looked_at_is_no_entry(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    own = await every_credential.house(server, master)
    before = await walk.entries()
    with pytest.raises(errors.InvalidRequest):
        await master.applications.CreateApplication(
            v1.CreateApplicationRequest(application=v1.Application(organization_id=own.organization_id))
        )
    async with hook0_client.connect(server.grpc, token=own.secret) as client:
        with pytest.raises(errors.Denied):
            await client.events.ListEvents(v1.ListEventsRequest(application_id=str(uuid.uuid4())))
    assert await walk.entries() == before


async def test_a_repeat_is_no_second_entry(walk: audited.Walk, master: hook0_client.Client) -> None:
    here = await people.founded(master)
    request = v1.CreateApplicationRequest(
        application=v1.Application(organization_id=here, name="shop"), request_id=str(uuid.uuid4())
    )
    before = await walk.entries()
    answers = [await master.applications.CreateApplication(request) for _ in range(2)]
    [entry] = [audited.said(each) for each in await walk.entries() if each not in before]
    assert {each.application.application_id for each in answers} == {entry["resource_id"]}


async def test_an_organization_that_is_deleted_by_force_has_an_entry_for_each_of_its_applications(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    own = await every_credential.house(server, master)
    before = await walk.entries()
    request = organizations.DeleteOrganizationRequest(organization_id=own.organization_id, force=True)
    await master.organizations.DeleteOrganization(request)
    entries = [audited.said(each) for each in await walk.entries() if each not in before]
    assert [(each["resource_type"], each["resource_id"]) for each in entries] == [
        ("application", own.application_id),
        ("organization", own.organization_id),
    ]
    assert {(each["organization_id"], each["result"]) for each in entries} == {(own.organization_id, "OK")}


async def test_a_failed_login_names_the_account_and_never_what_was_typed(walk: audited.Walk, server: app.Server) -> None:
    async with hook0_client.connect(server.grpc) as nobody:
        registration = accounts.RegisterRequest(email=EMAIL, password=PASSWORD, first_name="Ada", last_name="Byron")
        user_id = (await nobody.accounts.Register(registration)).user.user_id
        before = await walk.entries()
        for email in (EMAIL, "harbour-kettle@example.com"):
            with pytest.raises(errors.Unauthenticated):
                await nobody.accounts.Login(accounts.LoginRequest(email=email, password=WRONG))
    entries = [audited.said(each) for each in await walk.entries() if each not in before]
    assert [each["resource_id"] for each in entries] == [user_id, ""]
    assert {(each["result"], each["actor_kind"], each["actor_id"], each["organization_id"]) for each in entries} == {
        ("LOGIN_FAILED", "anonymous", "", None)
    }
    assert {each["source_ip"] for each in entries} == {audited.ADDRESS}
    stored = str(await server.db.fetch(b"SELECT e::text FROM audit_entries e"))
    assert not [each for each in (EMAIL, PASSWORD, WRONG, "harbour-kettle") if each in stored]


async def test_a_refresh_token_that_was_used_before_is_an_entry(walk: audited.Walk, server: app.Server) -> None:
    async with hook0_client.connect(server.grpc) as nobody:
        registration = accounts.RegisterRequest(email=EMAIL, password=PASSWORD, first_name="Ada", last_name="Byron")
        user_id = (await nobody.accounts.Register(registration)).user.user_id
        first = await nobody.accounts.Login(accounts.LoginRequest(email=EMAIL, password=PASSWORD))
        used = accounts.RefreshSessionRequest(refresh_token=first.refresh_token)
        await nobody.accounts.RefreshSession(used)
        before = await walk.entries()
        for _ in range(2):  # of a session that has ended there is nothing more to tell
            with pytest.raises(errors.Unauthenticated):
                await nobody.accounts.RefreshSession(used)
    [entry] = [audited.said(each) for each in await walk.entries() if each not in before]
    assert (entry["action"], entry["result"]) == ("auth:refresh", "CREDENTIALS_INVALID")
    assert (entry["resource_type"], entry["resource_id"]) == ("user", user_id)
    sessions = await server.db.fetch(b"SELECT session_id::text FROM sessions WHERE ended_at IS NOT NULL")
    assert [row[0] for row in sessions] == [entry["credential_id"]]


async def test_one_who_is_refused_all_the_time_does_not_fill_the_log(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    own = await every_credential.house(server, master)
    text = (await own.service_token())[1]
    before = len(await walk.entries())
    gone = tokens.DeleteServiceTokenRequest(organization_id=own.organization_id, service_token_id=str(uuid.uuid4()))
    async with hook0_client.connect(server.grpc, token=text) as client:
        for _ in range(50):
            with pytest.raises(errors.NotFound):
                await client.service_tokens.DeleteServiceToken(gone)
    written = len(await walk.entries()) - before
    assert 30 <= written < 50  # it may have taken a few seconds, and one more comes every two
    assert server.metrics.audit_entries_left_out == 50 - written
    with pytest.raises(errors.NotFound):
        await master.service_tokens.DeleteServiceToken(gone)
    assert len(await walk.entries()) - before == written + 1, "others are not left out"


async def test_a_refusal_that_cannot_be_written_is_still_the_answer(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    here = await people.founded(master)
    await server.db.fetch(audited.BROKEN)
    gone = tokens.DeleteServiceTokenRequest(organization_id=here, service_token_id=str(uuid.uuid4()))
    with pytest.raises(errors.NotFound):
        await master.service_tokens.DeleteServiceToken(gone)
    assert server.metrics.audit_entries_left_out == 1
