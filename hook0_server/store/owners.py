"""The first owner of an organization, made by whoever runs the server."""

import uuid

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


async def has_owner(connection: database.Connection, organization_id: uuid.UUID) -> bool:
    """Lock the organization first, so that it stays true."""
    return await (await connection.execute(SQL.has_owner, {"organization_id": organization_id})).fetchone() is not None


async def create(
    connection: database.Connection,
    organization_id: uuid.UUID,
    user_id: uuid.UUID,
    *,
    email: str,
    first_name: str,
    password_hash: str,
) -> bool:
    """False: the address has an account already."""
    parameters = {
        "organization_id": organization_id,
        "user_id": user_id,
        "email": email,
        "first_name": first_name,
        "password_hash": password_hash,
    }
    return await (await connection.execute(SQL.create, parameters)).fetchone() is not None
