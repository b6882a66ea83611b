"""Writing what came of attempts: one statement for a batch."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


@dataclass(slots=True)
class Finished:
    """One attempt that is over. delay: seconds until the next one, None when the delivery ends; all text is storable."""

    application_id: uuid.UUID
    delivery_id: uuid.UUID
    attempt_id: uuid.UUID
    outcome: int
    reason: str
    finished_at: datetime
    picked_at: datetime | None = None
    delay: float | None = None
    next_attempt_id: uuid.UUID | None = None
    dead: bool = False
    parked: bool = False
    http_status: int | None = None
    elapsed: int | None = None  # microseconds
    revision: int | None = None
    error_message: str | None = None
    headers: str | None = None  # JSON object
    body: bytes | None = None
    headers_truncated: bool = False
    body_truncated: bool = False


_COLUMNS = tuple(Finished.__dataclass_fields__)


async def record(hot: database.Hot, node: int, batch: Sequence[Finished]) -> tuple[int, int]:
    """Answers how many were recorded (the others were taken over meanwhile), and how many of them are due again at once."""
    parameters: dict[str, object] = {name: [getattr(each, name) for each in batch] for name in _COLUMNS}
    parameters["node"] = node
    [(recorded, due)] = await hot.fetch(SQL.record, parameters)
    return recorded, due
