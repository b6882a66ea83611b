"""Attempts as most who watch want them, made once for all: making one costs ten times what copying it does."""

import uuid

from hook0_client._gen.hook0.v1 import attempt_pb2
from hook0_server.api import convert
from hook0_server.store import attempts

MOST = 2000  # what watchers are apart from each other; who is further behind pays for it


class ShownAttempts:
    """The newest attempts in VIEW_BASIC. What is recorded does not change any more."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: dict[tuple[uuid.UUID, uuid.UUID], attempt_pb2.Attempt] = {}

    def of(self, row: attempts.Attempt) -> attempt_pb2.Attempt:
        """To be copied, not changed."""
        key = (row.application_id, row.attempt_id)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= self._most:
                del self._made[next(iter(self._made))]
            made = self._made[key] = convert.attempt(row)
        return made
