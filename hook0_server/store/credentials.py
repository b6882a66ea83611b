"""Whose credential it is, and whether an application is there: asked for every call, answered from two indexes."""

import uuid
from dataclasses import dataclass

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


async def application_exists(db: database.Database, application_id: uuid.UUID) -> bool:
    """Whether the application is there and not deleted. Raises errors.Unavailable."""
    return await db.fetch_one(SQL.application_exists, {"application_id": application_id}) is not None
