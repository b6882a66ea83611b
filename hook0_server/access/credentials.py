"""Who calls. `authorization: Bearer <UUID>` is an application's secret or the instance's master key."""

import hmac
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hook0_server.access import issue, recent
from hook0_server.model import errors, ids
from hook0_server.store import credentials, database

VERDICT_SECONDS = 2.5  # with the 5 s between two looks of an open stream, a deleted secret ends it within 7.5 s
_LONGEST = 100  # characters of an authorization that are looked at; "Bearer " and a UUID are 43


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: one application by its secret, or the master key (application_id None: every application)."""

    kind: Literal["application_secret", "master"]
    application_id: uuid.UUID | None
    credential_id: str  # may be logged


MASTER = Principal("master", None, "master")


class Authenticator:
    """Verdicts on credentials, remembered for `seconds`, right ones and wrong ones alike."""

    def __init__(
        self,
        db: database.Database,
        master_key: uuid.UUID | None,
        *,
        seconds: float = VERDICT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._master_key = master_key
        self._verdicts: recent.Recent[str, Principal | None] = recent.Recent(self._judge, seconds, clock)

    async def authenticate(self, authorization: str | None) -> Principal:
        """The caller. Raises Unauthenticated (CREDENTIALS_MISSING, CREDENTIALS_INVALID) or Unavailable."""
        if not authorization:
            raise errors.Unauthenticated(
                "CREDENTIALS_MISSING", "Send metadata `authorization: Bearer <application secret>` with the call."
            )
        principal = await self._verdicts.get(authorization) if len(authorization) <= _LONGEST else None
        if principal is None:
            raise errors.Unauthenticated(
                "CREDENTIALS_INVALID",
                "The credential is not valid: it must be `Bearer <application secret>` of one not deleted.",
            )
        return principal

    async def _judge(self, authorization: str) -> Principal | None:
        scheme, _, credential = authorization.partition(" ")
        secret = ids.parse(credential.strip()) if scheme.lower() == "bearer" else None
        if secret is None:
            return None
        if self._master_key is not None and hmac.compare_digest(secret.bytes, self._master_key.bytes):
            return MASTER
        found = await credentials.application_secret(self._db, issue.digest(str(secret)))
        if found is None:
            return None
        return Principal("application_secret", found.application_id, str(found.application_secret_id))
