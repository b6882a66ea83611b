"""The secrets of ApplicationService: values are answered once, at creation, and only ever stored sealed and hashed."""

import uuid

from hook0_client._gen.hook0.v1 import application_pb2 as resource_pb2, application_service_pb2 as pb2
from hook0_server.access import encryption, issue
from hook0_server.api import changes, masks, pages, parents, pipeline, registry, repeats, rules
from hook0_server.model import errors, limits
from hook0_server.store import application_secrets, applications, database

FIRST = "Default"
"""The name of the secret that comes with a new application, as in Hook0."""

_KIND = "application_secrets"
_CHANGEABLE = ("name",)


async def create(
    connection: database.Connection, keyring: encryption.Keyring, application_id: uuid.UUID, name: str
) -> resource_pb2.ApplicationSecret:
    """A new secret with its value."""
    secret_id = issue.new_id()
    secret = issue.secret(keyring, secret_id)
    stored = await application_secrets.create(
        connection, application_id, secret_id, name, digest=secret.digest, sealed=secret.sealed
    )
    shown = _shown(stored)
    shown.secret = secret.text
    return shown


class ApplicationSecrets:
    def __init__(self, db: database.Database, keyring: encryption.Keyring) -> None:
        self._db, self._keyring = db, keyring
        self._repeats = repeats.Repeats(db, keyring)

    async def create(
        self, call: pipeline.Call, request: pb2.CreateApplicationSecretRequest
    ) -> pb2.CreateApplicationSecretResponse:
        application_id = parents.application(call)

        async def make(connection: database.Connection) -> pb2.CreateApplicationSecretResponse:
            await applications.hold(connection, application_id)
            secret = await create(connection, self._keyring, application_id, request.application_secret.name)
            call.concerns(secret.application_secret_id)
            return pb2.CreateApplicationSecretResponse(application_secret=secret)

        return await self._repeats.once(call, application_id, request, pb2.CreateApplicationSecretResponse, make)

    async def list(self, call: pipeline.Call, request: pb2.ListApplicationSecretsRequest) -> pb2.ListApplicationSecretsResponse:
        application_id = parents.application(call)
        before = pages.identity(request.page_token, _KIND, application_id)
        size = rules.page_size(request.page_size)
        found = await application_secrets.page(self._db, application_id, before=before, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, application_id, lambda each: each.application_secret_id)
        return pb2.ListApplicationSecretsResponse(application_secrets=map(_shown, shown), next_page_token=token)

    async def update(
        self, call: pipeline.Call, request: pb2.UpdateApplicationSecretRequest
    ) -> pb2.UpdateApplicationSecretResponse:
        given = request.application_secret
        is_named = "name" in masks.paths(request.update_mask, given, _CHANGEABLE)
        async with changes.transaction(self._db, call) as connection:
            changed = await application_secrets.update(
                database.Within(connection),
                parents.application(call),
                uuid.UUID(given.application_secret_id),
                name=given.name if is_named else None,
            )
            if changed is None:
                raise _missing()
        return pb2.UpdateApplicationSecretResponse(application_secret=_shown(changed))

    async def delete(
        self, call: pipeline.Call, request: pb2.DeleteApplicationSecretRequest
    ) -> pb2.DeleteApplicationSecretResponse:
        secret_id = uuid.UUID(request.application_secret_id)
        async with changes.transaction(self._db, call) as connection:
            if not await application_secrets.delete(database.Within(connection), parents.application(call), secret_id):
                raise _missing()
        return pb2.DeleteApplicationSecretResponse()


def _missing() -> errors.NotFound:
    return errors.NotFound(
        "APPLICATION_SECRET_NOT_FOUND",
        "The application has no such secret, or it was deleted; give its application_secret_id, not its value.",
    )


def _shown(secret: application_secrets.ApplicationSecret) -> resource_pb2.ApplicationSecret:
    return resource_pb2.ApplicationSecret(
        application_id=str(secret.application_id),
        application_secret_id=str(secret.application_secret_id),
        name=secret.name,
        created_at=secret.created_at,
        deleted_at=secret.deleted_at,
    )


def judge_name(name: str, breaches: rules.Breaches) -> None:
    if name:
        breaches.text("application_secret.name", name, *limits.SECRET_NAME_CHARACTERS)


def _rules_of_create(request: pb2.CreateApplicationSecretRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("application_secret.application_id", request.application_secret.application_id)
    judge_name(request.application_secret.name, breaches)
    breaches.uuid("request_id", request.request_id, optional=True)


def _rules_of_list(request: pb2.ListApplicationSecretsRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateApplicationSecretRequest, breaches: rules.Breaches) -> None:
    given = request.application_secret
    masks.judge(breaches, request.update_mask, _CHANGEABLE)
    breaches.uuid("application_secret.application_id", given.application_id)
    breaches.uuid("application_secret.application_secret_id", given.application_secret_id)
    if "name" in masks.paths(request.update_mask, given, _CHANGEABLE):
        judge_name(given.name, breaches)


def _rules_of_delete(request: pb2.DeleteApplicationSecretRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("application_secret_id", request.application_secret_id)


def operations(db: database.Database, keyring: encryption.Keyring) -> list[registry.Operation]:
    """The part of ApplicationService that is about secrets."""
    handlers = ApplicationSecrets(db, keyring)
    service, unary = "ApplicationService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "CreateApplicationSecret", pb2.CreateApplicationSecretRequest,
            pb2.CreateApplicationSecretResponse, unary, "application_secret:create", handlers.create,
            rules=_rules_of_create, application_id=lambda request: str(request.application_secret.application_id),
            changes="application_secret",
        ),
        registry.Operation(
            service, "ListApplicationSecrets", pb2.ListApplicationSecretsRequest, pb2.ListApplicationSecretsResponse,
            unary, "application_secret:list", handlers.list, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateApplicationSecret", pb2.UpdateApplicationSecretRequest,
            pb2.UpdateApplicationSecretResponse, unary, "application_secret:edit", handlers.update,
            rules=_rules_of_update, application_id=lambda request: str(request.application_secret.application_id),
            changes="application_secret", resource_id=lambda request: request.application_secret.application_secret_id,
        ),
        registry.Operation(
            service, "DeleteApplicationSecret", pb2.DeleteApplicationSecretRequest,
            pb2.DeleteApplicationSecretResponse, unary, "application_secret:delete", handlers.delete,
            rules=_rules_of_delete, changes="application_secret", resource_id=lambda request: request.application_secret_id,
        ),
    ]  # fmt: skip
