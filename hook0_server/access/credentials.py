"""Who calls. `authorization: Bearer …` with an application's secret, a service token, a person's token or the master key."""

import hmac
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from hook0_server.access import biscuit_token, biscuits, issue, recent
from hook0_server.access.principals import MASTER, Principal
from hook0_server.model import errors, ids
from hook0_server.model.roles import Role
from hook0_server.store import credentials, database

VERDICT_SECONDS = 2.5  # with the 5 s between two looks of an open stream, a deleted secret ends it within 7.5 s
_LONGEST = biscuits.MAX_CHARACTERS + 100  # of an authorization that is looked at
_LONGEST_OF_SECRET = 100  # "Bearer " and a UUID are 43
_MISSING = "Send metadata `authorization: Bearer <application secret or token>` with the call."
_INVALID = "The credential is not valid: it must be `Bearer` and an application secret or token that was not deleted."
_EXPIRED = "The token's time is over; log in again or refresh the session, or ask for another token."


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Falsy, so that it has room of its own among the verdicts."""

    reason: str
    message: str

    def __bool__(self) -> bool:
        return False


_UNKNOWN = _Refusal("CREDENTIALS_INVALID", _INVALID)


class Authenticator:
    """Verdicts on credentials, remembered for `seconds`, right ones and wrong ones alike."""

    def __init__(
        self,
        db: database.Database,
        master_key: uuid.UUID | None,
        root: biscuits.Root | None = None,
        *,
        seconds: float = VERDICT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._master_key, self._root = db, master_key, root
        self._verdicts: recent.Recent[str, Principal | _Refusal] = recent.Recent(self._judge, seconds, clock)

    async def authenticate(self, authorization: str | None) -> Principal:
        """The caller. Raises Unauthenticated (CREDENTIALS_…, TOKEN_…) or Unavailable."""
        if not authorization:
            raise errors.Unauthenticated("CREDENTIALS_MISSING", _MISSING)
        verdict = await self._verdicts.get(authorization) if len(authorization) <= _LONGEST else _UNKNOWN
        if isinstance(verdict, _Refusal):
            raise errors.Unauthenticated(verdict.reason, verdict.message)
        if verdict.token is not None and verdict.token.has_expired(time.time()):
            raise errors.Unauthenticated("TOKEN_EXPIRED", _EXPIRED)
        return verdict

    def forget(self, identity: uuid.UUID) -> None:
        """Of a credential that was revoked, or of a person whose roles changed: at once here, and within seconds elsewhere."""
        named = str(identity)
        self._verdicts.forget(lambda each: isinstance(each, Principal) and named in (each.credential_id, str(each.user_id)))

    async def _judge(self, authorization: str) -> Principal | _Refusal:
        scheme, _, given = authorization.partition(" ")
        credential = given.strip()
        if scheme.lower() != "bearer":
            return _UNKNOWN
        secret = ids.parse(credential) if len(authorization) <= _LONGEST_OF_SECRET else None
        return await (self._of_token(credential) if secret is None else self._of_secret(secret))

    async def _of_secret(self, secret: uuid.UUID) -> Principal | _Refusal:
        if self._master_key is not None and hmac.compare_digest(secret.bytes, self._master_key.bytes):
            return MASTER
        found = await credentials.application_secret(self._db, issue.digest(str(secret)))
        if found is None:
            return _UNKNOWN
        return Principal("application_secret", found.application_id, str(found.application_secret_id))

    async def _of_token(self, text: str) -> Principal | _Refusal:
        if self._root is None:
            return _UNKNOWN
        try:
            token = self._root.read(text)
        except biscuits.Refused as refusal:
            return _Refusal("TOKEN_REFUSED", f"The credential is not valid: {refusal}.")
        if token.kind == biscuit_token.SERVICE:
            return await self._of_service_token(token)
        if token.kind == biscuit_token.USER and token.session_id is not None and token.user_id is not None:
            return await self._of_user(token, token.session_id, token.user_id)
        return _UNKNOWN  # a refresh token, or one of a link: they open one operation each

    async def _of_service_token(self, token: biscuits.Token) -> Principal | _Refusal:
        found = await credentials.service_token(self._db, token.root_id)
        if found is None or found.organization_id != token.organization_id:
            return _UNKNOWN
        roles = {found.organization_id: Role.OWNER}
        return Principal("service_token", None, str(found.service_token_id), roles, token=token)

    async def _of_user(self, token: biscuits.Token, session_id: uuid.UUID, user_id: uuid.UUID) -> Principal | _Refusal:
        """The roles are those of now, not those in the token: who was taken out of an organization is out at once."""
        roles = await credentials.roles_in_session(self._db, session_id, user_id)
        if roles is None:
            return _UNKNOWN
        return Principal("user", None, str(session_id), roles, user_id, session_id, token)
