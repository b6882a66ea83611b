"""Who belongs to an organization: people, and addresses of people who have no account yet."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from hook0_server.model import errors
from hook0_server.model.roles import Role
from hook0_server.store import database, members, organizations, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Member:
    email: str  # in lower case
    user_id: uuid.UUID | None  # None: an open invitation
    first_name: str
    last_name: str
    role: Role
    created_at: datetime


def _member(row: database.Row) -> Member:
    email, user_id, first_name, last_name, role, created_at = row
    return Member(email, user_id, first_name, last_name, Role(role), created_at)


async def add(connection: database.Connection, organization_id: uuid.UUID, email: str, role: Role) -> Member:
    """A member where the address has an account, else an invitation. Raises AlreadyExists / MEMBER_ALREADY_EXISTS."""
    await organizations.hold(connection, organization_id)
    await members.hold_address(connection, email)
    cursor = await connection.execute(SQL.account, {"email": email})
    account = await cursor.fetchone()
    given = {"organization_id": organization_id, "role": int(role)}
    if account is None:
        cursor = await connection.execute(SQL.invite, {**given, "email": email})
    else:
        cursor = await connection.execute(SQL.add, {**given, "user_id": account[0]})
    if await cursor.fetchone() is None:
        raise errors.AlreadyExists("MEMBER_ALREADY_EXISTS", "This person is a member of the organization already, or invited.")
    return await get(connection, organization_id, email=email)


async def join(connection: database.Connection, organization_id: uuid.UUID, user_id: uuid.UUID, role: Role) -> None:
    """Make somebody a member who is none."""
    parameters = {"organization_id": organization_id, "user_id": user_id, "role": int(role)}
    await connection.execute(SQL.add, parameters)


async def get(
    connection: database.Connection, organization_id: uuid.UUID, *, email: str | None = None, user_id: uuid.UUID | None = None
) -> Member:
    """By address or by person. Raises NotFound / MEMBER_NOT_FOUND."""
    parameters = {"organization_id": organization_id, "email": email, "user_id": user_id}
    row = await (await connection.execute(SQL.get, parameters)).fetchone()
    if row is None:
        raise errors.NotFound("MEMBER_NOT_FOUND", "The organization has no such member and no such invitation.")
    return _member(row)


async def page(db: database.Database, organization_id: uuid.UUID, *, after: str, size: int) -> list[Member]:
    """By address, those after `after`; the pending ones too."""
    found = await db.fetch(SQL.page, {"organization_id": organization_id, "after": after, "size": size})
    return [_member(row) for row in found]


async def change(connection: database.Connection, organization_id: uuid.UUID, member: Member, role: Role) -> None:
    """Another role. Raises Precondition / LAST_OWNER."""
    given = {"organization_id": organization_id, "role": int(role)}
    if member.user_id is None:
        await connection.execute(SQL.change_invitation, {**given, "email": member.email})
        return
    if role is not Role.OWNER:
        await members.keep_an_owner(connection, organization_id, member.user_id)
    await connection.execute(SQL.change, {**given, "user_id": member.user_id})


async def remove(connection: database.Connection, organization_id: uuid.UUID, member: Member) -> None:
    """Raises Precondition / LAST_OWNER."""
    if member.user_id is None:
        await connection.execute(SQL.withdraw, {"organization_id": organization_id, "email": member.email})
        return
    await members.keep_an_owner(connection, organization_id, member.user_id)
    await connection.execute(SQL.remove, {"organization_id": organization_id, "user_id": member.user_id})
