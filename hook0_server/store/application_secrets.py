"""Secrets of applications. Their values are only written here; what a caller sent is looked up by store/credentials."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class ApplicationSecret:
    application_id: uuid.UUID
    application_secret_id: uuid.UUID
    name: str
    created_at: datetime
    deleted_at: datetime | None


async def create(
    connection: database.Connection,
    application_id: uuid.UUID,
    application_secret_id: uuid.UUID,
    name: str,
    *,
    digest: bytes,
    sealed: bytes,
) -> ApplicationSecret:
    """`digest`: SHA-256 of the secret; `sealed`: the secret, encrypted for this row."""
    parameters = {
        "application_id": application_id,
        "application_secret_id": application_secret_id,
        "name": name,
        "digest": digest,
        "sealed": sealed,
    }
    cursor = await connection.execute(SQL.create, parameters)
    return ApplicationSecret(*await rows.only(cursor))


async def page(
    db: database.Database, application_id: uuid.UUID, *, before: uuid.UUID | None, size: int
) -> list[ApplicationSecret]:
    """Newest first, those whose ids are smaller than `before`; deleted ones too."""
    rows = await db.fetch(SQL.page, {"application_id": application_id, "before": before, "size": size})
    return [ApplicationSecret(*row) for row in rows]


async def update(
    db: database.Fetching, application_id: uuid.UUID, application_secret_id: uuid.UUID, *, name: str | None
) -> ApplicationSecret | None:
    """Change what is not None. None: there is no such secret, or it was deleted."""
    parameters = {"application_id": application_id, "application_secret_id": application_secret_id, "name": name}
    row = await db.fetch_one(SQL.update, parameters)
    return ApplicationSecret(*row) if row else None


async def delete(db: database.Fetching, application_id: uuid.UUID, application_secret_id: uuid.UUID) -> bool:
    """False: there is no such secret, or it was deleted already."""
    parameters = {"application_id": application_id, "application_secret_id": application_secret_id}
    return await db.fetch_one(SQL.delete, parameters) is not None


async def sealed(
    db: database.Database, application_id: uuid.UUID, application_secret_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, bytes]:
    """The sealed values of these secrets, deleted ones too."""
    wanted = {"application_id": application_id, "application_secret_ids": list(application_secret_ids)}
    return dict(await db.fetch(SQL.sealed, wanted))


async def find(db: database.Database, application_id: uuid.UUID, digest: bytes) -> ApplicationSecret | None:
    """The one of this value, be it deleted."""
    row = await db.fetch_one(SQL.find, {"application_id": application_id, "digest": digest})
    return ApplicationSecret(*row) if row else None
