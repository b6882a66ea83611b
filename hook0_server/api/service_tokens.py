"""ServiceTokenService: values are answered once, at creation, and only ever stored sealed."""

import time
import uuid
from collections.abc import Callable

from hook0_client._gen.hook0.v1 import service_token_service_pb2 as pb2
from hook0_server.access import biscuits, encryption, issue
from hook0_server.api import changes, masks, pages, parents, pipeline, registry, repeats, rules
from hook0_server.model import errors, limits
from hook0_server.store import database, organizations, service_tokens

_KIND = "service_tokens"
_CHANGEABLE = ("name",)


class ServiceTokens:
    """`forget` is told the id of a token that was deleted."""

    def __init__(
        self, db: database.Database, keyring: encryption.Keyring, root: biscuits.Root, forget: Callable[[uuid.UUID], None]
    ) -> None:
        self._db, self._keyring, self._root, self._forget = db, keyring, root, forget
        self._repeats = repeats.Repeats(db, keyring)

    async def create(self, call: pipeline.Call, request: pb2.CreateServiceTokenRequest) -> pb2.CreateServiceTokenResponse:
        organization_id = parents.organization(call)

        async def make(connection: database.Connection) -> pb2.CreateServiceTokenResponse:
            await organizations.hold(connection, organization_id)
            draft, text = self._draft(organization_id, request.service_token)
            created = await service_tokens.create(connection, draft)
            call.concerns(created.service_token_id)
            return pb2.CreateServiceTokenResponse(service_token=_shown(created), token=text)

        return await self._repeats.once(call, organization_id, request, pb2.CreateServiceTokenResponse, make)

    def _draft(self, organization_id: uuid.UUID, given: pb2.ServiceToken) -> tuple[service_tokens.Draft, str]:
        token_id, now = issue.new_id(), time.time()
        expire_at = None
        if given.HasField("expire_at"):
            expire_at = rules.seconds_to_datetime(given.expire_at.seconds, 0)  # a Biscuit's dates are whole seconds
            if expire_at.timestamp() <= now:
                raise errors.InvalidRequest.of("service_token.expire_at", "is over already; give a time in the future")
        minted = self._root.service_access(
            token_id=token_id,
            organization_id=organization_id,
            now=now,
            expires_at=None if expire_at is None else expire_at.timestamp(),
        )
        sealed = self._keyring.encrypt(minted.text.encode(), token_id)
        draft = service_tokens.Draft(organization_id, token_id, given.name, minted.root_id, sealed, expire_at)
        return draft, minted.text

    async def get(self, call: pipeline.Call, request: pb2.GetServiceTokenRequest) -> pb2.GetServiceTokenResponse:
        token_id = uuid.UUID(request.service_token_id)
        found = await service_tokens.get(self._db, parents.organization(call), token_id)
        if found is None:
            raise missing()
        return pb2.GetServiceTokenResponse(service_token=_shown(found))

    async def list(self, call: pipeline.Call, request: pb2.ListServiceTokensRequest) -> pb2.ListServiceTokensResponse:
        organization_id = parents.organization(call)
        before = pages.identity(request.page_token, _KIND, organization_id)
        size = rules.page_size(request.page_size)
        found = await service_tokens.page(self._db, organization_id, before=before, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, organization_id, lambda each: each.service_token_id)
        return pb2.ListServiceTokensResponse(service_tokens=map(_shown, shown), next_page_token=token)

    async def update(self, call: pipeline.Call, request: pb2.UpdateServiceTokenRequest) -> pb2.UpdateServiceTokenResponse:
        given = request.service_token
        is_named = "name" in masks.paths(request.update_mask, given, _CHANGEABLE)
        async with changes.transaction(self._db, call) as connection:
            changed = await service_tokens.update(
                database.Within(connection),
                parents.organization(call),
                uuid.UUID(given.service_token_id),
                name=given.name if is_named else None,
            )
            if changed is None:
                raise missing()
        return pb2.UpdateServiceTokenResponse(service_token=_shown(changed))

    async def delete(self, call: pipeline.Call, request: pb2.DeleteServiceTokenRequest) -> pb2.DeleteServiceTokenResponse:
        token_id = uuid.UUID(request.service_token_id)
        async with changes.transaction(self._db, call) as connection:
            if not await service_tokens.delete(database.Within(connection), parents.organization(call), token_id):
                raise missing()
        self._forget(token_id)
        return pb2.DeleteServiceTokenResponse()


def missing() -> errors.NotFound:
    return errors.NotFound(
        "SERVICE_TOKEN_NOT_FOUND",
        "The organization has no such service token, or it was deleted; give its service_token_id, not its value.",
    )


def _shown(token: service_tokens.ServiceToken) -> pb2.ServiceToken:
    return pb2.ServiceToken(
        service_token_id=str(token.service_token_id),
        organization_id=str(token.organization_id),
        name=token.name,
        created_at=token.created_at,
        expire_at=token.expire_at,
    )


def _rules_of_create(request: pb2.CreateServiceTokenRequest, breaches: rules.Breaches) -> None:
    given = request.service_token
    breaches.text("service_token.name", given.name, *limits.NAME_CHARACTERS)
    breaches.uuid("service_token.organization_id", given.organization_id, optional=True)
    if given.HasField("expire_at"):
        breaches.timestamp("service_token.expire_at", given.expire_at)
    breaches.uuid("request_id", request.request_id, optional=True)


def _rules_of_one(request: pb2.GetServiceTokenRequest | pb2.DeleteServiceTokenRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    breaches.uuid("service_token_id", request.service_token_id)


def _rules_of_list(request: pb2.ListServiceTokensRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateServiceTokenRequest, breaches: rules.Breaches) -> None:
    given = request.service_token
    masks.judge(breaches, request.update_mask, _CHANGEABLE)
    breaches.uuid("service_token.organization_id", given.organization_id, optional=True)
    breaches.uuid("service_token.service_token_id", given.service_token_id)
    if "name" in masks.paths(request.update_mask, given, _CHANGEABLE):
        breaches.text("service_token.name", given.name, *limits.NAME_CHARACTERS)


def operations(
    db: database.Database, keyring: encryption.Keyring, root: biscuits.Root, forget: Callable[[uuid.UUID], None]
) -> list[registry.Operation]:
    """ServiceTokenService, whole."""
    handlers = ServiceTokens(db, keyring, root, forget)
    service, unary, scope = "ServiceTokenService", registry.Kind.UNARY, registry.Scope.ORGANIZATION

    def inside(request: pb2.CreateServiceTokenRequest | pb2.UpdateServiceTokenRequest) -> str:
        return request.service_token.organization_id

    return [
        registry.Operation(
            service, "CreateServiceToken", pb2.CreateServiceTokenRequest, pb2.CreateServiceTokenResponse, unary,
            "service_token:create", handlers.create, scope=scope, organization_id=inside, rules=_rules_of_create,
            changes="service_token",
        ),
        registry.Operation(
            service, "GetServiceToken", pb2.GetServiceTokenRequest, pb2.GetServiceTokenResponse, unary,
            "service_token:get", handlers.get, scope=scope, rules=_rules_of_one,
        ),
        registry.Operation(
            service, "ListServiceTokens", pb2.ListServiceTokensRequest, pb2.ListServiceTokensResponse, unary,
            "service_token:list", handlers.list, scope=scope, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateServiceToken", pb2.UpdateServiceTokenRequest, pb2.UpdateServiceTokenResponse, unary,
            "service_token:edit", handlers.update, scope=scope, organization_id=inside, rules=_rules_of_update,
            changes="service_token", resource_id=lambda request: request.service_token.service_token_id,
        ),
        registry.Operation(
            service, "DeleteServiceToken", pb2.DeleteServiceTokenRequest, pb2.DeleteServiceTokenResponse, unary,
            "service_token:delete", handlers.delete, scope=scope, rules=_rules_of_one, changes="service_token",
            resource_id=lambda request: request.service_token_id,
        ),
    ]  # fmt: skip
