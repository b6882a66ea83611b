"""Application secrets as REST has them: named by their value, and shown again and again to those who may create one."""

import uuid
from dataclasses import dataclass, field

from hook0_client._gen.hook0.v1 import application_pb2 as resource_pb2, application_service_pb2 as pb2
from hook0_server.access import encryption, issue
from hook0_server.api import application_secrets as rpcs, parents, pipeline, registry, rules, whole
from hook0_server.model import errors
from hook0_server.store import application_secrets, database

HIDDEN = str(uuid.UUID(int=0))
"""In place of a secret that the caller may not see, of an application or of a subscription."""


@dataclass(frozen=True, slots=True)
class Named:
    """A secret by its value; `name`: the one that it gets."""

    application_id: str
    secret: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    pass


class RestSecrets:
    """On top of what gRPC does."""

    def __init__(self, handlers: rpcs.ApplicationSecrets, db: database.Database, keyring: encryption.Keyring) -> None:
        self._handlers, self._db, self._keyring = handlers, db, keyring

    async def list(self, call: pipeline.Call, request: pb2.ListApplicationSecretsRequest) -> pb2.ListApplicationSecretsResponse:
        found = await whole.pages(self._handlers.list, call, request, "application_secrets")
        may_see = await call.may("application_secret:create")
        ids = [uuid.UUID(each.application_secret_id) for each in found.application_secrets]
        sealed = await application_secrets.sealed(self._db, parents.application(call), ids) if may_see else {}
        for secret_id, each in zip(ids, found.application_secrets, strict=True):
            value = sealed.get(secret_id)
            each.secret = HIDDEN if value is None else self._keyring.decrypt(value, secret_id).decode()
        answer: pb2.ListApplicationSecretsResponse = found
        return answer

    async def update(self, call: pipeline.Call, given: Named) -> resource_pb2.ApplicationSecret:
        found = await self._find(call, given)
        named = resource_pb2.ApplicationSecret(
            application_id=given.application_id, application_secret_id=str(found.application_secret_id), name=given.name
        )
        request = pb2.UpdateApplicationSecretRequest(application_secret=named)
        request.update_mask.paths.append("name")
        changed = (await self._handlers.update(call, request)).application_secret
        changed.secret = given.secret
        return changed

    async def delete(self, call: pipeline.Call, given: Named) -> Deleted:
        """Once more is no error, as in Hook0."""
        found = await self._find(call, given)
        if found.deleted_at is None:
            await self._handlers.delete(
                call, pb2.DeleteApplicationSecretRequest(application_secret_id=str(found.application_secret_id))
            )
        return Deleted()

    async def _find(self, call: pipeline.Call, given: Named) -> application_secrets.ApplicationSecret:
        found = await application_secrets.find(self._db, parents.application(call), issue.digest(given.secret))
        if found is None:
            raise errors.NotFound("APPLICATION_SECRET_NOT_FOUND", "The application has no such secret.")
        call.concerns(found.application_secret_id)
        return found


def _rules_of_update(given: Named, breaches: rules.Breaches) -> None:
    rpcs.judge_name(given.name, breaches)


def operations(
    db: database.Database, keyring: encryption.Keyring, handlers: rpcs.ApplicationSecrets
) -> list[registry.Operation]:
    """What REST has in place of the secrets of ApplicationService."""
    shown = RestSecrets(handlers, db, keyring)
    service, unary = "ApplicationService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "ListApplicationSecrets", pb2.ListApplicationSecretsRequest, pb2.ListApplicationSecretsResponse, unary,
            "application_secret:list", shown.list, is_rpc=False,
        ),
        registry.Operation(
            service, "UpdateApplicationSecret", Named, resource_pb2.ApplicationSecret, unary,
            "application_secret:edit", shown.update, rules=_rules_of_update, is_rpc=False, changes="application_secret",
        ),
        registry.Operation(
            service, "DeleteApplicationSecret", Named, Deleted, unary,
            "application_secret:delete", shown.delete, is_rpc=False, changes="application_secret",
        ),
    ]  # fmt: skip
