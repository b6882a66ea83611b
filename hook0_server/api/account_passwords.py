"""The part of AccountService that is about passwords. Whoever sets a new one ends the sessions that the old one began."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.access import links, logins, mail, passwords
from hook0_server.api import changes, people, pipeline, registry, rules
from hook0_server.store import database, members, sessions, users


@dataclass(frozen=True, slots=True)
class Replacement:
    """As REST has it: the current password is checked only where it is given."""

    new_password: str = field(repr=False)
    current_password: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Replaced:
    pass


class AccountPasswords:
    def __init__(
        self,
        db: database.Database,
        hashed: passwords.Passwords,
        checked: logins.Logins,
        sent: links.Links,
        outbox: mail.Outbox,
        forget: Callable[[uuid.UUID], None],
    ) -> None:
        self._db, self._passwords, self._logins, self._links, self._outbox = db, hashed, checked, sent, outbox
        self._forget = forget

    async def begin_reset(self, call: pipeline.Call, request: pb2.BeginPasswordResetRequest) -> pb2.BeginPasswordResetResponse:
        self._logins.spend("message", call.source_ip)
        email = request.email

        async def prepare() -> mail.Letter | None:
            user = await users.by_email(self._db, email)
            if user is None:
                return None
            call.concerns(user.user_id)
            async with changes.transaction(self._db, call) as connection:
                return await self._links.reset(user, database.Within(connection))

        # Looked up by the sender of messages: the answer takes the same time whether there is an account or not.
        self._outbox.put(prepare, key=("reset", email.lower()))
        return pb2.BeginPasswordResetResponse()

    async def reset(self, call: pipeline.Call, request: pb2.ResetPasswordRequest) -> pb2.ResetPasswordResponse:
        user_id, root_id = self._links.read_reset(request.token)
        user = await users.get(self._db, user_id)
        if user is None or user.reset_root_id != root_id:
            raise links.invalid()
        self._passwords.judge("new_password", request.new_password, people.of(user))
        hashed = await self._passwords.hash(request.new_password)
        call.person_id = user_id
        call.concerns(user_id)
        async with changes.transaction(self._db, call) as connection:
            await members.hold_address(connection, user.email)
            if not await users.reset_password(connection, user_id, root_id, hashed):
                raise links.invalid()
            await sessions.end_all(connection, user_id)
            await members.accept_invitations(connection, user_id)
        self._forget(user_id)
        return pb2.ResetPasswordResponse()

    async def change(self, call: pipeline.Call, request: pb2.ChangePasswordRequest) -> pb2.ChangePasswordResponse:
        user = await people.caller(self._db, call)
        call.concerns(user.user_id)
        self._passwords.judge("new_password", request.new_password, people.of(user))
        await self._logins.again(user, request.current_password, call.source_ip)
        await self._changed(call, user, request.new_password)
        return pb2.ChangePasswordResponse()

    async def replace(self, call: pipeline.Call, given: Replacement) -> Replaced:
        user = await people.caller(self._db, call)
        call.concerns(user.user_id)
        self._passwords.judge("new_password", given.new_password, people.of(user))
        if given.current_password is not None:
            await self._logins.again(user, given.current_password, call.source_ip)
        await self._changed(call, user, given.new_password)
        return Replaced()

    async def _changed(self, call: pipeline.Call, user: users.User, password: str) -> None:
        hashed = await self._passwords.hash(password)
        async with changes.transaction(self._db, call) as connection:
            if not await users.change_password(connection, user.user_id, user.password_revision, hashed):
                raise logins.Failed()  # it was changed meanwhile: what was given is not the current one
            await sessions.end_all(connection, user.user_id, kept=people.session(call)[1])
        self._forget(user.user_id)


def _rules_of_begin(request: pb2.BeginPasswordResetRequest, breaches: rules.Breaches) -> None:
    people.judge_email(breaches, request.email)


def _rules_of_reset(request: pb2.ResetPasswordRequest, breaches: rules.Breaches) -> None:
    people.judge_token(breaches, "token", request.token)
    people.judge_new_password(breaches, "new_password", request.new_password)


def _rules_of_change(request: pb2.ChangePasswordRequest, breaches: rules.Breaches) -> None:
    people.judge_password(breaches, "current_password", request.current_password)
    people.judge_new_password(breaches, "new_password", request.new_password)


def _rules_of_replacement(given: Replacement, breaches: rules.Breaches) -> None:
    people.judge_new_password(breaches, "new_password", given.new_password)
    if given.current_password is not None:
        people.judge_password(breaches, "current_password", given.current_password)


def operations(
    db: database.Database,
    hashed: passwords.Passwords,
    checked: logins.Logins,
    sent: links.Links,
    outbox: mail.Outbox,
    *,
    forget: Callable[[uuid.UUID], None],
) -> list[registry.Operation]:
    """`forget` is told whose sessions have ended."""
    handlers = AccountPasswords(db, hashed, checked, sent, outbox, forget)
    service, unary = "AccountService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "BeginPasswordReset", pb2.BeginPasswordResetRequest, pb2.BeginPasswordResetResponse, unary,
            "auth:begin_reset_password", handlers.begin_reset, scope=registry.Scope.PUBLIC, rules=_rules_of_begin,
            changes="user",
        ),
        registry.Operation(
            service, "ResetPassword", pb2.ResetPasswordRequest, pb2.ResetPasswordResponse, unary, "auth:reset_password",
            handlers.reset, scope=registry.Scope.PUBLIC, rules=_rules_of_reset, changes="user",
        ),
        registry.Operation(
            service, "ChangePassword", pb2.ChangePasswordRequest, pb2.ChangePasswordResponse, unary,
            "auth:change_password", handlers.change, scope=registry.Scope.USER, rules=_rules_of_change, changes="user",
        ),
    ]  # fmt: skip


def rest_operations(
    db: database.Database,
    hashed: passwords.Passwords,
    checked: logins.Logins,
    sent: links.Links,
    outbox: mail.Outbox,
    *,
    forget: Callable[[uuid.UUID], None],
) -> list[registry.Operation]:
    """What REST has in place of ChangePassword."""
    handlers = AccountPasswords(db, hashed, checked, sent, outbox, forget)
    return [
        registry.Operation(
            "AccountService", "ChangePassword", Replacement, Replaced, registry.Kind.UNARY, "auth:change_password",
            handlers.replace, scope=registry.Scope.USER, rules=_rules_of_replacement, is_rpc=False, changes="user",
        ),
    ]  # fmt: skip
