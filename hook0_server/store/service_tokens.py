"""Service tokens. Their values are only written here; what a caller sent is looked up by store/credentials."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class ServiceToken:
    organization_id: uuid.UUID
    service_token_id: uuid.UUID
    name: str
    created_at: datetime
    expire_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """`root_id`: revocation id of the token's first block; `sealed`: the token, encrypted for this row."""

    organization_id: uuid.UUID
    service_token_id: uuid.UUID
    name: str
    root_id: bytes
    sealed: bytes
    expire_at: datetime | None


async def create(connection: database.Connection, draft: Draft) -> ServiceToken:
    parameters = {
        "organization_id": draft.organization_id,
        "service_token_id": draft.service_token_id,
        "name": draft.name,
        "root_id": draft.root_id,
        "sealed": draft.sealed,
        "expire_at": draft.expire_at,
    }
    return ServiceToken(*await rows.only(await connection.execute(SQL.create, parameters)))


async def get(db: database.Database, organization_id: uuid.UUID, service_token_id: uuid.UUID) -> ServiceToken | None:
    row = await db.fetch_one(SQL.get, {"organization_id": organization_id, "service_token_id": service_token_id})
    return ServiceToken(*row) if row else None


async def page(db: database.Database, organization_id: uuid.UUID, *, before: uuid.UUID | None, size: int) -> list[ServiceToken]:
    """Newest first, those whose ids are smaller than `before`."""
    found = await db.fetch(SQL.page, {"organization_id": organization_id, "before": before, "size": size})
    return [ServiceToken(*row) for row in found]


async def sealed(
    db: database.Database, organization_id: uuid.UUID, service_token_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, bytes]:
    """The sealed values of those of these tokens that are there."""
    wanted = {"organization_id": organization_id, "service_token_ids": list(service_token_ids)}
    return dict(await db.fetch(SQL.sealed, wanted))


async def update(
    db: database.Fetching, organization_id: uuid.UUID, service_token_id: uuid.UUID, *, name: str | None
) -> ServiceToken | None:
    """Change what is not None. None: there is no such token, or it was deleted."""
    parameters = {"organization_id": organization_id, "service_token_id": service_token_id, "name": name}
    row = await db.fetch_one(SQL.update, parameters)
    return ServiceToken(*row) if row else None


async def delete(db: database.Fetching, organization_id: uuid.UUID, service_token_id: uuid.UUID) -> bool:
    """False: there is no such token, or it was deleted already."""
    parameters = {"organization_id": organization_id, "service_token_id": service_token_id}
    return await db.fetch_one(SQL.delete, parameters) is not None
