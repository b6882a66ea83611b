"""ApplicationService, but for the secrets: those are in api/application_secrets."""

import uuid

from hook0_client._gen.hook0.v1 import application_pb2 as resource_pb2, application_service_pb2 as pb2
from hook0_server.access import encryption, issue
from hook0_server.api import (
    application_secrets,
    changes,
    etags,
    masks,
    pages,
    parents,
    pipeline,
    quotas,
    registry,
    repeats,
    rules,
)
from hook0_server.model import limits
from hook0_server.store import applications, database, subscriptions, wake

_KIND = "applications"
_CHANGEABLE = ("name", "quotas")


class Applications:
    def __init__(
        self, db: database.Database, keyring: encryption.Keyring, hints: wake.Wake, limited: quotas.Guard | None = None
    ) -> None:
        self._db, self._keyring, self._wake, self._quotas = db, keyring, hints, limited or quotas.Guard()
        self._repeats = repeats.Repeats(db, keyring)

    async def create(self, call: pipeline.Call, request: pb2.CreateApplicationRequest) -> pb2.CreateApplicationResponse:
        organization_id = parents.organization(call)

        async def make(connection: database.Connection) -> pb2.CreateApplicationResponse:
            created = await applications.create(connection, issue.new_id(), organization_id, request.application.name)
            secret = await application_secrets.create(
                connection, self._keyring, created.application_id, application_secrets.FIRST
            )
            await self._quotas.judge_new(connection, "applications", organization_id)
            call.application_id = created.application_id
            call.concerns(created.application_id)
            shown = await self._shown(created, connection)
            return pb2.CreateApplicationResponse(application=shown, application_secret=secret)

        return await self._repeats.once(call, organization_id, request, pb2.CreateApplicationResponse, make)

    async def get(self, call: pipeline.Call, _: pb2.GetApplicationRequest) -> pb2.GetApplicationResponse:
        found = await self._existing(parents.application(call), self._db)
        async with self._db.connection() as connection:
            return pb2.GetApplicationResponse(application=await self._shown(found, connection))

    async def list(self, call: pipeline.Call, request: pb2.ListApplicationsRequest) -> pb2.ListApplicationsResponse:
        organization_id = parents.organization(call)
        before = pages.identity(request.page_token, _KIND, organization_id)
        size = rules.page_size(request.page_size)
        found = await applications.page(self._db, organization_id, before=before, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, organization_id, lambda each: each.application_id)
        return pb2.ListApplicationsResponse(applications=map(_listed, shown), next_page_token=token)

    async def update(self, call: pipeline.Call, request: pb2.UpdateApplicationRequest) -> pb2.UpdateApplicationResponse:
        application_id = parents.application(call)
        named = "name" in masks.paths(request.update_mask, request.application, _CHANGEABLE)
        limited = quotas.are_named(request.update_mask)
        if limited:
            quotas.only_master(call)
        async with changes.transaction(self._db, call) as connection:
            within = database.Within(connection)
            changed = await applications.update(
                within,
                application_id,
                name=request.application.name if named else None,
                limits=quotas.given(request.application.quotas) if limited else None,
                revision=etags.revision(request.application.etag),
            )
            if changed is None:
                await self._existing(application_id, within)
                raise etags.mismatch()
        async with self._db.connection() as connection:
            return pb2.UpdateApplicationResponse(application=await self._shown(changed, connection))

    async def delete(self, call: pipeline.Call, _: pb2.DeleteApplicationRequest) -> pb2.DeleteApplicationResponse:
        application_id = parents.application(call)
        async with changes.transaction(self._db, call) as connection:
            if not await applications.delete(database.Within(connection), application_id):
                raise applications.missing()
        await subscriptions.delete_all(self._db, application_id)
        self._wake.notify(wake.SUBSCRIPTIONS)
        return pb2.DeleteApplicationResponse()

    async def _existing(self, application_id: uuid.UUID, within: database.Fetching) -> applications.Application:
        found = await applications.get(within, application_id)
        if found is None:
            raise applications.missing()
        return found

    async def _shown(self, found: applications.Application, connection: database.Connection) -> resource_pb2.Application:
        shown = _listed(found)
        await self._quotas.fill(shown, found.limits, connection)
        return shown


def _listed(application: applications.Application) -> resource_pb2.Application:
    """Without its usage, which takes counting."""
    shown = resource_pb2.Application(
        application_id=str(application.application_id),
        organization_id=str(application.organization_id),
        name=application.name,
        created_at=application.created_at,
        etag=etags.of(application.revision),
    )
    quotas.fill_own(shown, application.limits)
    return shown


def _rules_of_create(request: pb2.CreateApplicationRequest, breaches: rules.Breaches) -> None:
    breaches.text("application.name", request.application.name, *limits.NAME_CHARACTERS)
    breaches.uuid("application.organization_id", request.application.organization_id, optional=True)
    breaches.uuid("request_id", request.request_id, optional=True)


def _rules_of_list(request: pb2.ListApplicationsRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateApplicationRequest, breaches: rules.Breaches) -> None:
    masks.judge(breaches, request.update_mask, _CHANGEABLE)
    breaches.uuid("application.application_id", request.application.application_id)
    if "name" in masks.paths(request.update_mask, request.application, _CHANGEABLE):
        breaches.text("application.name", request.application.name, *limits.NAME_CHARACTERS)
    if quotas.are_named(request.update_mask):
        quotas.judge("application.quotas", request.application.quotas, quotas.Owner.APPLICATION, breaches)


def operations(
    db: database.Database, keyring: encryption.Keyring, hints: wake.Wake, limited: quotas.Guard | None = None
) -> list[registry.Operation]:
    """ApplicationService, whole. Creating and listing are the organization's; the rest is the application's own too."""
    handlers = Applications(db, keyring, hints, limited)
    service, unary, organization = "ApplicationService", registry.Kind.UNARY, registry.Scope.ORGANIZATION
    return [
        registry.Operation(
            service, "CreateApplication", pb2.CreateApplicationRequest, pb2.CreateApplicationResponse, unary,
            "application:create", handlers.create, scope=organization, rules=_rules_of_create, changes="application",
            organization_id=lambda request: str(request.application.organization_id),
        ),
        registry.Operation(
            service, "GetApplication", pb2.GetApplicationRequest, pb2.GetApplicationResponse, unary,
            "application:get", handlers.get,
        ),
        registry.Operation(
            service, "ListApplications", pb2.ListApplicationsRequest, pb2.ListApplicationsResponse, unary,
            "application:list", handlers.list, scope=organization, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateApplication", pb2.UpdateApplicationRequest, pb2.UpdateApplicationResponse, unary,
            "application:edit", handlers.update, rules=_rules_of_update, changes="application",
            resource_id=lambda request: str(request.application.application_id),
            application_id=lambda request: str(request.application.application_id),
        ),
        registry.Operation(
            service, "DeleteApplication", pb2.DeleteApplicationRequest, pb2.DeleteApplicationResponse, unary,
            "application:delete", handlers.delete, changes="application",
            resource_id=lambda request: str(request.application_id),
        ),
        *application_secrets.operations(db, keyring),
    ]  # fmt: skip
