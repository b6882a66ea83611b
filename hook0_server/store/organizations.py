"""Organizations: who applications belong to. What is deleted is not there any more for any reader here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from hook0_server.model import errors, quotas
from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Organization:
    organization_id: uuid.UUID
    name: str
    revision: int
    created_at: datetime
    limits: quotas.Quotas  # its own


async def ensure_one(db: database.Database, organization_id: uuid.UUID, *, name: str) -> uuid.UUID:
    """The id of the first one; where there is none, it is made with this id and name. Servers that start together make one."""
    async with db.connection() as connection, connection.transaction():
        await connection.execute(SQL.lock)
        cursor = await connection.execute(SQL.first)
        row = await cursor.fetchone()
        if row is None:
            return (await create(connection, organization_id, name)).organization_id
        first: uuid.UUID = row[0]
        return first


def missing() -> errors.NotFound:
    return errors.NotFound("ORGANIZATION_NOT_FOUND", "There is no such organization, or it was deleted; check organization_id.")


async def hold(connection: database.Connection, organization_id: uuid.UUID) -> None:
    """Keep it from being deleted until this transaction ends. Raises NotFound / ORGANIZATION_NOT_FOUND."""
    cursor = await connection.execute(SQL.hold, {"organization_id": organization_id})
    if await cursor.fetchone() is None:
        raise missing()


async def lock(connection: database.Connection, organization_id: uuid.UUID) -> None:
    """The same, and nobody else changes it or who belongs to it meanwhile."""
    cursor = await connection.execute(SQL.lock_one, {"organization_id": organization_id})
    if await cursor.fetchone() is None:
        raise missing()


async def create(connection: database.Connection, organization_id: uuid.UUID, name: str) -> Organization:
    cursor = await connection.execute(SQL.create, {"organization_id": organization_id, "name": name})
    return _read(await rows.only(cursor))


async def get(db: database.Fetching, organization_id: uuid.UUID) -> Organization | None:
    row = await db.fetch_one(SQL.get, {"organization_id": organization_id})
    return _read(row) if row else None


async def page(
    db: database.Database, visible: Sequence[uuid.UUID] | None, *, before: uuid.UUID | None, size: int
) -> list[Organization]:
    """Newest first, of those that are visible (None: all), those whose ids are smaller than `before`."""
    parameters = {"visible": None if visible is None else list(visible), "before": before, "size": size}
    return [_read(row) for row in await db.fetch(SQL.page, parameters)]


async def update(
    db: database.Fetching,
    organization_id: uuid.UUID,
    *,
    name: str | None,
    limits: quotas.Quotas | None = None,
    revision: int | None,
) -> Organization | None:
    """Change what is not None, if it still has this revision (None: any). None: there is no such row."""
    given = None if limits is None else Jsonb(limits.set_ones())
    parameters = {"organization_id": organization_id, "name": name, "quotas": given, "revision": revision}
    row = await db.fetch_one(SQL.update, parameters)
    return _read(row) if row else None


async def applications(connection: database.Connection, organization_id: uuid.UUID, *, size: int) -> list[uuid.UUID]:
    """The first ones that are left."""
    cursor = await connection.execute(SQL.applications, {"organization_id": organization_id, "size": size})
    return [row[0] for row in await cursor.fetchall()]


async def delete(connection: database.Connection, organization_id: uuid.UUID) -> bool:
    """End it and what people had in it. False: there is no such organization."""
    cursor = await connection.execute(SQL.delete, {"organization_id": organization_id})
    return await cursor.fetchone() is not None


def _read(row: database.Row) -> Organization:
    organization_id, name, revision, created_at, limits = row
    return Organization(organization_id, name, revision, created_at, quotas.Quotas.stored(limits))
