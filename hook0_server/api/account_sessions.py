"""The part of AccountService that is about sessions: Login, RefreshSession, Logout."""

import uuid

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.access import logins, sessions
from hook0_server.api import changes, people, pipeline, registry, rules
from hook0_server.model import errors
from hook0_server.store import database, sessions as stored


class AccountSessions:
    def __init__(
        self, db: database.Database, checked: logins.Logins, opened: sessions.Sessions, *, needs_verification: bool
    ) -> None:
        self._db = db
        self._logins, self._sessions, self._needs_verification = checked, opened, needs_verification

    async def login(self, call: pipeline.Call, request: pb2.LoginRequest) -> pb2.LoginResponse:
        try:
            user = await self._logins.by_address(request.email, request.password, call.source_ip)
        except logins.Failed as failure:
            call.concerns(failure.user_id or "")  # not the address: it may be a typing error, or a password
            raise
        call.concerns(user.user_id)
        if self._needs_verification and user.verified_at is None:
            raise errors.Unauthenticated(
                "EMAIL_NOT_VERIFIED",
                "Verify the address first, by the link that was sent to it; ResendVerificationEmail sends another one.",
            )
        async with changes.transaction(self._db, call) as connection:
            pair = await self._sessions.begin(user, database.Within(connection))
            if pair is None:
                raise logins.Failed(user.user_id)
            call.person_id = user.user_id
        return pb2.LoginResponse(**people.tokens(pair))

    async def refresh(self, call: pipeline.Call, request: pb2.RefreshSessionRequest) -> pb2.RefreshSessionResponse:
        async def ended(connection: database.Connection, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
            call.concerns(user_id)
            await changes.record(
                connection, call, resource_type="user", credential_id=str(session_id), result="CREDENTIALS_INVALID"
            )

        return pb2.RefreshSessionResponse(**people.tokens(await self._sessions.refresh(request.refresh_token, ended)))

    async def logout(self, call: pipeline.Call, _: pb2.LogoutRequest) -> pb2.LogoutResponse:
        user_id, session_id = people.session(call)
        call.concerns(user_id)
        async with changes.transaction(self._db, call) as connection:
            await stored.end(connection, session_id)
        self._sessions.forget(session_id)
        return pb2.LogoutResponse()


def _rules_of_login(request: pb2.LoginRequest, breaches: rules.Breaches) -> None:
    people.judge_email(breaches, request.email)
    people.judge_password(breaches, "password", request.password)


def _rules_of_refresh(request: pb2.RefreshSessionRequest, breaches: rules.Breaches) -> None:
    people.judge_token(breaches, "refresh_token", request.refresh_token)


def operations(
    db: database.Database, checked: logins.Logins, opened: sessions.Sessions, *, needs_verification: bool
) -> list[registry.Operation]:
    handlers = AccountSessions(db, checked, opened, needs_verification=needs_verification)
    service, unary = "AccountService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "Login", pb2.LoginRequest, pb2.LoginResponse, unary, "auth:login", handlers.login,
            scope=registry.Scope.PUBLIC, rules=_rules_of_login, changes="user",
        ),
        registry.Operation(
            service, "RefreshSession", pb2.RefreshSessionRequest, pb2.RefreshSessionResponse, unary, "auth:refresh",
            handlers.refresh, scope=registry.Scope.PUBLIC, rules=_rules_of_refresh,
        ),
        registry.Operation(
            service, "Logout", pb2.LogoutRequest, pb2.LogoutResponse, unary, "auth:logout", handlers.logout,
            scope=registry.Scope.USER, changes="user",
        ),
    ]  # fmt: skip
