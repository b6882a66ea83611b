"""The first person: an owner for the organization that every database has from the start."""

import secrets
import uuid
from dataclasses import dataclass, field

from hook0_server.access import issue, passwords
from hook0_server.store import audit_entries, database, organizations, owners

_PASSWORD_BYTES = 18


class BootstrapRefused(Exception):
    """There is an owner already, or the address has an account; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Told once: the password is kept only as its hash."""

    email: str
    password: str = field(repr=False)
    organization_id: uuid.UUID


async def create_owner(
    db: database.Database, hashed: passwords.Passwords, email: str, *, first_name: str = "Owner", organization: str = "default"
) -> Owner:
    """An account with a new password, verified, that owns the first organization. Raises BootstrapRefused."""
    organization_id = await organizations.ensure_one(db, issue.new_id(), name=organization)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    password_hash = await hashed.hash(password)
    async with db.connection() as connection, connection.transaction():
        await organizations.lock(connection, organization_id)
        if await owners.has_owner(connection, organization_id):
            raise BootstrapRefused("The organization has an owner already; ask them to add you.")
        user_id = issue.new_id()
        if not await owners.create(
            connection,
            organization_id,
            user_id,
            email=email,
            first_name=first_name,
            password_hash=password_hash,
        ):
            raise BootstrapRefused(f"{email} has an account already; use another address.")
        made = audit_entries.by_system("organization:invite", "member", user_id, organization_id, by="bootstrap")
        await audit_entries.add(connection, made)
    return Owner(email, password, organization_id)
