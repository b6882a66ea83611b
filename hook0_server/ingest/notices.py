"""Who comes near a limit or reaches it: a line in the log once a day for each, and what a scrape shows."""

import uuid
from collections import Counter
from collections.abc import Callable

import structlog

from hook0_server.model import quotas

log = structlog.get_logger(__name__)

_MOST = 10_000
_DAY_SECONDS = 86_400


class Notices:
    """`now`: the database's time in Unix seconds. One for a process: each process logs for itself."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.refused: Counter[str] = Counter()  # by quota: events, and calls that would have created something
        self._told: set[tuple[str, str, uuid.UUID]] = set()
        self._day = 0

    def seen(self, quota: str, owner_id: uuid.UUID, used: int, limit: int) -> None:
        """So much is used now."""
        if used >= limit:
            self._tell("quota.reached", quota, owner_id, used, limit)
        elif quotas.is_near(used, limit):
            self._tell("quota.near", quota, owner_id, used, limit)

    def _tell(self, line: str, quota: str, owner_id: uuid.UUID, used: int, limit: int) -> None:
        day = int(self._now()) // _DAY_SECONDS
        if day != self._day or len(self._told) >= _MOST:
            self._day, self._told = day, set()
        if (line, quota, owner_id) not in self._told:
            self._told.add((line, quota, owner_id))
            of = "organization_id" if quota in quotas.OF_ORGANIZATION else "application_id"
            log.warning(line, quota=quota, used=used, limit=limit, **{of: str(owner_id)})
