"""Sessions of people: an access token for calls, and a refresh token for the next pair, which is good once."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from hook0_server.access import biscuit_token, biscuits, issue
from hook0_server.model import errors, roles
from hook0_server.store import database, members, sessions, users

log = structlog.get_logger(__name__)

Ended = Callable[[database.Connection, uuid.UUID, uuid.UUID], Awaitable[None]]  # person and session


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds."""

    access: float = 300.0
    refresh: float = 1800.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The tokens of a session and their ends, in Unix seconds."""

    user: users.User
    access_token: str = field(repr=False)
    access_token_expires_at: float
    refresh_token: str = field(repr=False)
    refresh_token_expires_at: float


class Sessions:
    """Begins, continues and ends them. `forget` is told whose verdicts count no more: a session, or all of a person."""

    def __init__(
        self,
        db: database.Database,
        root: biscuits.Root,
        lifetimes: Lifetimes,
        forget: Callable[[uuid.UUID], None] = lambda _: None,
    ) -> None:
        self._db, self._root, self._lifetimes, self.forget = db, root, lifetimes, forget

    async def begin(self, user: users.User, within: database.Fetching) -> Pair | None:
        """None: the password was changed, or the account deleted, since this was read."""
        session_id, refresh_token_id = issue.new_id(), issue.new_id()
        pair = await self._pair(user, session_id, refresh_token_id, within)
        is_begun = await sessions.begin(
            within, session_id, user.user_id, user.password_revision, refresh_token_id, self._lifetimes.refresh
        )
        return pair if is_begun else None

    async def refresh(self, text: str, ended: Ended) -> Pair:
        """The next pair. A token that was used before ends its session: one of the two who had it has no right to. Then
        `ended` is told, in the same transaction, whose it was.

        Raises Unauthenticated / TOKEN_EXPIRED or CREDENTIALS_INVALID.
        """
        user_id, session_id, token_id = self._read(text)
        user = await users.get(self._db, user_id)
        if user is None:
            raise _invalid()
        refresh_token_id = issue.new_id()
        pair = await self._pair(user, session_id, refresh_token_id, self._db)
        if not await self._rotated(user_id, session_id, token_id, refresh_token_id, ended):
            self.forget(session_id)
            log.warning("session.reuse_detected", session_id=str(session_id), user_id=str(user_id))
            raise _invalid()
        return pair

    async def _rotated(
        self, user_id: uuid.UUID, session_id: uuid.UUID, token_id: uuid.UUID, refresh_token_id: uuid.UUID, ended: Ended
    ) -> bool:
        """False: the token was used before, and the session is ended."""
        async with self._db.connection() as connection, connection.transaction():
            session = await sessions.hold(connection, session_id)
            if session is None or session.has_ended:
                raise _invalid()
            if session.refresh_token_id != token_id:
                await sessions.end(connection, session_id)
                await ended(connection, user_id, session_id)
                return False
            await sessions.rotate(connection, session_id, refresh_token_id, self._lifetimes.refresh)
            return True

    def _read(self, text: str) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
        """User, session and token of a refresh token."""
        try:
            token = self._root.read(text)
        except biscuits.Refused as refused:
            raise _invalid() from refused
        if token.kind != biscuit_token.REFRESH or not (token.user_id and token.session_id and token.token_id):
            raise _invalid()
        if token.has_expired(self._db.clock.now()):
            raise errors.Unauthenticated("TOKEN_EXPIRED", "The session has expired; log in again.")
        return token.user_id, token.session_id, token.token_id

    async def _pair(
        self, user: users.User, session_id: uuid.UUID, refresh_token_id: uuid.UUID, within: database.Fetching
    ) -> Pair:
        now = self._db.clock.now()
        until, refresh_until = now + self._lifetimes.access, now + self._lifetimes.refresh
        given = await members.roles_of(within, user.user_id)
        access = self._root.user_access(
            token_id=issue.new_id(),
            session_id=session_id,
            user_id=user.user_id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            roles={organization_id: roles.HOOK0[role] for organization_id, role in given.items()},
            now=now,
            expires_at=until,
        )
        refresh = self._root.refresh(
            token_id=refresh_token_id, session_id=session_id, user_id=user.user_id, now=now, expires_at=refresh_until
        )
        return Pair(user, access.text, until, refresh.text, refresh_until)


def _invalid() -> errors.Unauthenticated:
    return errors.Unauthenticated(
        "CREDENTIALS_INVALID", "This is not the last refresh token of a session that goes on; log in again."
    )
