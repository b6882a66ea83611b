"""What a caller may do. Rights are asked before existence: without one, absent and forbidden look the same."""

import time
import uuid
from collections.abc import Callable, Mapping

from hook0_server.access import actions, biscuits, recent
from hook0_server.access.principals import Principal
from hook0_server.model import errors
from hook0_server.model.roles import Role
from hook0_server.store import credentials as stored, database

EXISTENCE_SECONDS = 1.0


class Permissions:
    """Asks the table of actions, and the checks that a token's holder added."""

    def __init__(
        self,
        db: database.Database,
        *,
        seconds: float = EXISTENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._db, self._wall_clock = db, wall_clock
        # An absent one is asked for anew: what somebody just created must be there.
        self._owners: recent.Recent[uuid.UUID, uuid.UUID | None] = recent.Recent(
            lambda application_id: stored.application_organization(db, application_id), seconds, clock, keep_bad=False
        )

    async def on_application(
        self, principal: Principal, action: str, application_id: uuid.UUID, *, labels_follow: bool = False
    ) -> None:
        """Raises Denied, or NotFound (APPLICATION_NOT_FOUND) where the caller may know that.

        `labels_follow`: the handler asks again, by `on_labels`, for the labels that it finds.
        """
        rule = actions.RULES[action]
        if principal.kind == "application_secret":
            if principal.application_id != application_id or not rule.by_application_secret:
                raise denied(action, "that application")
            return
        owner = await self._owners.get(application_id)
        if principal.kind == "master":
            if owner is None:
                raise _no_application(application_id)
            return
        if owner is None or not _has_role(principal, rule, owner):
            raise denied(action, "that application")
        if principal.is_narrowed and not (labels_follow and principal.asks_labels):
            self._ask_token(principal, action, owner, application_id=application_id)

    async def on_labels(self, principal: Principal, action: str, application_id: uuid.UUID, labels: Mapping[str, str]) -> bool:
        """Whether a token that asks for labels allows these; True for every other credential."""
        if principal.token is None or not principal.token.asks_labels:
            return True
        owner = await self._owners.get(application_id)
        try:
            return owner is not None and principal.token.allows(
                action=action, now=self._wall_clock(), organization_id=owner, application_id=application_id, labels=labels
            )
        except biscuits.TooCostly:
            return False

    async def on_organization(self, principal: Principal, action: str, named: uuid.UUID | None) -> uuid.UUID:
        """The organization that is named, or the only visible one. Raises Denied, NotFound or InvalidRequest."""
        rule = actions.RULES[action]
        if principal.kind == "application_secret" and not rule.by_application_secret:
            raise denied(action, "the organization")
        organization_id = named or await self._only_visible(principal, action)
        if principal.kind == "master":
            if named is not None and not await stored.organization_exists(self._db, named):
                raise _no_organization(named)
            return organization_id
        if not _has_role(principal, rule, organization_id):
            raise denied(action, "that organization")
        if principal.is_narrowed:
            self._ask_token(principal, action, organization_id)
        return organization_id

    def on_instance(self, principal: Principal, action: str) -> None:
        """Raises Denied for all but the master key: what concerns every organization is no organization's."""
        if principal.kind != "master":
            raise denied(action, "this instance")

    def on_caller(self, principal: Principal, action: str) -> None:
        """Raises Denied for credentials that have nothing of the kind of their own."""
        rule = actions.RULES[action]
        programs = {"application_secret": rule.by_application_secret, "service_token": rule.by_service_token}
        if not programs.get(principal.kind, principal.kind in ("user", "master")):
            raise denied(action, "anything")
        if principal.is_narrowed:
            self._ask_token(principal, action, None)

    def on_self(self, principal: Principal, action: str) -> None:
        """Raises Denied for all but a person's own whole token."""
        if principal.kind != "user" or principal.is_narrowed:
            raise denied(action, "an account; log in as the person whose it is")

    async def _only_visible(self, principal: Principal, action: str) -> uuid.UUID:
        visible = await stored.visible_organizations(self._db) if principal.kind == "master" else list(principal.roles)
        if not visible:
            raise denied(action, "any organization")
        if len(visible) > 1:
            raise errors.InvalidRequest.of("organization_id", "is needed: more than one organization is visible to you")
        return visible[0]

    def _ask_token(
        self, principal: Principal, action: str, organization_id: uuid.UUID | None, *, application_id: uuid.UUID | None = None
    ) -> None:
        assert principal.token is not None  # noqa: S101  # is_narrowed
        if action in actions.BY_WHOLE_TOKENS:
            raise errors.Denied(
                "PERMISSION_DENIED",
                f"A narrowed token may not do {action}: what it made would not be narrowed; use a whole one.",
                metadata={"action": action},
            )
        try:
            if principal.token.allows(
                action=action, now=self._wall_clock(), organization_id=organization_id, application_id=application_id
            ):
                return
            why = f"A check in the token does not allow {action} here; use a token that is narrowed less."
        except biscuits.TooCostly:
            why = "The checks in the token take too long; use a token with simpler ones."
        raise errors.Denied("PERMISSION_DENIED", why, metadata={"action": action})


def _has_role(principal: Principal, rule: actions.Rule, organization_id: uuid.UUID) -> bool:
    if principal.kind == "service_token" and not rule.by_service_token:
        return False
    held: Role | None = principal.roles.get(organization_id)
    return held is not None and held >= rule.role


def denied(action: str, what: str) -> errors.Denied:
    return errors.Denied(
        "PERMISSION_DENIED",
        f"This credential does not allow {action} on {what}; use one that does.",
        metadata={"action": action},
    )


def _no_application(application_id: uuid.UUID) -> errors.NotFound:
    return errors.NotFound(
        "APPLICATION_NOT_FOUND",
        f"There is no application {application_id}, or it was deleted.",
        metadata={"application_id": str(application_id)},
    )


def _no_organization(organization_id: uuid.UUID) -> errors.NotFound:
    return errors.NotFound(
        "ORGANIZATION_NOT_FOUND",
        f"There is no organization {organization_id}, or it was deleted.",
        metadata={"organization_id": str(organization_id)},
    )
