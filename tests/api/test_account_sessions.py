import asyncio
import uuid
from collections.abc import AsyncIterator

import argon2
import biscuit_auth
import pytest
import structlog
from registering import EMAIL, OTHER_PASSWORD, PASSWORD, SOURCE, Service, serving

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.access import sessions
from hook0_server.model import errors
from hook0_server.store import database, sessions as stored


@pytest.fixture
async def service(db: database.Database) -> AsyncIterator[Service]:
    async with serving(db) as made:
        await made.registered()
        yield made


def login(email: str = EMAIL, password: str = PASSWORD) -> pb2.LoginRequest:
    return pb2.LoginRequest(email=email, password=password)


def refresh(token: str) -> pb2.RefreshSessionRequest:
    return pb2.RefreshSessionRequest(refresh_token=token)


async def test_a_session_has_tokens_for_five_and_thirty_minutes(service: Service) -> None:
    session = await service.logged_in()
    now = service.db.clock.now()
    assert session.access_token_expires_at.seconds == pytest.approx(now + 300, abs=5)
    assert session.refresh_token_expires_at.seconds == pytest.approx(now + 1800, abs=5)
    access, again = service.root.read(session.access_token), service.root.read(session.refresh_token)
    assert (access.kind, again.kind) == ("user_access", "refresh")
    assert access.session_id == again.session_id
    assert access.expires_at == pytest.approx(now + 300, abs=5)


async def test_lifetimes_are_settings(db: database.Database) -> None:
    async with serving(db, lifetimes=sessions.Lifetimes(access=0.0, refresh=60.0)) as service:
        await service.registered()
        session = await service.logged_in()
        assert not await service.works(session.access_token)
        await service(refresh(session.refresh_token))


async def test_an_access_token_says_who_it_is_and_which_roles_they_have(service: Service) -> None:
    organization_id = uuid.uuid4()
    user_id = (await service.logged_in()).user.user_id
    await service.db.fetch(
        b"INSERT INTO organizations (organization_id, name) VALUES (%(it)s, 'them')", {"it": organization_id}
    )
    await service.db.fetch(
        b"INSERT INTO members (organization_id, user_id, role) VALUES (%(it)s, %(user)s, 1)",
        {"it": organization_id, "user": user_id},
    )
    token = (await service.logged_in()).access_token
    authority = biscuit_auth.UnverifiedBiscuit.from_base64(token).block_source(0)
    assert f'organization_role(hex:{organization_id.hex}, "viewer")' in authority
    assert '"master")' in authority
    assert f'email("{EMAIL}")' in authority


@pytest.mark.parametrize(("email", "password"), [("nobody@example.com", PASSWORD), (EMAIL, OTHER_PASSWORD)])
async def test_a_wrong_password_and_an_unknown_address_look_and_cost_the_same(
    service: Service, email: str, password: str
) -> None:
    runs = service.hasher.runs
    refusal = await service.refusal(login(email, password))
    assert isinstance(refusal, errors.Unauthenticated)
    assert refusal.reason == "LOGIN_FAILED"
    assert refusal.message == (await service.refusal(login("third@example.com", "x"))).message
    assert service.hasher.runs - runs == 2


async def test_the_hash_of_nobody_has_the_parameters_of_real_ones(service: Service) -> None:
    [(stored_hash,)] = await service.db.fetch(b"SELECT password_hash FROM users")
    nobodys = argon2.extract_parameters(service.passwords._nobodys)
    assert nobodys == argon2.extract_parameters(stored_hash)


async def test_a_password_that_is_typed_the_same_is_the_same(service: Service) -> None:
    await service.registered("accents@example.com", "café-lantern-88")
    assert await service.logged_in("accents@example.com", "cafe\u0301-lantern-88")


async def test_failed_logins_are_counted_where_they_come_from_and_with_their_address(db: database.Database) -> None:
    async with serving(db, most_tries=2) as service:
        await service.registered()
        await service.logged_in()
        assert service.tries.wrong == [("register", SOURCE)]
        for _ in range(2):
            assert (await service.refusal(login(password="wrong-one-1"))).reason == "LOGIN_FAILED"
        assert set(service.tries.wrong) - {("register", SOURCE)} == {SOURCE, ("login", SOURCE, EMAIL)}
        runs = service.hasher.runs
        refusal = await service.refusal(login())
        assert (type(refusal), refusal.reason) == (errors.QuotaExceeded, "RATE_LIMITED")
        assert service.hasher.runs == runs


async def test_whoever_has_a_whole_network_of_addresses_counts_once(service: Service) -> None:
    for source in ("2001:db8::1", "2001:db8::2:2"):
        assert (await service.refusal(login(password="wrong-one-1"), source=source)).reason == "LOGIN_FAILED"
    assert service.tries.wrong.count("2001:db8::/64") == 2
    assert service.tries.wrong.count(("login", "2001:db8::/64", EMAIL)) == 2


async def test_a_hash_with_older_parameters_is_made_anew_at_login(service: Service) -> None:
    older = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    await service.db.fetch(b"UPDATE users SET password_hash = %(hash)s", {"hash": older})
    first = await service.logged_in()
    [(now,)] = await service.db.fetch(b"SELECT password_hash FROM users")
    assert argon2.extract_parameters(now).time_cost == 1
    await service.logged_in()
    assert await service.works(first.access_token)
    assert await service.db.fetch(b"SELECT password_hash FROM users") == [(now,)]


async def test_a_refreshed_session_goes_on_with_new_tokens(service: Service) -> None:
    session = await service.logged_in()
    fresh = await service(refresh(session.refresh_token))
    assert fresh.refresh_token != session.refresh_token
    assert fresh.user == session.user
    assert await service.works(session.access_token)
    assert await service.works(fresh.access_token)
    assert service.root.read(fresh.access_token).session_id == service.root.read(session.access_token).session_id
    assert await service(refresh(fresh.refresh_token))


async def test_a_refresh_token_that_was_used_ends_the_session(service: Service) -> None:
    session, bystander = await service.logged_in(), await service.logged_in()
    fresh = await service(refresh(session.refresh_token))
    with structlog.testing.capture_logs() as logged, pytest.raises(errors.Unauthenticated) as caught:
        await service(refresh(session.refresh_token))
    assert caught.value.reason == "CREDENTIALS_INVALID"
    [line] = [each for each in logged if each["event"] == "session.reuse_detected"]
    assert line["user_id"] == session.user.user_id
    assert session.refresh_token not in str(logged)
    for token in (session.access_token, fresh.access_token):
        assert not await service.works(token)
    assert (await service.refusal(refresh(fresh.refresh_token))).reason == "CREDENTIALS_INVALID"
    assert await service.works(bystander.access_token)


async def test_one_refresh_token_used_twice_at_the_same_moment_is_seen(service: Service) -> None:
    session = await service.logged_in()
    both = await asyncio.gather(*(service(refresh(session.refresh_token)) for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["RefreshSessionResponse", "Unauthenticated"]
    assert not await service.works(session.access_token)


async def test_an_expired_refresh_token_is_told_apart(db: database.Database) -> None:
    async with serving(db, lifetimes=sessions.Lifetimes(access=60.0, refresh=0.0)) as service:
        await service.registered()
        session = await service.logged_in()
        refusal = await service.refusal(refresh(session.refresh_token))
        assert (type(refusal), refusal.reason) == (errors.Unauthenticated, "TOKEN_EXPIRED")


async def test_only_a_refresh_token_refreshes(service: Service) -> None:
    session = await service.logged_in()
    for token in (session.access_token, "nonsense", session.refresh_token[:-8] + "AAAAAAAA"):
        assert (await service.refusal(refresh(token))).reason == "CREDENTIALS_INVALID"
    assert [each.field for each in (await service.refusal(refresh(""))).violations] == ["refresh_token"]
    assert await service.works(session.access_token)


async def test_logout_ends_the_tokens_of_its_session_and_no_other(service: Service) -> None:
    session, bystander = await service.logged_in(), await service.logged_in()
    await service(pb2.LogoutRequest(), session.access_token)
    assert not await service.works(session.access_token)
    assert (await service.refusal(refresh(session.refresh_token))).reason == "CREDENTIALS_INVALID"
    assert await service.works(bystander.access_token)


async def test_a_session_never_begins_with_a_password_that_was_changed_meanwhile(service: Service) -> None:
    user_id = uuid.UUID((await service.logged_in()).user.user_id)
    async with service.db.connection() as connection, connection.transaction():
        await connection.execute("UPDATE users SET password_revision = password_revision + 1")
        late = asyncio.create_task(stored.begin(service.db, uuid.uuid4(), user_id, 1, uuid.uuid4(), 60.0))
        await _waits_for_a_lock(service.db)
        assert not late.done()
    assert await late is False


async def _waits_for_a_lock(db: database.Database) -> None:
    waiting = b"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(20):
        while not await db.fetch(waiting):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)


async def test_a_verdict_that_is_remembered_ends_with_the_session(service: Service) -> None:
    """Each is looked at before and after: what is remembered of a good token lives seconds."""
    session = await service.logged_in()
    assert await service.works(session.access_token)
    await service(refresh(session.refresh_token))
    assert await service.works(session.access_token)
    with pytest.raises(errors.Unauthenticated):
        await service(refresh(session.refresh_token))
    assert not await service.works(session.access_token)
    here, elsewhere = await service.logged_in(), await service.logged_in()
    assert await service.works(elsewhere.access_token)
    await service(pb2.ChangePasswordRequest(current_password=PASSWORD, new_password=OTHER_PASSWORD), here.access_token)
    assert not await service.works(elsewhere.access_token)
    assert await service.works(here.access_token)
    await service(pb2.BeginPasswordResetRequest(email=EMAIL))
    await service(pb2.ResetPasswordRequest(token=service.kept.letters[-1].token, new_password=PASSWORD))
    assert not await service.works(here.access_token)
