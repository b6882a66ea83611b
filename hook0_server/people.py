"""People's accounts, put together from the settings: what hashes, what opens sessions, what writes to them."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable

from hook0_server import settings
from hook0_server.access import biscuits, links, logins, mail, passwords, sessions
from hook0_server.api import accounts, registry
from hook0_server.store import database


class People:
    """`operations()` serve while the block of `running()` lasts; `forget` is told of sessions and people that changed."""

    def __init__(
        self,
        db: database.Database,
        given: settings.Settings,
        root: biscuits.Root,
        tries: logins.Tries,
        forget: Callable[[uuid.UUID], None],
    ) -> None:
        self._db = db
        self._policy = accounts.Policy(may_register=given.registration, needs_verification=given.needs_verification)
        hashed = passwords.Passwords(shortest=given.password_minimum_length)
        lifetimes = sessions.Lifetimes(given.access_token_seconds, given.refresh_token_seconds)
        self._parts = accounts.Parts(
            passwords=hashed,
            logins=logins.Logins(db, hashed, tries),
            sessions=sessions.Sessions(db, root, lifetimes, forget),
            links=links.Links(db, root, given.app_url),
            outbox=mail.Outbox(_transport(given)),
        )

    @property
    def passwords(self) -> passwords.Passwords:
        return self._parts.passwords

    def operations(self) -> list[registry.Operation]:
        return accounts.operations(self._db, self._parts, self._policy)

    def rest_operations(self) -> list[registry.Operation]:
        return accounts.rest_operations(self._db, self._parts)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        with self._parts.passwords.running():
            async with self._parts.outbox.running():
                yield


def _transport(given: settings.Settings) -> mail.Transport:
    if given.smtp_url is None or given.mail_from is None:
        return mail.Logged()
    return mail.Smtp(given.smtp_url, given.mail_from)
