"""Event types. A deleted one is deactivated: it stays, because events and subscriptions name it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class EventType:
    application_id: uuid.UUID
    event_type: str
    description: str
    revision: int
    created_at: datetime
    deactivated_at: datetime | None


async def create(
    connection: database.Connection,
    application_id: uuid.UUID,
    event_type: str,
    *,
    candidates: Sequence[str],
    description: str,
) -> EventType | None:
    """Create it, or bring a deactivated one back. None: it is in use already."""
    parameters = {
        "application_id": application_id,
        "event_type": event_type,
        "candidates": list(candidates),
        "description": description,
    }
    cursor = await connection.execute(SQL.create, parameters)
    row = await cursor.fetchone()
    return EventType(*row) if row else None


async def get(db: database.Fetching, application_id: uuid.UUID, event_type: str) -> EventType | None:
    """Also a deactivated one."""
    row = await db.fetch_one(SQL.get, {"application_id": application_id, "event_type": event_type})
    return EventType(*row) if row else None


async def page(db: database.Database, application_id: uuid.UUID, *, after: str, size: int) -> list[EventType]:
    """Those in use, by name, from behind `after` ('' = from the beginning)."""
    rows = await db.fetch(SQL.page, {"application_id": application_id, "after": after, "size": size})
    return [EventType(*row) for row in rows]


async def update(
    db: database.Fetching, application_id: uuid.UUID, event_type: str, *, description: str | None, revision: int | None
) -> EventType | None:
    """Change what is not None, if it is in use and still has this revision (None: any). None: there is no such row."""
    parameters = {
        "application_id": application_id,
        "event_type": event_type,
        "description": description,
        "revision": revision,
    }
    row = await db.fetch_one(SQL.update, parameters)
    return EventType(*row) if row else None


async def deactivate(db: database.Fetching, application_id: uuid.UUID, event_type: str) -> bool:
    """False: there is no such event type in use."""
    parameters = {"application_id": application_id, "event_type": event_type}
    return await db.fetch_one(SQL.deactivate, parameters) is not None


async def unknown(connection: database.Connection, application_id: uuid.UUID, event_types: Sequence[str]) -> list[str]:
    """Which of these names are not in use, in the order given."""
    parameters = {"application_id": application_id, "event_types": list(event_types)}
    cursor = await connection.execute(SQL.unknown, parameters)
    return [row[0] for row in await cursor.fetchall()]
