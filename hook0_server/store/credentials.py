"""Whose credential it is, and whether an application is there: asked for every call, answered from two indexes."""

import uuid
from dataclasses import dataclass

from hook0_server.model.roles import Role
from hook0_server.store import database, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class ApplicationSecret:
    application_id: uuid.UUID
    application_secret_id: uuid.UUID


async def application_secret(db: database.Database, secret_hash: bytes) -> ApplicationSecret | None:
    """The secret with this SHA-256 hash where neither it nor its application is deleted. Raises errors.Unavailable."""
    row = await db.fetch_one(SQL.application_secret, {"secret_hash": secret_hash})
    return ApplicationSecret(*row) if row else None


async def application_organization(db: database.Database, application_id: uuid.UUID) -> uuid.UUID | None:
    """Whose the application is; None where there is none, or it was deleted. Raises errors.Unavailable."""
    row = await db.fetch_one(SQL.application_organization, {"application_id": application_id})
    return row[0] if row else None


@dataclass(frozen=True, slots=True)
class ServiceToken:
    organization_id: uuid.UUID
    service_token_id: uuid.UUID


async def service_token(db: database.Database, root_id: bytes) -> ServiceToken | None:
    """The one whose first block has this revocation id, where neither it nor its organization is deleted."""
    row = await db.fetch_one(SQL.service_token, {"root_id": root_id})
    return ServiceToken(*row) if row else None


async def roles_in_session(db: database.Database, session_id: uuid.UUID, user_id: uuid.UUID) -> dict[uuid.UUID, Role] | None:
    """A person's roles by organization; None where the session has ended, or is somebody else's."""
    found = await db.fetch(SQL.roles_in_session, {"session_id": session_id, "user_id": user_id})
    return {row[0]: Role(row[1]) for row in found if row[0] is not None} if found else None


async def visible_organizations(db: database.Database) -> list[uuid.UUID]:
    """The first two of all."""
    return [row[0] for row in await db.fetch(SQL.visible_organizations)]


async def organization_exists(db: database.Database, organization_id: uuid.UUID) -> bool:
    return await db.fetch_one(SQL.organization_exists, {"organization_id": organization_id}) is not None
