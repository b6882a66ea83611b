"""Accounts of people: register, prove an address, log in and out, set another password."""

from typing import Any

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server.api import account_passwords
from hook0_server.gateway.rest import asked, problems, route, times
from hook0_server.gateway.rest.shapes import people as shapes

_SERVICE = "hook0.v1.AccountService"


def _read_register(came: asked.Asked) -> pb2.RegisterRequest:
    given = came.body
    return pb2.RegisterRequest(
        first_name=given.text("first_name"),
        last_name=given.text("last_name"),
        email=given.text("email"),
        password=given.text("password"),
    )


def _read_login(came: asked.Asked) -> pb2.LoginRequest:
    return pb2.LoginRequest(email=came.body.text("email"), password=came.body.text("password"))


def _read_verify(came: asked.Asked) -> pb2.VerifyEmailRequest:
    return pb2.VerifyEmailRequest(token=came.body.text("token"))


def _read_resend(came: asked.Asked) -> pb2.ResendVerificationEmailRequest:
    return pb2.ResendVerificationEmailRequest(email=came.body.text("email"))


def _read_begin_reset(came: asked.Asked) -> pb2.BeginPasswordResetRequest:
    return pb2.BeginPasswordResetRequest(email=came.body.text("email"))


def _read_reset(came: asked.Asked) -> pb2.ResetPasswordRequest:
    return pb2.ResetPasswordRequest(token=came.body.text("token"), new_password=came.body.text("new_password"))


def _read_refresh(came: asked.Asked) -> pb2.RefreshSessionRequest:
    """The refresh token comes where other routes have the access token."""
    if not came.token:
        raise problems.Unfit("AuthNoAuthorizationHeader", "Send the refresh token in the header Authorization.")
    return pb2.RefreshSessionRequest(refresh_token=came.token)


def _read_logout(_: asked.Asked) -> pb2.LogoutRequest:
    return pb2.LogoutRequest()


def _read_password(came: asked.Asked) -> account_passwords.Replacement:
    given = came.body
    current = given.text("current_password") if given.has("current_password") else None
    return account_passwords.Replacement(given.text("new_password"), current)


def _show_registered(answer: pb2.RegisterResponse, _: asked.Asked) -> dict[str, str]:
    return {"organization_id": answer.organization.organization_id, "user_id": answer.user.user_id}


def _show_session(answer: pb2.LoginResponse | pb2.VerifyEmailResponse | pb2.RefreshSessionResponse, _: asked.Asked) -> Any:
    return {
        "access_token": answer.access_token,
        "access_token_expiration": times.text(answer.access_token_expires_at),
        "refresh_token": answer.refresh_token,
        "refresh_token_expiration": times.text(answer.refresh_token_expires_at),
        "user_id": answer.user.user_id,
        "email": answer.user.email,
        "first_name": answer.user.first_name,
        "last_name": answer.user.last_name,
    }


ROUTES = (
    route.Route(
        "POST", "/register", f"{_SERVICE}/Register", _read_register, _show_registered, status=201,
        described=shapes.REGISTER,
    ),
    route.Route("POST", "/auth/login", f"{_SERVICE}/Login", _read_login, _show_session, status=201, described=shapes.LOGIN),
    route.Route(
        "POST", "/auth/refresh", f"{_SERVICE}/RefreshSession", _read_refresh, _show_session, status=201, takes_body=False,
        described=shapes.REFRESH,
    ),
    route.Route(
        "POST", "/auth/logout", f"{_SERVICE}/Logout", _read_logout, None, status=204, takes_body=False,
        described=shapes.LOGOUT,
    ),
    route.Route(
        "POST", "/auth/verify-email", f"{_SERVICE}/VerifyEmail", _read_verify, _show_session, status=201,
        described=shapes.VERIFY,
    ),
    route.Route(
        "POST", "/auth/resend-verification-email", f"{_SERVICE}/ResendVerificationEmail", _read_resend, None, status=204,
        described=shapes.RESEND,
    ),
    route.Route(
        "POST", "/auth/begin-reset-password", f"{_SERVICE}/BeginPasswordReset", _read_begin_reset, None, status=204,
        described=shapes.BEGIN_RESET,
    ),
    route.Route(
        "POST", "/auth/reset-password", f"{_SERVICE}/ResetPassword", _read_reset, None, status=204, described=shapes.RESET,
    ),
    route.Route(
        "POST", "/auth/password", "hook0.rest.AccountService/ChangePassword", _read_password, None, status=204,
        described=shapes.CHANGE_PASSWORD,
    ),
)  # fmt: skip
