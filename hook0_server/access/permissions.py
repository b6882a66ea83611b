"""What a caller may do. Rights are asked before existence: without one, absent and forbidden look the same."""

import time
import uuid
from collections.abc import Callable

from hook0_server.access import credentials, recent
from hook0_server.model import errors
from hook0_server.store import credentials as stored
from hook0_server.store import database

EXISTENCE_SECONDS = 1.0


class Permissions:
    """An application's secret may do everything in its own application and nothing elsewhere, the master key all."""

    def __init__(
        self, db: database.Database, *, seconds: float = EXISTENCE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        # An absent one is asked for anew: only the master key comes here, and what it just created must be there.
        self._existing: recent.Recent[uuid.UUID, bool] = recent.Recent(self._exists, seconds, clock, keep_bad=False)

    async def on_application(self, principal: credentials.Principal, action: str, application_id: uuid.UUID) -> None:
        """Raises Denied, or NotFound (APPLICATION_NOT_FOUND) where the caller may know that."""
        if principal.application_id == application_id:
            return
        if principal.kind != "master":
            raise _denied(action, "that application")
        if not await self._existing.get(application_id):
            raise errors.NotFound(
                "APPLICATION_NOT_FOUND",
                f"There is no application {application_id}, or it was deleted.",
                metadata={"application_id": str(application_id)},
            )

    def on_organization(self, principal: credentials.Principal, action: str) -> None:
        """Raises Denied for all but the master key."""
        if principal.kind != "master":
            raise _denied(action, "the organization")

    def on_instance(self, principal: credentials.Principal, action: str) -> None:
        """Raises Denied for all but the master key: what concerns every organization is no organization's."""
        if principal.kind != "master":
            raise _denied(action, "this instance")

    async def _exists(self, application_id: uuid.UUID) -> bool:
        return await stored.application_exists(self._db, application_id)


def _denied(action: str, what: str) -> errors.Denied:
    return errors.Denied(
        "PERMISSION_DENIED",
        f"This credential does not allow {action} on {what}; use one that does.",
        metadata={"action": action},
    )
