import asyncio
import uuid

import pytest
import rows

from hook0_server.model import errors, roles
from hook0_server.store import database, members, users


async def person(db: database.Database, email: str = "owner@example.com") -> uuid.UUID:
    user_id = uuid.uuid4()
    await rows.insert(db, "users", user_id=user_id, email=email, password_hash="-")
    return user_id


async def organization(db: database.Database) -> uuid.UUID:
    organization_id = uuid.uuid4()
    await rows.insert(db, "organizations", organization_id=organization_id, name="them")
    return organization_id


async def join(db: database.Database, organization_id: uuid.UUID, user_id: uuid.UUID, role: int) -> None:
    await rows.insert(db, "members", organization_id=organization_id, user_id=user_id, role=role)


async def remove(db: database.Database, organization_id: uuid.UUID, user_id: uuid.UUID) -> None:
    async with db.connection() as connection, connection.transaction():
        await members.keep_an_owner(connection, organization_id, user_id)
        await connection.execute("DELETE FROM members WHERE organization_id = %s AND user_id = %s", [organization_id, user_id])


async def leave(db: database.Database, user_id: uuid.UUID) -> None:
    async with db.connection() as connection, connection.transaction():
        await members.keep_owners(connection, user_id)
        assert await users.delete(connection, user_id, 1)


async def test_roles_are_those_of_living_organizations(db: database.Database) -> None:
    user_id, first, second, gone = await person(db), *[await organization(db) for _ in range(3)]
    for organization_id, role in ((first, 1), (second, 3), (gone, 3)):
        await join(db, organization_id, user_id, role)
    await db.fetch(b"UPDATE organizations SET deleted_at = now() WHERE organization_id = %(it)s", {"it": gone})
    assert await members.roles_of(db, user_id) == {first: roles.Role.VIEWER, second: roles.Role.OWNER}
    assert await members.roles_of(db, uuid.uuid4()) == {}


async def test_the_only_owner_stays_and_others_may_go(db: database.Database) -> None:
    organization_id, owner, editor = await organization(db), await person(db), await person(db, "editor@example.com")
    await join(db, organization_id, owner, 3)
    await join(db, organization_id, editor, 2)
    with pytest.raises(errors.Precondition) as caught:
        await remove(db, organization_id, owner)
    assert (caught.value.reason, caught.value.metadata) == ("LAST_OWNER", {"organization_id": str(organization_id)})
    await remove(db, organization_id, editor)


async def test_of_two_owners_removed_at_the_same_moment_one_stays(db: database.Database) -> None:
    for _ in range(5):
        organization_id = await organization(db)
        owners = [await person(db, f"{uuid.uuid4()}@example.com") for _ in range(2)]
        for owner in owners:
            await join(db, organization_id, owner, 3)
        ended = await asyncio.gather(*(remove(db, organization_id, owner) for owner in owners), return_exceptions=True)
        assert [each.reason for each in ended if isinstance(each, errors.Refused)] == ["LAST_OWNER"]


async def test_a_person_made_the_owner_while_their_account_is_deleted_leaves_no_organization_alone(
    db: database.Database,
) -> None:
    organization_id, owner, editor = await organization(db), await person(db), await person(db, "editor@example.com")
    await join(db, organization_id, owner, 3)
    await join(db, organization_id, editor, 2)
    async with db.connection() as connection, connection.transaction():
        await members.keep_owners(connection, editor)
        promotion = asyncio.create_task(db.fetch(b"UPDATE members SET role = 3 WHERE user_id = %(user)s", {"user": editor}))
        await asyncio.sleep(0.1)
        assert not promotion.done()
        assert await users.delete(connection, editor, 1)
    await promotion
    with pytest.raises(errors.Precondition):
        await remove(db, organization_id, owner)


async def test_an_invitation_takes_nothing_from_who_is_a_member_already(db: database.Database) -> None:
    organization_id, user_id = await organization(db), await person(db, "Owner@Example.com")
    await join(db, organization_id, user_id, 3)
    await rows.insert(db, "invitations", organization_id=organization_id, email="owner@example.com", role=1)
    async with db.connection() as connection, connection.transaction():
        assert await members.accept_invitations(connection, user_id) == 0
    assert await members.roles_of(db, user_id) == {organization_id: roles.Role.OWNER}
    assert await db.fetch(b"SELECT count(*) FROM invitations") == [(0,)]


async def test_an_address_is_held_by_one_at_a_time_in_any_case_of_letters(db: database.Database) -> None:
    async with db.connection() as connection, connection.transaction():
        await members.hold_address(connection, "Owner@example.com")

        async def other(email: str) -> None:
            async with db.connection() as second, second.transaction():
                await members.hold_address(second, email)

        await asyncio.wait_for(other("second@example.com"), 5)
        waiting = asyncio.create_task(other("owner@EXAMPLE.com"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)
