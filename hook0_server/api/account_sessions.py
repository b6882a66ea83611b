"""The part of AccountService that is about sessions: Login, RefreshSession, Logout."""

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.access import logins, sessions
from hook0_server.api import people, pipeline, registry, rules
from hook0_server.model import errors


class AccountSessions:
    def __init__(self, checked: logins.Logins, opened: sessions.Sessions, *, needs_verification: bool) -> None:
        self._logins, self._sessions, self._needs_verification = checked, opened, needs_verification

    async def login(self, call: pipeline.Call, request: pb2.LoginRequest) -> pb2.LoginResponse:
        user = await self._logins.by_address(request.email, request.password, call.source_ip)
        if self._needs_verification and user.verified_at is None:
            raise errors.Unauthenticated(
                "EMAIL_NOT_VERIFIED",
                "Verify the address first, by the link that was sent to it; ResendVerificationEmail sends another one.",
            )
        pair = await self._sessions.begin(user)
        if pair is None:
            raise logins.refusal()
        return pb2.LoginResponse(**people.tokens(pair))

    async def refresh(self, _: pipeline.Call, request: pb2.RefreshSessionRequest) -> pb2.RefreshSessionResponse:
        return pb2.RefreshSessionResponse(**people.tokens(await self._sessions.refresh(request.refresh_token)))

    async def logout(self, call: pipeline.Call, _: pb2.LogoutRequest) -> pb2.LogoutResponse:
        await self._sessions.end(people.session(call)[1])
        return pb2.LogoutResponse()


def _rules_of_login(request: pb2.LoginRequest, breaches: rules.Breaches) -> None:
    people.judge_email(breaches, request.email)
    people.judge_password(breaches, "password", request.password)


def _rules_of_refresh(request: pb2.RefreshSessionRequest, breaches: rules.Breaches) -> None:
    people.judge_token(breaches, "refresh_token", request.refresh_token)


def operations(checked: logins.Logins, opened: sessions.Sessions, *, needs_verification: bool) -> list[registry.Operation]:
    handlers = AccountSessions(checked, opened, needs_verification=needs_verification)
    service, unary = "AccountService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "Login", pb2.LoginRequest, pb2.LoginResponse, unary, "auth:login", handlers.login,
            scope=registry.Scope.PUBLIC, rules=_rules_of_login,
        ),
        registry.Operation(
            service, "RefreshSession", pb2.RefreshSessionRequest, pb2.RefreshSessionResponse, unary, "auth:refresh",
            handlers.refresh, scope=registry.Scope.PUBLIC, rules=_rules_of_refresh,
        ),
        registry.Operation(
            service, "Logout", pb2.LogoutRequest, pb2.LogoutResponse, unary, "auth:logout", handlers.logout,
            scope=registry.Scope.USER,
        ),
    ]  # fmt: skip
