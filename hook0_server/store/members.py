"""Members of organizations: who has which role, and that an owner is left."""

import uuid
from collections import defaultdict
from collections.abc import Mapping

from hook0_server.model import errors, roles
from hook0_server.store import database, sql

SQL = sql.beside(__file__)


async def roles_of(db: database.Fetching, user_id: uuid.UUID) -> Mapping[uuid.UUID, roles.Role]:
    """Organization → the person's role there; deleted organizations are left out."""
    return {row[0]: roles.Role(row[1]) for row in await db.fetch(SQL.roles_of, {"user_id": user_id})}


async def hold_address(connection: database.Connection, email: str) -> None:
    """Wait for whoever registers, verifies or invites this address, and keep others waiting until the transaction ends."""
    await connection.execute(SQL.hold_address, {"email": email})


async def keep_an_owner(connection: database.Connection, organization_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Before a member is removed or gets another role, in the same transaction: raises Precondition / LAST_OWNER where that
    one is the only owner.
    """
    owners = await (await connection.execute(SQL.hold_owners, {"organization_id": organization_id})).fetchall()
    if owners == [(user_id,)]:
        raise last_owner(organization_id)


async def keep_owners(connection: database.Connection, user_id: uuid.UUID) -> None:
    """The same before an account is deleted, for each of its organizations."""
    held = await (await connection.execute(SQL.hold_owners_around, {"user_id": user_id})).fetchall()
    owners: defaultdict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for organization_id, owner_id, given in held:
        if given == roles.Role.OWNER:
            owners[organization_id].append(owner_id)
    for organization_id, owner_ids in owners.items():
        if owner_ids == [user_id]:
            raise last_owner(organization_id)


def last_owner(organization_id: uuid.UUID) -> errors.Precondition:
    return errors.Precondition(
        "LAST_OWNER",
        "An organization keeps at least one owner; give it another one, or delete it, first.",
        metadata={"organization_id": str(organization_id)},
    )


async def accept_invitations(connection: database.Connection, user_id: uuid.UUID) -> int:
    """Make the open invitations of this person's address memberships; answers how many. Hold the address first."""
    return (await connection.execute(SQL.accept_invitations, {"user_id": user_id})).rowcount
