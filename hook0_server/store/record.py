"""Writing what came of attempts: one statement for a batch."""

import operator
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from hook0_server.store import arrays, database, sql

SQL = sql.beside(__file__)


@dataclass(slots=True)
class Finished:
    """One attempt that is over. delay: seconds until the next one, None when the delivery ends; all text is storable."""

    application_id: uuid.UUID
    delivery_id: uuid.UUID
    attempt_id: uuid.UUID
    outcome: int
    reason: str
    finished_at: float  # Unix seconds
    picked_at: float | None = None
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


_COLUMNS: dict[str, Callable[[Sequence[Any]], arrays.Array]] = {
    "application_id": arrays.uuids,
    "delivery_id": arrays.uuids,
    "attempt_id": arrays.uuids,
    "outcome": arrays.smallints,
    "reason": arrays.texts,
    "finished_at": arrays.moments,
    "picked_at": arrays.moments,
    "delay": arrays.doubles,
    "next_attempt_id": arrays.uuids,
    "dead": arrays.bools,
    "parked": arrays.bools,
    "http_status": arrays.smallints,
    "elapsed": arrays.integers,
    "revision": arrays.integers,
    "error_message": arrays.texts,
    "headers": arrays.texts,
    "body": arrays.byteas,
    "headers_truncated": arrays.bools,
    "body_truncated": arrays.bools,
}
_OF_OTHERS = ("delay", "next_attempt_id", "dead", "parked")  # whose delivery goes on, or was given up
_COLUMNS_OF_ENDED = {name: pack for name, pack in _COLUMNS.items() if name not in _OF_OTHERS}


async def record(hot: database.Hot, node: int, batch: Sequence[Finished]) -> tuple[int, int]:
    """Answers how many were recorded (the others were taken over meanwhile), and how many of them are due again at once.

    Raises Unstorable for a text or a number that PostgreSQL cannot take.
    """
    if all(each.delay is None and not each.dead for each in batch):
        [(recorded,)] = await hot.fetch(SQL.record_ended, _packed(batch, _COLUMNS_OF_ENDED) | {"node": node})
        return recorded, 0
    [(recorded, due)] = await hot.fetch(SQL.record, _packed(batch, _COLUMNS) | {"node": node})
    return recorded, due


def _packed(batch: Sequence[Finished], columns: Mapping[str, Callable[[Sequence[Any]], arrays.Array]]) -> dict[str, Any]:
    values = zip(*map(operator.attrgetter(*columns), batch), strict=True)
    try:
        return {name: pack(column) for (name, pack), column in zip(columns.items(), values, strict=True)}
    except (psycopg.DataError, UnicodeError, struct.error) as failure:
        raise database.Unstorable(str(failure)) from failure
