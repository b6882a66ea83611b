"""Organizations and their members over real calls, as people see them."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import people
import pytest
from people import EDITOR, OWNER, VIEWER

import hook0_client
from hook0_client import errors
from hook0_client._gen.hook0.v1 import (
    application_pb2,
    application_service_pb2,
    organization_pb2,
    organization_service_pb2 as pb2,
)
from hook0_server import app
from hook0_server.access import actions
from hook0_server.api import registry


@pytest.fixture
async def owner(server: app.Server) -> AsyncIterator[hook0_client.Client]:
    async with people.as_person(server, await people.person(server, "owner")) as client:
        yield client


async def test_who_creates_an_organization_owns_it_and_sees_no_other(
    server: app.Server, owner: hook0_client.Client, master: hook0_client.Client
) -> None:
    await people.founded(master, "somebody else's")
    first, second = await people.founded(owner, "first"), await people.founded(owner, "second")
    listed = await owner.organizations.ListOrganizations(pb2.ListOrganizationsRequest())
    assert [(each.organization_id, each.name, each.role) for each in listed.organizations] == [
        (second, "second", OWNER),
        (first, "first", OWNER),
    ]
    everything = await master.organizations.ListOrganizations(pb2.ListOrganizationsRequest())
    assert len(everything.organizations) == 4  # the one that every server has, too


async def test_pages_of_organizations(owner: hook0_client.Client) -> None:
    made = [await people.founded(owner, f"number {number}") for number in range(3)]
    seen, token = [], ""
    while True:
        page = await owner.organizations.ListOrganizations(pb2.ListOrganizationsRequest(page_size=2, page_token=token))
        seen += [each.organization_id for each in page.organizations]
        token = page.next_page_token
        if not token:
            break
    assert seen == made[::-1]


async def test_an_update_needs_the_etag_of_now(owner: hook0_client.Client) -> None:
    organization_id = await people.founded(owner)
    got = (await owner.organizations.GetOrganization(pb2.GetOrganizationRequest())).organization
    changed = organization_pb2.Organization(organization_id=organization_id, name="other", etag=got.etag)
    answer = await owner.organizations.UpdateOrganization(pb2.UpdateOrganizationRequest(organization=changed))
    assert (answer.organization.name, answer.organization.role) == ("other", OWNER)
    with pytest.raises(errors.Conflict):
        await owner.organizations.UpdateOrganization(pb2.UpdateOrganizationRequest(organization=changed))


async def test_an_organization_with_applications_is_deleted_only_by_force(
    owner: hook0_client.Client, master: hook0_client.Client
) -> None:
    organization_id = await people.founded(owner)
    application = application_pb2.Application(organization_id=organization_id, name="shop")
    made = await owner.applications.CreateApplication(application_service_pb2.CreateApplicationRequest(application=application))
    with pytest.raises(errors.Precondition) as caught:
        await owner.organizations.DeleteOrganization(pb2.DeleteOrganizationRequest(organization_id=organization_id))
    assert caught.value.reason == "ORGANIZATION_NOT_EMPTY"
    await owner.organizations.DeleteOrganization(pb2.DeleteOrganizationRequest(organization_id=organization_id, force=True))
    with pytest.raises(errors.NotFound):
        await master.organizations.GetOrganization(pb2.GetOrganizationRequest(organization_id=organization_id))
    gone = application_service_pb2.GetApplicationRequest(application_id=made.application.application_id)
    with pytest.raises(errors.NotFound):
        await master.applications.GetApplication(gone)


async def test_members_have_and_lose_their_role_at_once(server: app.Server, owner: hook0_client.Client) -> None:
    organization_id = await people.founded(owner)
    viewer = await people.person(server, "viewer")
    await people.added(owner, organization_id, "Viewer@Example.com", VIEWER)
    async with people.as_person(server, viewer) as client:
        listing = application_service_pb2.ListApplicationsRequest(organization_id=organization_id)
        await client.applications.ListApplications(listing)
        application = application_pb2.Application(organization_id=organization_id, name="shop")
        creating = application_service_pb2.CreateApplicationRequest(application=application)
        with pytest.raises(errors.Denied):
            await client.applications.CreateApplication(creating)
        raised = pb2.UpdateMemberRequest(organization_id=organization_id, user_id=str(viewer.user_id), role=EDITOR)
        assert (await owner.organizations.UpdateMember(raised)).member.role == EDITOR
        await client.applications.CreateApplication(creating)
        await owner.organizations.RemoveMember(
            pb2.RemoveMemberRequest(organization_id=organization_id, email="viewer@example.com")
        )
        with pytest.raises(errors.Denied):
            await client.applications.ListApplications(listing)


async def test_who_has_no_account_is_a_pending_member(owner: hook0_client.Client) -> None:
    organization_id = await people.founded(owner)
    await people.added(owner, organization_id, "later@example.com", EDITOR)
    listed = (await owner.organizations.ListMembers(pb2.ListMembersRequest())).members
    assert [(each.email, each.is_pending, each.role) for each in listed] == [
        ("later@example.com", True, EDITOR),
        ("owner@example.com", False, OWNER),
    ]
    with pytest.raises(errors.AlreadyExists) as caught:
        await people.added(owner, organization_id, "LATER@example.com", VIEWER)
    assert caught.value.reason == "MEMBER_ALREADY_EXISTS"
    lowered = pb2.UpdateMemberRequest(email="later@example.com", role=VIEWER)
    assert (await owner.organizations.UpdateMember(lowered)).member.role == VIEWER
    await owner.organizations.RemoveMember(pb2.RemoveMemberRequest(email="later@example.com"))
    with pytest.raises(errors.NotFound) as absent:
        await owner.organizations.RemoveMember(pb2.RemoveMemberRequest(email="later@example.com"))
    assert absent.value.reason == "MEMBER_NOT_FOUND"


async def test_the_last_owner_stays_also_where_two_leave_at_once(server: app.Server, owner: hook0_client.Client) -> None:
    organization_id = await people.founded(owner)
    for request in (
        pb2.UpdateMemberRequest(organization_id=organization_id, email="owner@example.com", role=VIEWER),
        pb2.RemoveMemberRequest(organization_id=organization_id, email="owner@example.com"),
    ):
        with pytest.raises(errors.Precondition) as caught:
            await getattr(owner.organizations, type(request).__name__.removesuffix("Request"))(request)
        assert caught.value.reason == "LAST_OWNER"
    other = await people.person(server, "other")
    await people.added(owner, organization_id, other.email, OWNER)
    leaving = [
        pb2.RemoveMemberRequest(organization_id=organization_id, email=email) for email in ("owner@example.com", other.email)
    ]
    ended = await asyncio.gather(*map(owner.organizations.RemoveMember, leaving), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) in (
        ["Precondition", "RemoveMemberResponse"],
        ["Denied", "RemoveMemberResponse"],
    )


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb2.AddMemberRequest(email="nobody", role=VIEWER), "email"),
        (pb2.AddMemberRequest(email="a@example.com"), "role"),
        (pb2.UpdateMemberRequest(role=VIEWER), "email"),
        (pb2.RemoveMemberRequest(email="a@example.com", user_id=str(uuid.uuid4())), "email"),
        (pb2.RemoveMemberRequest(user_id="x"), "user_id"),
        (pb2.CreateOrganizationRequest(organization=organization_pb2.Organization(name="x")), "organization.name"),
        (pb2.GetOrganizationRequest(organization_id="x"), "organization_id"),
    ],
)
async def test_a_broken_field_is_named(owner: hook0_client.Client, request_: object, field: str) -> None:
    call = getattr(owner.organizations, type(request_).__name__.removesuffix("Request"))
    with pytest.raises(errors.InvalidRequest) as caught:
        await call(request_)
    assert [each.field for each in caught.value.violations] == [field]


async def test_every_operation_has_a_rule(server: app.Server) -> None:
    ruled = {
        registry.Scope.APPLICATION,
        registry.Scope.NAMED,
        registry.Scope.STREAM,
        registry.Scope.ORGANIZATION,
        registry.Scope.CALLER,
    }
    asked = {each.action for each in server.operations() if each.scope in ruled}
    assert asked <= set(actions.RULES)
