"""What attempts called, for those who look at them in full."""

import uuid
from collections.abc import Iterable

import orjson

from hook0_server.access import encryption
from hook0_server.api import convert
from hook0_server.store import attempts, database


class ShownTargets:
    """Opens the targets that attempts refer to by revision; each is stored once, however many attempts used it."""

    def __init__(self, db: database.Database, keyring: encryption.Keyring) -> None:
        self._db, self._keyring = db, keyring

    async def of(
        self, application_id: uuid.UUID, records: Iterable[attempts.Attempt]
    ) -> dict[attempts.Revision, convert.Target]:
        """By (subscription_id, revision), for those attempts that sent something."""
        revisions = {
            (record.subscription_id, record.subscription_revision)
            for record in records
            if record.subscription_revision is not None
        }
        sealed = await attempts.targets(self._db, application_id, revisions)
        return {revision: self._open(each, revision[0]) for revision, each in sealed.items()}

    def _open(self, sealed: bytes, subscription_id: uuid.UUID) -> convert.Target:
        opened = orjson.loads(self._keyring.decrypt(sealed, subscription_id))
        return convert.Target(opened["method"], opened["url"], opened["headers"])


def for_attempt(shown: dict[attempts.Revision, convert.Target], record: attempts.Attempt) -> convert.Target | None:
    """The target of one of the attempts that `of` was asked about."""
    if record.subscription_revision is None:
        return None
    return shown.get((record.subscription_id, record.subscription_revision))
