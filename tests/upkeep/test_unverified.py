"""Accounts that nobody verified go after some days, with what is empty, and with nothing that somebody needs."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from hook0_server.store import database, members, organizations, unverified
from tests import rows

OLD = rows.ago(days=8)


async def account(db: database.Database, *, age_days: float = 8, **over: object) -> tuple[uuid.UUID, uuid.UUID]:
    """An unverified one with an organization of its own: their ids."""
    user_id, organization_id = rows.id7(), rows.id7()
    person = {"email": f"{user_id}@example.com", "password_hash": "-", "created_at": rows.ago(days=age_days), **over}
    await rows.insert(db, "users", user_id=user_id, **person)
    await rows.insert(db, "organizations", organization_id=organization_id, name="own")
    await rows.insert(db, "members", organization_id=organization_id, user_id=user_id, role=3)
    return user_id, organization_id


async def left(db: database.Database) -> set[uuid.UUID]:
    """People, and organizations that are not deleted."""
    statement = b"SELECT user_id FROM users UNION ALL SELECT organization_id FROM organizations WHERE deleted_at IS NULL"
    return {row[0] for row in await db.fetch(statement)}


async def test_an_account_that_nobody_verified_goes_with_its_empty_organization_and_leaves_entries(
    db: database.Database,
) -> None:
    user_id, organization_id = await account(db)
    young, verified = await account(db, age_days=6.9), await account(db, verified_at=OLD)
    assert await unverified.remove(db, days=7) == 1
    assert await left(db) == {*young, *verified}
    written = b"SELECT action, actor_kind, resource_id, organization_id FROM audit_entries ORDER BY audit_entry_id"
    assert set(await db.fetch(written)) == {
        ("auth:delete_account", "system", str(user_id), None),
        ("organization:delete", "system", str(organization_id), organization_id),
    }


async def another_member(db: database.Database, _: uuid.UUID, organization_id: uuid.UUID) -> None:
    other, _ = await account(db, verified_at=OLD)
    await rows.insert(db, "members", organization_id=organization_id, user_id=other, role=1)


async def an_invitation(db: database.Database, _: uuid.UUID, organization_id: uuid.UUID) -> None:
    await rows.insert(db, "invitations", organization_id=organization_id, email="guest@example.com", role=1)


async def an_application(db: database.Database, _: uuid.UUID, organization_id: uuid.UUID) -> None:
    await rows.insert(db, "applications", application_id=rows.id7(), organization_id=organization_id, name="shop")


async def a_service_token(db: database.Database, _: uuid.UUID, organization_id: uuid.UUID) -> None:
    token = {"name": "billing", "root_id": b"r", "token_encrypted": b"-"}
    await rows.insert(db, "service_tokens", organization_id=organization_id, service_token_id=rows.id7(), **token)


async def a_session(db: database.Database, user_id: uuid.UUID, _: uuid.UUID) -> None:
    session = {"refresh_token_id": rows.id7(), "expire_at": rows.ago(days=-1)}
    await rows.insert(db, "sessions", session_id=rows.id7(), user_id=user_id, **session)


async def a_membership(db: database.Database, user_id: uuid.UUID, _: uuid.UUID) -> None:
    _, elsewhere = await account(db, verified_at=OLD)
    await rows.insert(db, "members", organization_id=elsewhere, user_id=user_id, role=1)


Having = Callable[[database.Database, uuid.UUID, uuid.UUID], Awaitable[None]]


@pytest.mark.parametrize("having", [another_member, an_invitation, an_application, a_service_token, a_session, a_membership])
async def test_an_account_that_something_depends_on_stays(db: database.Database, having: Having) -> None:
    kept = await account(db)
    await having(db, *kept)
    assert await unverified.remove(db, days=7) == 0
    assert set(kept) <= await left(db)


async def test_who_is_verified_or_joined_at_that_moment_stays(db: database.Database) -> None:
    (verified, _), (_, joined) = await account(db), await account(db)
    other, _ = await account(db, verified_at=OLD)
    async with db.connection() as connection, connection.transaction():
        await members.hold_address(connection, f"{verified}@example.com")
        await connection.execute("UPDATE users SET verified_at = now() WHERE user_id = %s", [verified])
        await organizations.hold(connection, joined)
        await connection.execute("INSERT INTO members (organization_id, user_id, role) VALUES (%s, %s, 1)", [joined, other])
        removing = asyncio.create_task(unverified.remove(db, days=7))
        async with asyncio.timeout(10):
            while not await db.fetch(b"SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the database is asked
                await asyncio.sleep(0.01)
    assert await removing == 0
    assert {verified, joined} <= await left(db)


async def test_servers_that_remove_at_once_each_remove_their_own(db: database.Database) -> None:
    for _ in range(8):
        await account(db)
    removed = await asyncio.gather(*(unverified.remove(db, days=7) for _ in range(2)))
    assert sum(removed) == 8
    assert await left(db) == set()
