import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from registering import EMAIL, OTHER_PASSWORD, PASSWORD, Service, serving

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
async def service(db: database.Database) -> AsyncIterator[Service]:
    async with serving(db) as made:
        await made.registered()
        made.kept.letters.clear()
        yield made


async def begin(service: Service, email: str = EMAIL) -> str:
    """The token of the message; '' where none was sent."""
    before = len(service.kept.letters)
    assert await service(pb2.BeginPasswordResetRequest(email=email)) == pb2.BeginPasswordResetResponse()
    return "".join(letter.token for letter in service.kept.letters[before:])


def reset(token: str, password: str = OTHER_PASSWORD) -> pb2.ResetPasswordRequest:
    return pb2.ResetPasswordRequest(token=token, new_password=password)


def change(current: str = PASSWORD, new: str = OTHER_PASSWORD) -> pb2.ChangePasswordRequest:
    return pb2.ChangePasswordRequest(current_password=current, new_password=new)


async def test_a_changed_password_ends_every_other_session(service: Service) -> None:
    here, elsewhere = await service.logged_in(), await service.logged_in()
    await service(change(), here.access_token)
    assert await service.works(here.access_token)
    assert not await service.works(elsewhere.access_token)
    refusal = await service.refusal(pb2.RefreshSessionRequest(refresh_token=elsewhere.refresh_token))
    assert refusal.reason == "CREDENTIALS_INVALID"
    assert (await service.refusal(pb2.LoginRequest(email=EMAIL, password=PASSWORD))).reason == "LOGIN_FAILED"
    await service.logged_in(password=OTHER_PASSWORD)


async def test_changing_a_password_needs_the_current_one(service: Service) -> None:
    token = (await service.logged_in()).access_token
    refusal = await service.refusal(change(current="not-this-one"), token)
    assert isinstance(refusal, errors.Unauthenticated)
    assert refusal.reason == "LOGIN_FAILED"
    assert service.tries.wrong


async def test_a_new_password_is_judged_by_who_it_is_for(service: Service) -> None:
    token = (await service.logged_in()).access_token
    refusal = await service.refusal(change(new="owner-example-77"), token)
    assert (refusal.reason, refusal.metadata["problem"]) == ("PASSWORD_REFUSED", "similar_to_email")


async def test_of_two_changes_at_the_same_moment_one_is_made(service: Service) -> None:
    token = (await service.logged_in()).access_token
    both = await asyncio.gather(service(change(), token), service(change(new="third-harbor-42"), token), return_exceptions=True)
    assert [each.reason for each in both if isinstance(each, errors.Refused)] == ["LOGIN_FAILED"]


async def test_a_forgotten_password_is_reset_by_a_message_and_every_session_ends(service: Service) -> None:
    session = await service.logged_in()
    token = await begin(service, "OWNER@example.com")
    [letter] = service.kept.letters
    assert letter.to == EMAIL
    assert letter.link.startswith("https://app.example.com/reset-password?token=")
    assert token in letter.text
    await service(reset(token))
    assert not await service.works(session.access_token)
    assert (await service.refusal(pb2.LoginRequest(email=EMAIL, password=PASSWORD))).reason == "LOGIN_FAILED"
    await service.logged_in(password=OTHER_PASSWORD)


async def test_an_unknown_address_gets_the_same_answer_and_no_message(service: Service) -> None:
    runs = service.hasher.runs
    assert await begin(service, "nobody@example.com") == ""
    assert await begin(service)
    assert service.hasher.runs == runs


async def test_a_reset_is_good_once(service: Service) -> None:
    token = await begin(service)
    both = await asyncio.gather(*(service(reset(token)) for _ in range(2)), return_exceptions=True)
    assert [each.reason for each in both if isinstance(each, errors.Refused)] == ["LINK_INVALID"]
    assert (await service.refusal(reset(token, "third-harbor-42"))).reason == "LINK_INVALID"


async def test_only_the_newest_message_resets(db: database.Database) -> None:
    now = [0.0]
    async with serving(db) as service:
        service.outbox._clock = lambda: now[0]
        await service.registered()
        first = await begin(service)
        assert await begin(service) == ""
        now[0] = 61.0
        second = await begin(service)
        assert (await service.refusal(reset(first))).reason == "LINK_INVALID"
        await service(reset(second))


async def test_a_changed_password_makes_an_open_reset_useless(service: Service) -> None:
    token = await begin(service)
    await service(change(), (await service.logged_in()).access_token)
    assert (await service.refusal(reset(token, "third-harbor-42"))).reason == "LINK_INVALID"


async def test_a_refused_password_leaves_the_message_good(service: Service) -> None:
    token = await begin(service)
    refusal = await service.refusal(reset(token, "password1234"))
    assert (refusal.reason, refusal.metadata["problem"]) == ("PASSWORD_REFUSED", "too_common")
    await service(reset(token))


async def test_an_old_or_other_token_resets_nothing(service: Service) -> None:
    [(user_id,)] = await service.db.fetch(b"SELECT user_id FROM users")
    now = service.db.clock.now()
    old = service.root.password_reset(user_id=user_id, now=now - 3600, expires_at=now - 1)
    await service.db.fetch(b"UPDATE users SET reset_root_id = %(root)b", {"root": old.root_id})
    never_sent = service.root.password_reset(user_id=user_id, now=now, expires_at=now + 60)
    nobodys = service.root.password_reset(user_id=uuid.uuid4(), now=now, expires_at=now + 60)
    verification = service.root.email_verification(user_id=user_id, now=now, expires_at=now + 60)
    for token in (old.text, never_sent.text, nobodys.text, verification.text, "nonsense"):
        assert (await service.refusal(reset(token))).reason == "LINK_INVALID"


async def test_a_reset_proves_the_address(db: database.Database) -> None:
    async with serving(db, needs_verification=True) as service:
        organization_id = await service.invite(EMAIL)
        user = (await service.registered()).user
        verification = service.kept.letters[0].token
        await service(reset(await begin(service)))
        assert (await service.logged_in(password=OTHER_PASSWORD)).user.HasField("verified_at")
        assert (await service.roles(user.user_id))[str(organization_id)] == 2
        assert (await service.refusal(pb2.VerifyEmailRequest(token=verification))).reason == "LINK_INVALID"
