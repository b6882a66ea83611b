"""The part of the walk that is about a person's own account."""

import uuid

import audited
from google.protobuf.message import Message

from hook0_client._gen.hook0.v1 import account_service_pb2 as accounts

_PASSWORD, _OTHER_PASSWORD, _THIRD_PASSWORD = "bakery-tuesday-14", "window-lantern-88", "harbour-kettle-52"


async def walk_account(walk: audited.Walk) -> None:
    """A person's account, from the beginning to its end."""
    email = "person@example.com"
    request: Message = accounts.RegisterRequest(email=email, password=_PASSWORD, first_name="Ada", last_name="Byron")
    made = await walk(
        audited.NOBODY,
        request,
        resource_id=lambda answer: str(answer.user.user_id),
        organization_id=lambda answer: str(answer.organization.organization_id),
        actor=lambda answer: audited.Who("", "user", answer.user.user_id),
    )
    person = audited.Who("", "user", made.user.user_id)
    token = walk.letters.letters[-1].token
    verified = accounts.VerifyEmailRequest(token=token)
    await walk(audited.NOBODY, verified, resource_id=person.actor_id, actor=person)
    asked = accounts.BeginPasswordResetRequest(email=email)
    await walk(audited.NOBODY, asked, resource_id=person.actor_id)
    reset = accounts.ResetPasswordRequest(token=walk.letters.letters[-1].token, new_password=_OTHER_PASSWORD)
    await walk(audited.NOBODY, reset, resource_id=person.actor_id, actor=person)
    login = accounts.LoginRequest(email=email, password=_OTHER_PASSWORD)
    opened = await walk(audited.NOBODY, login, resource_id=person.actor_id, actor=person)
    session = audited.Who(opened.access_token, "user", person.actor_id, await _session(walk, person))
    change = accounts.ChangePasswordRequest(current_password=_OTHER_PASSWORD, new_password=_THIRD_PASSWORD)
    await walk(session, change, resource_id=person.actor_id)
    await walk(session, accounts.LogoutRequest(), resource_id=person.actor_id)
    await _leave(walk, email, person, made.organization.organization_id)


async def _leave(walk: audited.Walk, email: str, person: audited.Who, organization_id: str) -> None:
    login = accounts.LoginRequest(email=email, password=_THIRD_PASSWORD)
    token = (await walk.called(walk.operations[accounts.LoginRequest], login, audited.NOBODY)).access_token
    ended = b"UPDATE organizations SET deleted_at = now() WHERE organization_id = %s"  # an organization keeps its last owner
    await walk.server.db.fetch(ended, [uuid.UUID(organization_id)])
    session = audited.Who(token, "user", person.actor_id, await _session(walk, person))
    await walk(session, accounts.DeleteAccountRequest(password=_THIRD_PASSWORD), resource_id=person.actor_id)


async def _session(walk: audited.Walk, person: audited.Who) -> str:
    """The only one that goes on."""
    [(session_id,)] = await walk.server.db.fetch(
        b"SELECT session_id FROM sessions WHERE user_id = %s AND ended_at IS NULL", [uuid.UUID(person.actor_id)]
    )
    return str(session_id)
