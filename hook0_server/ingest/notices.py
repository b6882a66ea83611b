"""Who comes near a limit or reaches it: a line in the log once a day for each, and what a scrape shows."""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from hook0_server.model import quotas
from hook0_server.store import database, usage

log = structlog.get_logger(__name__)

_MOST = 10_000
_DAY_SECONDS = 86_400


class Notices:
    """`now`: the database's time in Unix seconds. One for a process; of all processes of a database one logs it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.refused: Counter[str] = Counter()  # by quota: events, and calls that would have created something
        self._seen: set[usage.Notice] = set()  # today
        self._untold: dict[usage.Notice, tuple[int, int]] = {}  # what is used, and the limit
        self._day = 0

    def seen(self, quota: str, owner_id: uuid.UUID, used: int, limit: int) -> None:
        """So much is used now."""
        if used >= limit:
            self._note(usage.Notice("quota.reached", quota, owner_id), used, limit)
        elif quotas.is_near(used, limit):
            self._note(usage.Notice("quota.near", quota, owner_id), used, limit)

    def _note(self, notice: usage.Notice, used: int, limit: int) -> None:
        day = int(self._now()) // _DAY_SECONDS
        if day != self._day or len(self._seen) >= _MOST:
            self._day, self._seen, self._untold = day, set(), {}
        if notice not in self._seen:
            self._seen.add(notice)
            self._untold[notice] = used, limit

    async def tell(self, db: database.Database) -> None:
        """Log what was seen and what no process has logged today. Raises errors.Unavailable; then it is told the next time."""
        if not self._untold:
            return
        untold = dict(self._untold)
        first = await usage.begin_notices(db, datetime.fromtimestamp(self._day * _DAY_SECONDS, UTC).date(), list(untold))
        for notice, (used, limit) in untold.items():
            self._untold.pop(notice, None)
            if notice in first:
                of = "organization_id" if notice.quota in quotas.OF_ORGANIZATION else "application_id"
                log.warning(notice.line, quota=notice.quota, used=used, limit=limit, **{of: str(notice.owner_id)})
