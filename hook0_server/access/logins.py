"""Whether somebody is who they say: their password, with few wrong tries and nothing told about who has an account."""

import uuid
from collections.abc import Hashable
from typing import Protocol

from hook0_server.access import passwords, rate_limits
from hook0_server.model import errors
from hook0_server.store import database, users


class Tries(Protocol):
    """What limits wrong passwords."""

    def may_try(self, key: Hashable) -> None:
        """Before a password is looked at. Raises QuotaExceeded where too many were wrong."""

    def failed(self, key: Hashable) -> None:
        """It was wrong."""


class Logins:
    """Checks passwords. Wrong ones count for the network they come from, and for that network with the address."""

    def __init__(self, db: database.Database, checked: passwords.Passwords, tries: Tries) -> None:
        self._db, self._passwords, self._tries = db, checked, tries

    async def by_address(self, email: str, password: str, source: str | None) -> users.User:
        """Raises Unauthenticated / LOGIN_FAILED after the same work whether there is such an account or not; QuotaExceeded."""
        keys = _keys(email, source)
        self._ask(keys)
        return await self._checked(await users.by_email(self._db, email), password, keys)

    async def again(self, user: users.User, password: str, source: str | None) -> users.User:
        """The same for somebody whose session is known: an open session is not enough for what cannot be undone."""
        keys = _keys(user.email, source)
        self._ask(keys)
        return await self._checked(user, password, keys)

    def spend(self, what: str, source: str | None) -> None:
        """Before something that takes no credential and costs a hash or a message: each counts as a wrong password does.

        Raises QuotaExceeded. Else one stranger could keep everybody from logging in.
        """
        key = (what, rate_limits.network(source))
        self._tries.may_try(key)
        self._tries.failed(key)

    def _ask(self, keys: tuple[Hashable, ...]) -> None:
        for key in keys:
            self._tries.may_try(key)

    async def _checked(self, user: users.User | None, password: str, keys: tuple[Hashable, ...]) -> users.User:
        is_right = await self._passwords.verify(password, user.password_hash if user else None)
        if user is None or not is_right:
            for key in keys:
                self._tries.failed(key)
            raise Failed(None if user is None else user.user_id)
        if self._passwords.is_outdated(user.password_hash):
            fresh = await self._passwords.hash(password)
            await users.hash_anew(self._db, user.user_id, user.password_revision, fresh)
        return user


class Failed(errors.Unauthenticated):
    """LOGIN_FAILED. `user_id`: whose password it was not; None where there is no such account. The caller is not told."""

    def __init__(self, user_id: uuid.UUID | None = None) -> None:
        super().__init__(
            "LOGIN_FAILED", "E-mail address and password do not belong together; check both, or reset the password."
        )
        self.user_id = user_id


def _keys(email: str, source: str | None) -> tuple[Hashable, ...]:
    network = rate_limits.network(source)
    return network, ("login", network, email.lower())
