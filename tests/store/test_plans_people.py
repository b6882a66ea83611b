"""The plans of people's calls, beside thousands of other people, whatever is known of the tables."""

import uuid
from collections.abc import Awaitable, Callable

import planning
import pytest

from hook0_server.store import credentials, database, members, sessions, unverified, users

SEED = """
WITH person AS (
  INSERT INTO users (user_id, email, password_hash)
  SELECT gen_random_uuid(), 'Person' || n || '@example.com', '-' FROM generate_series(1, 5000) n RETURNING user_id, email
), organization AS (
  INSERT INTO organizations (organization_id, name) SELECT user_id, 'own' FROM person RETURNING organization_id
), member AS (
  INSERT INTO members (organization_id, user_id, role) SELECT user_id, user_id, 3 FROM person
), invitation AS (
  INSERT INTO invitations (organization_id, email, role) SELECT user_id, 'guest' || email, 1 FROM person
)
INSERT INTO sessions (session_id, user_id, refresh_token_id, expire_at)
SELECT user_id, user_id, gen_random_uuid(), now() + interval '1 day' FROM person
"""
FEW = 20


@pytest.fixture(params=["analyzed", "unknown"])
async def requests(request: pytest.FixtureRequest, db: database.Database) -> planning.Explaining:
    async with db.connection() as connection:
        await connection.execute("INSERT INTO organizations (organization_id, name) SELECT gen_random_uuid(), 'x'")
        await connection.execute(SEED.encode())
        if request.param == "analyzed":
            await connection.execute("ANALYZE users, members, invitations, sessions, organizations")
    return planning.Explaining(db, requests=True)


async def test_what_a_person_does_reads_their_rows_alone(requests: planning.Explaining, db: database.Database) -> None:
    [(user_id,)] = await db.fetch(b"SELECT user_id FROM users WHERE email = 'Person77@example.com'")
    explained = requests.pool
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: users.by_email(explained, "person77@EXAMPLE.com"),
        lambda: users.get(explained, user_id),
        lambda: users.begin_reset(explained, user_id, b"root"),
        lambda: users.hash_anew(explained, user_id, 1, "-"),
        lambda: members.roles_of(explained, user_id),
        lambda: credentials.roles_in_session(explained, user_id, user_id),
        lambda: sessions.begin(explained, uuid.uuid4(), user_id, 1, uuid.uuid4(), 60.0),
        lambda: requests.fetch(sessions.SQL.hold, {"session_id": user_id}),
        lambda: requests.fetch(sessions.SQL.end_all, {"user_id": user_id, "kept": None}),
        lambda: requests.fetch(users.SQL.verify, {"user_id": user_id}),
        lambda: requests.fetch(members.SQL.hold_owners, {"organization_id": user_id}),
        lambda: requests.fetch(members.SQL.hold_owners_around, {"user_id": user_id}),
        lambda: requests.fetch(members.SQL.accept_invitations, {"user_id": user_id}),
        lambda: requests.fetch(unverified.SQL.candidates, {"days": 7, "user_id": None, "slice": 100}),
        lambda: requests.fetch(unverified.SQL.hold_organizations, {"user_id": user_id}),
    ]
    for ask in asked:
        await ask()
        requests.judge(FEW)


async def test_looking_for_unverified_accounts_reads_a_few_rows_of_each(
    requests: planning.Explaining, db: database.Database
) -> None:
    [(user_id,)] = await db.fetch(b"SELECT user_id FROM users WHERE email = 'Person77@example.com'")
    await db.fetch(b"UPDATE users SET created_at = now() - interval '9 days' WHERE user_id = %(own)s", {"own": user_id})
    for named in (None, user_id):
        await requests.fetch(unverified.SQL.candidates, {"days": 7, "user_id": named, "slice": 100})
        requests.judge(FEW)
