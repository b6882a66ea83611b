"""What the credential of one call may do, asked as often as its handler needs to know."""

import uuid
from collections.abc import Mapping

import structlog

from hook0_server.access import credentials, permissions, principals
from hook0_server.api import ending, registry
from hook0_server.model import errors, ids

log = structlog.get_logger(__name__)


class Rights:
    """What one call's credential may do, for as long as the call lives."""

    __slots__ = ("_authenticator", "_authorization", "_entry", "_operation", "_permissions")

    def __init__(
        self,
        authenticator: credentials.Authenticator,
        permitted: permissions.Permissions,
        operation: registry.Operation,
        authorization: str | None,
        entry: ending.Entry,
    ) -> None:
        self._authenticator, self._permissions, self._operation = authenticator, permitted, operation
        self._authorization, self._entry = authorization, entry

    async def on_application(self, principal: principals.Principal, text: str) -> uuid.UUID:
        application_id = ids.parse(text)
        if application_id is None:
            raise errors.InvalidRequest.of("application_id", f"{errors.excerpt(text)} is not a UUID with hyphens")
        await self._permissions.on_application(
            principal, self._operation.action, application_id, labels_follow=self._operation.asks_labels
        )
        self._entry.application_id = application_id
        return application_id

    async def may(self, principal: principals.Principal, action: str, application_id: uuid.UUID) -> bool:
        try:
            await self._permissions.on_application(principal, action, application_id, labels_follow=self._operation.asks_labels)
        except (errors.Denied, errors.NotFound):
            return False
        return True

    async def may_in(self, principal: principals.Principal, action: str, organization_id: uuid.UUID) -> bool:
        try:
            await self._permissions.on_organization(principal, action, organization_id)
        except (errors.Denied, errors.NotFound):
            return False
        return True

    async def on_labels(self, principal: principals.Principal, application_id: uuid.UUID, labels: Mapping[str, str]) -> bool:
        return await self._permissions.on_labels(principal, self._operation.action, application_id, labels)

    async def recheck(self) -> None:
        try:
            await self._authenticator.authenticate(self._authorization)
        except errors.Unauthenticated as refusal:
            raise errors.Unauthenticated(
                "CREDENTIALS_REVOKED", "The credential was deleted while the stream was open; connect with another one."
            ) from refusal
        except errors.Unavailable as failure:
            log.debug("rpc.recheck_unanswered", method=self._operation.name, reason=failure.reason)
