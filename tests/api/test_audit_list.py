"""ListAuditEntries over real calls: filters, pages, and what is bounded."""

import datetime
import pathlib
import uuid

import audited
import people
import pytest

import hook0_client
from hook0_client import errors, v1
from hook0_server import app, settings as server_settings
from hook0_server.store import keyset
from tests import conftest


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> server_settings.Settings:
    return audited.settings(tmp_path, conftest.MASTER_KEY)


@pytest.fixture
async def here(master: hook0_client.Client) -> str:
    """An organization with entries: of itself, of three applications (by a person), and of a type."""
    return await people.founded(master)


async def made(client: hook0_client.Client, organization_id: str, *names: str) -> list[str]:
    """New applications."""
    wanted = [v1.Application(organization_id=organization_id, name=name) for name in names]
    create = client.applications.CreateApplication
    answers = [await create(v1.CreateApplicationRequest(application=each)) for each in wanted]
    return [each.application.application_id for each in answers]


async def listed(client: hook0_client.Client, organization_id: str, **filtered: object) -> list[v1.AuditEntry]:
    wanted = v1.AuditFilter(**filtered)  # type: ignore[arg-type]
    request = v1.ListAuditEntriesRequest(organization_id=organization_id, filter=wanted)
    return list((await client.audit.ListAuditEntries(request)).audit_entries)


async def test_entries_are_found_by_actor_action_resource_and_time(
    server: app.Server, master: hook0_client.Client, here: str
) -> None:
    owner = await people.person(server, "owner")
    await people.added(master, here, owner.email, people.OWNER)
    async with people.as_person(server, owner) as client:
        first, second = await made(client, here, "one", "two")
        event_type = v1.EventType(application_id=first, event_type="order.paid")
        await client.event_types.CreateEventType(v1.CreateEventTypeRequest(event_type=event_type))
        everything = await listed(client, here)
    assert [each.action for each in everything] == [
        "event_type:create", "application:create", "application:create", "organization:invite", "organization:create",
    ]  # fmt: skip
    assert sorted((each.audit_entry_id for each in everything), reverse=True) == [each.audit_entry_id for each in everything]
    assert (everything[0].actor_kind, everything[-1].actor_kind) == (
        v1.AuditActorKind.AUDIT_ACTOR_KIND_USER,
        v1.AuditActorKind.AUDIT_ACTOR_KIND_MASTER,
    )
    for actor in (str(owner.user_id), str(owner.session_id).upper()):
        assert await listed(master, here, actors=[actor]) == everything[:3]
    assert await listed(master, here, actors=["master"]) == everything[3:]
    assert await listed(master, here, actions=["application:create", "event_type:edit"]) == everything[1:3]
    assert await listed(master, here, actions=["organization:*", "event_type:*"]) == [everything[0], *everything[3:]]
    assert await listed(master, here, resource_ids=[second, "order.paid"]) == everything[:2]
    middle = everything[2].recorded_at
    assert await listed(master, here, after=middle) == everything[:3]
    assert await listed(master, here, before=middle) == everything[3:]
    assert await listed(master, here, actors=["master"], actions=["application:create"]) == []
    assert await listed(master, await people.founded(master), resource_ids=[second]) == []


async def test_entries_come_page_by_page_and_a_token_is_good_for_its_filter(master: hook0_client.Client, here: str) -> None:
    ids = await made(master, here, "one", "two", "six", "ten")
    wanted, seen, token = v1.AuditFilter(actions=["application:*"]), list[str](), ""
    for size in (3, 1):
        request = v1.ListAuditEntriesRequest(organization_id=here, filter=wanted, page_size=3, page_token=token)
        page = await master.audit.ListAuditEntries(request)
        assert len(page.audit_entries) == size
        seen += [each.resource_id for each in page.audit_entries]
        last, token = token, page.next_page_token
    assert (seen, token) == (ids[::-1], "")
    request = v1.ListAuditEntriesRequest(organization_id=here, page_token=last)
    with pytest.raises(errors.InvalidRequest) as caught:
        await master.audit.ListAuditEntries(request)
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


async def test_a_narrow_filter_looks_at_a_bounded_number_and_goes_on(
    master: hook0_client.Client, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", 2)
    await made(master, here, "one", "two", "six", "ten")
    found, token, sizes = list[str](), "", list[int]()
    while not sizes or token:
        wanted = v1.AuditFilter(actions=["organization:create"])
        request = v1.ListAuditEntriesRequest(organization_id=here, filter=wanted, page_token=token)
        page = await master.audit.ListAuditEntries(request)
        sizes.append(len(page.audit_entries))
        found += [each.resource_id for each in page.audit_entries]
        token = page.next_page_token
    assert (found, sizes) == ([here], [0, 0, 1])


async def test_entries_of_no_organization_are_for_the_master_key_alone(
    server: app.Server, master: hook0_client.Client, here: str
) -> None:
    owner = await people.person(server, "owner")
    await people.added(master, here, owner.email, people.OWNER)
    async with people.as_person(server, owner) as client:
        await client.accounts.Logout(v1.LogoutRequest())
    request = v1.ListAuditEntriesRequest(without_organization=True)
    [entry] = (await master.audit.ListAuditEntries(request)).audit_entries
    assert (entry.action, entry.actor_id, entry.organization_id) == ("auth:logout", str(owner.user_id), "")
    assert "auth:logout" not in {each.action for each in await listed(master, here)}
    other = await people.person(server, "other")
    await people.added(master, here, other.email, people.OWNER)
    async with people.as_person(server, other) as client:
        with pytest.raises(errors.Denied):
            await client.audit.ListAuditEntries(request)
    with pytest.raises(errors.InvalidRequest, match="without_organization"):
        await master.audit.ListAuditEntries(v1.ListAuditEntriesRequest(organization_id=here, without_organization=True))


NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
WRONG = {
    "actors": {"actors": ["nobody"]},
    "actions": {"actions": ["subscription"]},
    "all actions": {"actions": ["*:edit"]},
    "resource_ids": {"resource_ids": ["a\0b"]},
    "an empty id": {"resource_ids": [""]},
    "101": {"actors": [str(uuid.uuid4())] * 101},
    "times": {"after": NOW, "before": NOW},
}


async def test_a_filter_that_nothing_could_match_is_refused(master: hook0_client.Client, here: str) -> None:
    for name, wrong in WRONG.items():
        with pytest.raises(errors.InvalidRequest) as caught:
            await listed(master, here, **wrong)
        assert caught.value.reason == "FIELD_INVALID", name
