"""OrganizationService, but for the members: those are in api/members."""

import uuid
from collections.abc import Callable

from hook0_client._gen.hook0.v1 import organization_pb2 as resource_pb2, organization_service_pb2 as pb2
from hook0_server.access import encryption, issue, principals
from hook0_server.api import changes, etags, masks, members, pages, parents, pipeline, quotas, registry, repeats, rules
from hook0_server.model import errors, limits
from hook0_server.model.roles import Role
from hook0_server.store import applications, database, organization_members, organizations, subscriptions, wake

_KIND = "organizations"
_CHANGEABLE = ("name", "quotas")
_EVERYTHING = uuid.UUID(int=0)  # what page tokens of a list without a parent are bound to
_SLICE = 50  # applications that end before the organization is looked at again


class Organizations:
    def __init__(
        self,
        db: database.Database,
        keyring: encryption.Keyring,
        hints: wake.Wake,
        limited: quotas.Guard,
        forget: Callable[[uuid.UUID], None],
    ) -> None:
        self._db, self._wake, self._quotas, self._forget = db, hints, limited, forget
        self._repeats = repeats.Repeats(db, keyring)

    async def create(self, call: pipeline.Call, request: pb2.CreateOrganizationRequest) -> pb2.CreateOrganizationResponse:
        principal = call.principal

        async def make(connection: database.Connection) -> pb2.CreateOrganizationResponse:
            created = await organizations.create(connection, issue.new_id(), request.organization.name)
            call.organization_id = created.organization_id
            call.concerns(created.organization_id)
            if principal.user_id is not None:
                await organization_members.join(connection, created.organization_id, principal.user_id, Role.OWNER)
            role = Role.OWNER if principal.user_id is not None else None
            return pb2.CreateOrganizationResponse(organization=await self._shown(created, role, connection))

        answer = await self._repeats.once(call, principal.user_id or _EVERYTHING, request, pb2.CreateOrganizationResponse, make)
        if principal.user_id is not None:
            self._forget(principal.user_id)
        return answer

    async def get(self, call: pipeline.Call, _: pb2.GetOrganizationRequest) -> pb2.GetOrganizationResponse:
        found = await self._existing(parents.organization(call), self._db)
        async with self._db.connection() as connection:
            shown = await self._shown(found, _role(call.principal, found), connection)
        return pb2.GetOrganizationResponse(organization=shown)

    async def list(self, call: pipeline.Call, request: pb2.ListOrganizationsRequest) -> pb2.ListOrganizationsResponse:
        visible = None if call.principal.kind == "master" else sorted(call.principal.roles)
        parent = call.principal.user_id or _EVERYTHING
        before = pages.identity(request.page_token, _KIND, parent)
        size = rules.page_size(request.page_size)
        found = await organizations.page(self._db, visible, before=before, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, parent, lambda each: each.organization_id)
        return pb2.ListOrganizationsResponse(
            organizations=[_listed(each, _role(call.principal, each)) for each in shown], next_page_token=token
        )

    async def update(self, call: pipeline.Call, request: pb2.UpdateOrganizationRequest) -> pb2.UpdateOrganizationResponse:
        organization_id, given = parents.organization(call), request.organization
        named = "name" in masks.paths(request.update_mask, given, _CHANGEABLE)
        limited = quotas.are_named(request.update_mask)
        if limited:
            quotas.only_master(call)
        async with changes.transaction(self._db, call) as connection:
            within = database.Within(connection)
            changed = await organizations.update(
                within,
                organization_id,
                name=given.name if named else None,
                limits=quotas.given(given.quotas) if limited else None,
                revision=etags.revision(given.etag),
            )
            if changed is None:
                await self._existing(organization_id, within)
                raise etags.mismatch()
        async with self._db.connection() as connection:
            shown = await self._shown(changed, _role(call.principal, changed), connection)
        return pb2.UpdateOrganizationResponse(organization=shown)

    async def delete(self, call: pipeline.Call, request: pb2.DeleteOrganizationRequest) -> pb2.DeleteOrganizationResponse:
        organization_id = parents.organization(call)
        while True:
            async with self._db.connection() as connection, connection.transaction():
                await organizations.lock(connection, organization_id)
                left = await organizations.applications(connection, organization_id, size=_SLICE)
                if not left:
                    await organizations.delete(connection, organization_id)
                    await changes.record(connection, call)
                    return pb2.DeleteOrganizationResponse()
            if not request.force:
                raise errors.Precondition(
                    "ORGANIZATION_NOT_EMPTY",
                    "The organization has applications; delete them first, or ask with force.",
                    metadata={"organization_id": str(organization_id)},
                )
            for application_id in left:
                await self._delete_application(call, application_id)
            self._wake.notify(wake.SUBSCRIPTIONS)

    async def _delete_application(self, call: pipeline.Call, application_id: uuid.UUID) -> None:
        """An entry of its own: whatever comes next, this application is gone."""
        async with self._db.connection() as connection, connection.transaction():
            if await applications.delete(database.Within(connection), application_id):
                await changes.record(
                    connection,
                    call,
                    application_id=application_id,
                    resource_type="application",
                    resource_id=str(application_id),
                )
        await subscriptions.delete_all(self._db, application_id)

    async def _shown(
        self, found: organizations.Organization, role: Role | None, connection: database.Connection
    ) -> resource_pb2.Organization:
        shown = _listed(found, role)
        await self._quotas.fill(shown, found.limits, connection)
        return shown

    async def _existing(self, organization_id: uuid.UUID, within: database.Fetching) -> organizations.Organization:
        found = await organizations.get(within, organization_id)
        if found is None:
            raise organizations.missing()
        return found


def _role(principal: principals.Principal, organization: organizations.Organization) -> Role | None:
    return principal.roles.get(organization.organization_id) if principal.kind == "user" else None


def _listed(organization: organizations.Organization, role: Role | None) -> resource_pb2.Organization:
    """Without its usage, which takes counting."""
    shown = resource_pb2.Organization(
        organization_id=str(organization.organization_id),
        name=organization.name,
        created_at=organization.created_at,
        etag=etags.of(organization.revision),
        role=members.shown_role(role),
    )
    quotas.fill_own(shown, organization.limits)
    return shown


def _rules_of_create(request: pb2.CreateOrganizationRequest, breaches: rules.Breaches) -> None:
    breaches.text("organization.name", request.organization.name, *limits.NAME_CHARACTERS)
    breaches.uuid("request_id", request.request_id, optional=True)


def _rules_of_get(request: pb2.GetOrganizationRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)


def _rules_of_list(request: pb2.ListOrganizationsRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateOrganizationRequest, breaches: rules.Breaches) -> None:
    given = request.organization
    masks.judge(breaches, request.update_mask, _CHANGEABLE)
    breaches.uuid("organization.organization_id", given.organization_id)
    if "name" in masks.paths(request.update_mask, given, _CHANGEABLE):
        breaches.text("organization.name", given.name, *limits.NAME_CHARACTERS)
    if quotas.are_named(request.update_mask):
        quotas.judge("organization.quotas", given.quotas, quotas.Owner.ORGANIZATION, breaches)


def _rules_of_delete(request: pb2.DeleteOrganizationRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id)


def operations(
    db: database.Database,
    keyring: encryption.Keyring,
    hints: wake.Wake,
    limited: quotas.Guard,
    forget: Callable[[uuid.UUID], None],
) -> list[registry.Operation]:
    """OrganizationService, whole. `forget` is told of people whose roles changed."""
    handlers = Organizations(db, keyring, hints, limited, forget)
    service, unary, scope = "OrganizationService", registry.Kind.UNARY, registry.Scope
    return [
        registry.Operation(
            service, "CreateOrganization", pb2.CreateOrganizationRequest, pb2.CreateOrganizationResponse, unary,
            "organization:create", handlers.create, scope=scope.CALLER, rules=_rules_of_create, changes="organization",
        ),
        registry.Operation(
            service, "GetOrganization", pb2.GetOrganizationRequest, pb2.GetOrganizationResponse, unary,
            "organization:get", handlers.get, scope=scope.ORGANIZATION, rules=_rules_of_get,
        ),
        registry.Operation(
            service, "ListOrganizations", pb2.ListOrganizationsRequest, pb2.ListOrganizationsResponse, unary,
            "organization:list", handlers.list, scope=scope.CALLER, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateOrganization", pb2.UpdateOrganizationRequest, pb2.UpdateOrganizationResponse, unary,
            "organization:edit", handlers.update, scope=scope.ORGANIZATION, rules=_rules_of_update,
            organization_id=lambda request: str(request.organization.organization_id), changes="organization",
            resource_id=lambda request: str(request.organization.organization_id),
        ),
        registry.Operation(
            service, "DeleteOrganization", pb2.DeleteOrganizationRequest, pb2.DeleteOrganizationResponse, unary,
            "organization:delete", handlers.delete, scope=scope.ORGANIZATION, rules=_rules_of_delete,
            changes="organization", resource_id=lambda request: str(request.organization_id),
        ),
        *members.operations(db, limited, forget),
    ]  # fmt: skip
