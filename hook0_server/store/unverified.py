"""Accounts that nobody ever proved the address of: somebody's typing errors, or an address that is somebody else's."""

import uuid

from hook0_server.store import audit_entries, database, members, organizations, sql

SQL = sql.beside(__file__)
_SLICE = 100


async def remove(db: database.Database, *, days: int) -> int:
    """Remove those that are so many days old and that nothing depends on, with their empty organizations; answers how many.

    Each in a transaction of its own. Several servers may do so at once.
    """
    total = 0
    while found := await db.fetch(SQL.candidates, {"days": days, "user_id": None, "slice": _SLICE}):
        removed = sum([await _remove_one(db, user_id, email, days) for user_id, email in found])
        total += removed
        if not removed:  # another server does the same
            break
    return total


async def _remove_one(db: database.Database, user_id: uuid.UUID, email: str, days: int) -> bool:
    """False: somebody came between. Organizations are locked before the address, as where a member is added."""
    async with db.connection() as connection, connection.transaction():
        held = await (await connection.execute(SQL.hold_organizations, {"user_id": user_id})).fetchall()
        await members.hold_address(connection, email)
        still = await connection.execute(SQL.candidates, {"days": days, "user_id": user_id, "slice": 1})
        if await still.fetchone() is None:
            return False
        if await (await connection.execute(SQL.remove, {"user_id": user_id})).fetchone() is None:
            return False
        await audit_entries.add(connection, audit_entries.by_system("auth:delete_account", "user", user_id))
        for (organization_id,) in held:
            await organizations.delete(connection, organization_id)
            done = audit_entries.by_system("organization:delete", "organization", organization_id, organization_id)
            await audit_entries.add(connection, done)
        return True
