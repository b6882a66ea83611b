import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest
from google.protobuf.message import Message
from registering import EMAIL, PASSWORD, Service, register, serving

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2, organization_pb2
from hook0_server.api import registry
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
async def service(db: database.Database) -> AsyncIterator[Service]:
    async with serving(db) as made:
        yield made


@pytest.fixture
async def careful(db: database.Database) -> AsyncIterator[Service]:
    """Where an address is verified before anybody logs in."""
    async with serving(db, needs_verification=True) as made:
        yield made


def names(refusal: errors.Refused) -> list[str]:
    return [violation.field for violation in refusal.violations]


async def test_a_person_who_registers_owns_an_organization_and_can_log_in(service: Service) -> None:
    answer = await service.registered(email="Owner@Example.com")
    assert answer.organization.name == "Olive's organization"
    assert answer.organization.role == organization_pb2.ROLE_OWNER
    assert uuid.UUID(answer.user.user_id).version == 7
    assert await service.roles(answer.user.user_id) == {answer.organization.organization_id: 3}
    session = await service.logged_in("oWNER@example.com")
    assert session.user == answer.user
    assert (await service(pb2.GetAccountRequest(), session.access_token)).user == answer.user


async def test_the_organization_may_be_named_and_a_long_first_name_is_cut(service: Service) -> None:
    assert (await service.registered(organization_name="Bakery")).organization.name == "Bakery"
    assert len((await service.registered("two@example.com", first_name="é" * 50)).organization.name) == 50


async def test_a_password_is_stored_as_argon2id_and_never_in_clear(service: Service) -> None:
    await service.registered()
    [(stored,)] = await service.db.fetch(b"SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in str(await service.stored())


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"email": "owner"}, "email"),
        ({"email": "owner@example.com\r\nBcc: x@example.com"}, "email"),
        ({"password": "bakery-tuesday\0-14"}, "password"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "a" * 51}, "first_name"),
        ({"last_name": "a\0"}, "last_name"),
        ({"organization_name": "a"}, "organization_name"),
    ],
)
async def test_what_cannot_be_an_account_is_refused(service: Service, over: dict[str, str], field: str) -> None:
    refusal = await service.refusal(register(**over))
    assert (type(refusal), refusal.reason, names(refusal)) == (errors.InvalidRequest, "FIELD_INVALID", [field])


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short-9!x", "too_short"),
        ("e\u0301a\u0301" * 26, "too_long"),
        ("Password2024!", "too_common"),
        ("owner-example-1", "similar_to_email"),
        ("Olive..1999", "similar_to_name"),
    ],
)
async def test_a_password_that_is_easy_to_guess_is_refused(service: Service, password: str, problem: str) -> None:
    refusal = await service.refusal(register(password=password))
    assert (type(refusal), refusal.reason) == (errors.InvalidRequest, "PASSWORD_REFUSED")
    assert (names(refusal), refusal.metadata["problem"]) == (["password"], problem)
    assert password not in refusal.message


async def test_registration_can_be_turned_off(db: database.Database) -> None:
    async with serving(db, may_register=False) as service:
        refusal = await service.refusal(register())
        assert (type(refusal), refusal.reason) == (errors.Precondition, "REGISTRATION_DISABLED")


@pytest.mark.parametrize(
    "request_",
    [register("new@example.com"), pb2.BeginPasswordResetRequest(email=EMAIL), pb2.ResendVerificationEmailRequest(email=EMAIL)],
    ids=["register", "reset", "resend"],
)
async def test_what_costs_a_hash_or_a_message_is_limited_for_each_source(db: database.Database, request_: Message) -> None:
    async with serving(db, most_tries=3) as service:
        await service.registered()
        for _ in range(3 - isinstance(request_, pb2.RegisterRequest)):
            with contextlib.suppress(errors.AlreadyExists):
                await service(request_)
        runs, letters = service.hasher.runs, len(service.kept.letters)
        refusal = await service.refusal(request_)
        assert (type(refusal), refusal.reason) == (errors.QuotaExceeded, "RATE_LIMITED")
        assert (service.hasher.runs, len(service.kept.letters)) == (runs, letters)


async def test_a_known_address_is_told_where_no_verification_is_asked_for(service: Service) -> None:
    await service.registered()
    refusal = await service.refusal(register("OWNER@example.com", "window-lantern-88"))
    assert (type(refusal), refusal.reason) == (errors.AlreadyExists, "USER_ALREADY_EXISTS")


async def test_a_known_address_gets_the_same_answer_and_work_where_verification_is_asked_for(careful: Service) -> None:
    first = await careful.registered()
    runs_of_first = careful.hasher.runs
    stored = await careful.stored()
    again = await careful.registered("OWNER@example.com", "window-lantern-88")
    assert careful.hasher.runs == 2 * runs_of_first
    assert await careful.stored() == stored
    assert {field.name for field, _ in first.user.ListFields()} == {field.name for field, _ in again.user.ListFields()}
    assert {each.name for each, _ in first.organization.ListFields()} == {
        each.name for each, _ in again.organization.ListFields()
    }
    assert again.user.user_id != first.user.user_id
    assert [letter.subject for letter in careful.kept.letters] == ["Verify your e-mail address", "You have an account"]
    assert careful.kept.letters[1].token == ""


async def test_people_that_register_one_address_at_the_same_moment_make_one_account(careful: Service) -> None:
    answers = await asyncio.gather(*(careful.registered() for _ in range(8)))
    [(user_id,)] = await careful.db.fetch(b"SELECT user_id::text FROM users")
    assert [answer.user.user_id for answer in answers].count(user_id) == 1
    assert await careful.db.fetch(b"SELECT count(*) FROM organizations") == [(1,)]


async def test_nobody_logs_in_before_the_address_is_verified(careful: Service) -> None:
    await careful.registered()
    refusal = await careful.refusal(pb2.LoginRequest(email=EMAIL, password=PASSWORD))
    assert (type(refusal), refusal.reason) == (errors.Unauthenticated, "EMAIL_NOT_VERIFIED")
    assert (await careful.refusal(pb2.LoginRequest(email=EMAIL, password="wrong-one-1"))).reason == "LOGIN_FAILED"
    [letter] = careful.kept.letters
    assert (letter.to, letter.link) == (EMAIL, f"https://app.example.com/verify-email?token={letter.token.replace('=', '%3D')}")
    assert letter.token in letter.text
    assert letter.link in letter.text
    session = await careful(pb2.VerifyEmailRequest(token=letter.token))
    assert session.user.HasField("verified_at")
    assert await careful.works(session.access_token)
    assert (await careful.logged_in()).user == session.user


async def test_a_verification_link_is_good_once(careful: Service) -> None:
    await careful.registered()
    request = pb2.VerifyEmailRequest(token=careful.kept.letters[0].token)
    answers = await asyncio.gather(*(careful(request) for _ in range(4)), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, errors.Refused)]
    assert [refusal.reason for refusal in refusals] == ["LINK_INVALID"] * 3


async def test_a_link_that_is_old_foreign_or_for_something_else_verifies_nothing(careful: Service) -> None:
    user_id = uuid.UUID((await careful.registered()).user.user_id)
    now = careful.db.clock.now()
    for minted in (
        careful.root.email_verification(user_id=user_id, now=now - 90_000, expires_at=now - 1),
        careful.root.password_reset(user_id=user_id, now=now, expires_at=now + 60),
        careful.root.email_verification(user_id=uuid.uuid4(), now=now, expires_at=now + 60),
    ):
        assert (await careful.refusal(pb2.VerifyEmailRequest(token=minted.text))).reason == "LINK_INVALID"
    assert (await careful.refusal(pb2.VerifyEmailRequest(token="nonsense"))).reason == "LINK_INVALID"
    assert names(await careful.refusal(pb2.VerifyEmailRequest())) == ["token"]


async def test_another_verification_message_goes_only_to_who_needs_one_and_the_answer_never_differs(careful: Service) -> None:
    await careful.registered()
    await careful.registered("verified@example.com")
    await careful(pb2.VerifyEmailRequest(token=careful.kept.letters[-1].token))
    careful.kept.letters.clear()
    runs = careful.hasher.runs
    for email in ("nobody@example.com", "verified@example.com", "OWNER@example.com"):
        answer = await careful(pb2.ResendVerificationEmailRequest(email=email))
        assert answer == pb2.ResendVerificationEmailResponse()
    assert careful.hasher.runs == runs
    assert [letter.to for letter in careful.kept.letters] == [EMAIL]
    await careful(pb2.VerifyEmailRequest(token=careful.kept.letters[0].token))


async def test_asking_again_and_again_sends_one_message_a_minute(careful: Service) -> None:
    await careful.registered()
    careful.kept.letters.clear()
    for _ in range(5):
        await careful(pb2.ResendVerificationEmailRequest(email=EMAIL))
    assert len(careful.kept.letters) == 1


async def test_an_invitation_waits_for_the_address_to_be_verified(careful: Service) -> None:
    organization_id = await careful.invite(EMAIL)
    user_id = (await careful.registered(email="Owner@Example.com")).user.user_id
    assert str(organization_id) not in await careful.roles(user_id)
    await careful(pb2.VerifyEmailRequest(token=careful.kept.letters[0].token))
    assert (await careful.roles(user_id))[str(organization_id)] == 2
    assert await careful.db.fetch(b"SELECT count(*) FROM invitations") == [(0,)]


async def test_an_invitation_is_taken_up_at_registration_where_no_verification_is_asked_for(service: Service) -> None:
    organization_id, deleted_id = await service.invite(EMAIL), await service.invite(EMAIL)
    others = await service.invite("other@example.com")
    await service.db.fetch(b"UPDATE organizations SET deleted_at = now() WHERE organization_id = %(it)s", {"it": deleted_id})
    user = (await service.registered()).user
    assert {organization for organization, role in (await service.roles(user.user_id)).items() if role == 2} == {
        str(organization_id)
    }
    assert await service.db.fetch(b"SELECT organization_id FROM invitations") == [(others,)]


async def test_the_last_owner_cannot_delete_the_account(service: Service) -> None:
    answer = await service.registered()
    token = (await service.logged_in()).access_token
    refusal = await service.refusal(pb2.DeleteAccountRequest(password=PASSWORD), token)
    assert (type(refusal), refusal.reason) == (errors.Precondition, "LAST_OWNER")
    assert refusal.metadata == {"organization_id": answer.organization.organization_id}


async def test_deleting_an_account_needs_the_password(service: Service) -> None:
    await service.registered()
    token = (await service.logged_in()).access_token
    refusal = await service.refusal(pb2.DeleteAccountRequest(password="not-this-one"), token)
    assert isinstance(refusal, errors.Unauthenticated)
    assert refusal.reason == "LOGIN_FAILED"


async def test_a_deleted_account_leaves_nothing_and_its_sessions_end(service: Service) -> None:
    first = await service.registered()
    second = await service.registered("second@example.com")
    await service.db.fetch(
        b"INSERT INTO members (organization_id, user_id, role) VALUES (%(organization)s, %(user)s, 3)",
        {"organization": first.organization.organization_id, "user": second.user.user_id},
    )
    token = (await service.logged_in()).access_token
    await service(pb2.DeleteAccountRequest(password=PASSWORD), token)
    assert not await service.works(token)
    assert first.user.user_id not in str(await service.stored())
    assert EMAIL not in str(await service.stored())
    assert (await service.refusal(pb2.LoginRequest(email=EMAIL, password=PASSWORD))).reason == "LOGIN_FAILED"


async def test_an_organization_that_was_deleted_keeps_nobody(service: Service) -> None:
    await service.registered()
    await service.db.fetch(b"UPDATE organizations SET deleted_at = now()")
    token = (await service.logged_in()).access_token
    await service(pb2.DeleteAccountRequest(password=PASSWORD), token)
    assert await service.db.fetch(b"SELECT count(*) FROM users") == [(0,)]


async def test_two_owners_that_delete_their_accounts_at_the_same_moment_leave_one(service: Service) -> None:
    first = await service.registered()
    second = await service.registered("second@example.com")
    await service.db.fetch(
        b"INSERT INTO members (organization_id, user_id, role) VALUES (%(organization)s, %(user)s, 3)",
        {"organization": first.organization.organization_id, "user": second.user.user_id},
    )
    await service.db.fetch(
        b"UPDATE organizations SET deleted_at = now() WHERE organization_id = %(own)s::uuid",
        {"own": second.organization.organization_id},
    )
    tokens = [(await service.logged_in(email)).access_token for email in (EMAIL, "second@example.com")]
    requests = [service(pb2.DeleteAccountRequest(password=PASSWORD), token) for token in tokens]
    answers = await asyncio.gather(*requests, return_exceptions=True)
    assert [answer.reason for answer in answers if isinstance(answer, errors.Refused)] == ["LAST_OWNER"]
    assert await service.db.fetch(b"SELECT count(*) FROM users") == [(1,)]


async def test_every_method_of_the_service_is_declared_with_who_may_call_it(service: Service) -> None:
    declared = {each.method: each.scope for each in service.operations.values()}
    [described] = pb2.DESCRIPTOR.services_by_name.values()
    assert declared.keys() == {method.name for method in described.methods}
    own = {"Logout", "ChangePassword", "GetAccount", "DeleteAccount"}
    assert {method for method, scope in declared.items() if scope is registry.Scope.USER} == own
    assert {scope for method, scope in declared.items() if method not in own} == {registry.Scope.PUBLIC}


async def test_a_registration_with_an_address_that_is_taken_is_written_down_too_and_names_nobody(careful: Service) -> None:
    first = await careful.registered()
    await careful.registered()
    written = b"SELECT result, resource_id, actor_kind, organization_id::text FROM audit_entries ORDER BY audit_entry_id"
    assert await careful.db.fetch(written) == [
        ("OK", first.user.user_id, "user", first.organization.organization_id),
        ("USER_ALREADY_EXISTS", "", "anonymous", None),
    ]
