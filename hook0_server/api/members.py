"""The members of OrganizationService. They are named by address: who was invited has nothing else yet."""

import uuid
from collections.abc import Callable
from typing import Any, cast

from hook0_client._gen.hook0.v1 import organization_pb2 as resource_pb2, organization_service_pb2 as pb2
from hook0_server.api import changes, pages, parents, pipeline, quotas, registry, rules
from hook0_server.model import addresses, ids
from hook0_server.model.roles import Role
from hook0_server.store import database, organization_members, organizations

_KIND = "members"


class Members:
    def __init__(self, db: database.Database, limited: quotas.Guard, forget: Callable[[uuid.UUID], None]) -> None:
        self._db, self._quotas, self._forget = db, limited, forget

    async def add(self, call: pipeline.Call, request: pb2.AddMemberRequest) -> pb2.AddMemberResponse:
        organization_id, email = parents.organization(call), request.email.lower()
        async with changes.transaction(self._db, call) as connection:
            member = await organization_members.add(connection, organization_id, email, Role(request.role))
            call.concerns(member.user_id or email)
            await self._quotas.judge_new(connection, "members", organization_id)
        self._changed(member)
        return pb2.AddMemberResponse(member=_shown(organization_id, member))

    async def list(self, call: pipeline.Call, request: pb2.ListMembersRequest) -> pb2.ListMembersResponse:
        organization_id = parents.organization(call)
        after = pages.position(request.page_token, _KIND, organization_id)
        size = rules.page_size(request.page_size)
        found = await organization_members.page(self._db, organization_id, after=after, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, organization_id, lambda each: each.email)
        return pb2.ListMembersResponse(members=[_shown(organization_id, each) for each in shown], next_page_token=token)

    async def update(self, call: pipeline.Call, request: pb2.UpdateMemberRequest) -> pb2.UpdateMemberResponse:
        organization_id, named = parents.organization(call), _named(request)
        async with changes.transaction(self._db, call) as connection:
            await organizations.lock(connection, organization_id)
            member = await organization_members.get(connection, organization_id, **named)
            call.concerns(member.user_id or member.email)
            await organization_members.change(connection, organization_id, member, Role(request.role))
            changed = await organization_members.get(connection, organization_id, **named)
        self._changed(member)
        return pb2.UpdateMemberResponse(member=_shown(organization_id, changed))

    async def remove(self, call: pipeline.Call, request: pb2.RemoveMemberRequest) -> pb2.RemoveMemberResponse:
        organization_id = parents.organization(call)
        async with changes.transaction(self._db, call) as connection:
            await organizations.lock(connection, organization_id)
            member = await organization_members.get(connection, organization_id, **_named(request))
            call.concerns(member.user_id or member.email)
            await organization_members.remove(connection, organization_id, member)
        self._changed(member)
        return pb2.RemoveMemberResponse()

    def _changed(self, member: organization_members.Member) -> None:
        if member.user_id is not None:
            self._forget(member.user_id)


def shown_role(role: Role | None) -> resource_pb2.Role:
    return cast("resource_pb2.Role", resource_pb2.ROLE_UNSPECIFIED if role is None else int(role))


def _named(request: pb2.UpdateMemberRequest | pb2.RemoveMemberRequest) -> dict[str, Any]:
    named: dict[str, str | uuid.UUID | None] = {"email": request.email.lower() or None, "user_id": ids.parse(request.user_id)}
    return named


def _shown(organization_id: uuid.UUID, member: organization_members.Member) -> resource_pb2.Member:
    return resource_pb2.Member(
        organization_id=str(organization_id),
        user_id="" if member.user_id is None else str(member.user_id),
        email=member.email,
        first_name=member.first_name,
        last_name=member.last_name,
        role=shown_role(member.role),
        is_pending=member.user_id is None,
        created_at=member.created_at,
    )


def _judge_address(email: str, breaches: rules.Breaches) -> None:
    if not addresses.is_address(email):
        breaches.add("email", f"is not an e-mail address such as name@example.com, at most {addresses.LONGEST} characters")


def _judge_role(role: int, breaches: rules.Breaches) -> None:
    if role not in list(Role):
        breaches.add("role", "is needed: ROLE_VIEWER, ROLE_EDITOR or ROLE_OWNER")


def _judge_person(request: pb2.UpdateMemberRequest | pb2.RemoveMemberRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    if bool(request.email) == bool(request.user_id):
        breaches.add("email", "is needed, or user_id; exactly one of the two")
    elif request.email:
        _judge_address(request.email, breaches)
    else:
        breaches.uuid("user_id", request.user_id)


def _rules_of_add(request: pb2.AddMemberRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    _judge_address(request.email, breaches)
    _judge_role(request.role, breaches)


def _rules_of_list(request: pb2.ListMembersRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateMemberRequest, breaches: rules.Breaches) -> None:
    _judge_person(request, breaches)
    _judge_role(request.role, breaches)


def operations(db: database.Database, limited: quotas.Guard, forget: Callable[[uuid.UUID], None]) -> list[registry.Operation]:
    """The part of OrganizationService that is about members."""
    handlers = Members(db, limited, forget)
    service, unary, scope = "OrganizationService", registry.Kind.UNARY, registry.Scope.ORGANIZATION
    return [
        registry.Operation(
            service, "AddMember", pb2.AddMemberRequest, pb2.AddMemberResponse, unary,
            "organization:invite", handlers.add, scope=scope, rules=_rules_of_add, changes="member",
            resource_id=lambda request: request.email.lower(),
        ),
        registry.Operation(
            service, "ListMembers", pb2.ListMembersRequest, pb2.ListMembersResponse, unary,
            "organization:get", handlers.list, scope=scope, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateMember", pb2.UpdateMemberRequest, pb2.UpdateMemberResponse, unary,
            "organization:edit_role", handlers.update, scope=scope, rules=_rules_of_update, changes="member",
            resource_id=lambda request: request.user_id or request.email.lower(),
        ),
        registry.Operation(
            service, "RemoveMember", pb2.RemoveMemberRequest, pb2.RemoveMemberResponse, unary,
            "organization:revoke", handlers.remove, scope=scope, rules=_judge_person, changes="member",
            resource_id=lambda request: request.user_id or request.email.lower(),
        ),
    ]  # fmt: skip
