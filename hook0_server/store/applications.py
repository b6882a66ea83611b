"""Applications. What is deleted is not there any more for any reader here."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from hook0_server.model import errors, quotas
from hook0_server.store import database, rows, sql, subscriptions

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Application:
    application_id: uuid.UUID
    organization_id: uuid.UUID
    name: str
    revision: int
    created_at: datetime
    limits: quotas.Quotas  # its own


async def hold(connection: database.Connection, application_id: uuid.UUID) -> None:
    """Keep it from being deleted until this transaction ends, so that nothing is created in a deleted application.

    Raises NotFound / APPLICATION_NOT_FOUND.
    """
    cursor = await connection.execute(SQL.hold, {"application_id": application_id})
    if await cursor.fetchone() is None:
        raise missing()


def missing() -> errors.NotFound:
    return errors.NotFound("APPLICATION_NOT_FOUND", "There is no such application, or it was deleted; check application_id.")


async def create(
    connection: database.Connection, application_id: uuid.UUID, organization_id: uuid.UUID, name: str
) -> Application:
    parameters = {"application_id": application_id, "organization_id": organization_id, "name": name}
    cursor = await connection.execute(SQL.create, parameters)
    return _read(await rows.only(cursor))


async def get(db: database.Fetching, application_id: uuid.UUID) -> Application | None:
    row = await db.fetch_one(SQL.get, {"application_id": application_id})
    return _read(row) if row else None


async def page(db: database.Database, organization_id: uuid.UUID, *, before: uuid.UUID | None, size: int) -> list[Application]:
    """Newest first, those whose ids are smaller than `before`."""
    rows = await db.fetch(SQL.page, {"organization_id": organization_id, "before": before, "size": size})
    return [_read(row) for row in rows]


async def names(db: database.Database, application_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Of these, deleted ones too."""
    return dict(await db.fetch(SQL.names, {"application_ids": list(application_ids)}))


async def update(
    db: database.Fetching,
    application_id: uuid.UUID,
    *,
    name: str | None,
    limits: quotas.Quotas | None = None,
    revision: int | None,
) -> Application | None:
    """Change what is not None, if it still has this revision (None: any). None: there is no such row."""
    given = None if limits is None else Jsonb(limits.set_ones())
    parameters = {"application_id": application_id, "name": name, "quotas": given, "revision": revision}
    row = await db.fetch_one(SQL.update, parameters)
    return _read(row) if row else None


async def delete(db: database.Fetching, application_id: uuid.UUID) -> bool:
    """End it and its secrets; afterwards, its subscriptions are to be ended in slices. False: there is no such application."""
    return await db.fetch_one(SQL.delete, {"application_id": application_id}) is not None


async def finish_deletions(db: database.Database) -> int:
    """End the subscriptions that a dying server left in deleted applications; answers how many. For upkeep."""
    rows = await db.fetch(SQL.deleted_with_subscriptions)
    return sum([await subscriptions.delete_all(db, row[0]) for row in rows])


def _read(row: database.Row) -> Application:
    application_id, organization_id, name, revision, created_at, limits = row
    return Application(application_id, organization_id, name, revision, created_at, quotas.Quotas.stored(limits))
