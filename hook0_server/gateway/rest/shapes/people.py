"""Accounts, organizations, members and service tokens."""

from hook0_server.gateway.rest.shapes import kinds
from hook0_server.model import limits, password_rules
from hook0_server.model.roles import HOOK0

_PASSWORD = kinds.text(1, password_rules.LONGEST, example="bakery-tuesday-14")
_TOKEN = kinds.text(1, example="EqgDCj4K…")
_NAME = kinds.text(*limits.NAME_CHARACTERS, example="depot")
_ROLE = kinds.one_of(*HOOK0.values())
_STEP = kinds.one_of("ToDo", "Done")
_NEW_PASSWORD = (
    "PasswordTooShort",
    "PasswordTooLong",
    "PasswordSimilarToEmail",
    "PasswordSimilarToName",
    "PasswordTooCommon",
    "PasswordNotDiverseEnough",
)

SESSION = kinds.Object(
    "LoginResponse",
    {
        "access_token": _TOKEN,
        "access_token_expiration": kinds.MOMENT,
        "refresh_token": _TOKEN,
        "refresh_token_expiration": kinds.MOMENT,
        "user_id": kinds.ID,
        "email": kinds.EMAIL,
        "first_name": kinds.text(example="Ada"),
        "last_name": kinds.text(example="Lovelace"),
    },
)
_REGISTRATION_POST = kinds.Object(
    "RegistrationPost",
    {
        "first_name": kinds.text(*limits.FIRST_NAME_CHARACTERS, example="Ada"),
        "last_name": kinds.text(*limits.LAST_NAME_CHARACTERS, example="Lovelace"),
        "email": kinds.EMAIL,
        "password": kinds.text(example="bakery-tuesday-14"),
    },
)
_REGISTRATION = kinds.Object("Registration", {"organization_id": kinds.ID, "user_id": kinds.ID})
_LOGIN_POST = kinds.Object("LoginPost", {"email": kinds.EMAIL, "password": _PASSWORD})
_TOKEN_POST = kinds.Object("EmailVerificationPost", {"token": _TOKEN})
_EMAIL_POST = kinds.Object("EmailPost", {"email": kinds.EMAIL})
_RESET_POST = kinds.Object("ResetPasswordPost", {"token": _TOKEN, "new_password": kinds.text(example="window-lantern-88")})
_PASSWORD_POST = kinds.Object(
    "ChangePasswordPost",
    {"new_password": kinds.text(example="window-lantern-88"), "current_password": kinds.or_null(_PASSWORD)},
    frozenset({"current_password"}),
)

REGISTER = kinds.Described(
    "register", "Make an account, and an organization of one's own", _REGISTRATION_POST, _REGISTRATION,
    refusals=("UserAlreadyExist", "RegistrationDisabled", *_NEW_PASSWORD), in_sdk=False,
)  # fmt: skip
LOGIN = kinds.Described(
    "auth.login", "Begin a session", _LOGIN_POST, SESSION, refusals=("AuthFailedLogin", "AuthEmailNotVerified"), in_sdk=False
)
REFRESH = kinds.Described(
    "auth.refresh", "Continue a session: its refresh token, good once, is the credential", gives=SESSION,
    refusals=("AuthNoAuthorizationHeader", "AuthInvalidBiscuit"), in_sdk=False,
)  # fmt: skip
LOGOUT = kinds.Described("auth.logout", "End the session", in_sdk=False)
VERIFY = kinds.Described(
    "auth.verifyEmail", "Prove an address by the token that was sent to it", _TOKEN_POST, SESSION,
    refusals=("AuthEmailExpired", "AuthFailedLogin"), in_sdk=False,
)  # fmt: skip
RESEND = kinds.Described("auth.resendVerificationEmail", "Send that token once more", _EMAIL_POST, in_sdk=False)
BEGIN_RESET = kinds.Described("auth.beginResetPassword", "Send a token to choose a new password", _EMAIL_POST, in_sdk=False)
RESET = kinds.Described(
    "auth.resetPassword", "Choose a new password by that token", _RESET_POST,
    refusals=("AuthEmailExpired", *_NEW_PASSWORD), in_sdk=False,
)  # fmt: skip
CHANGE_PASSWORD = kinds.Described(
    "auth.changePassword", "Choose a new password; all other sessions end", _PASSWORD_POST,
    refusals=("AuthFailedLogin", *_NEW_PASSWORD), in_sdk=False,
)  # fmt: skip

_PLAN = kinds.Object("Plan", {"name": kinds.text(), "label": kinds.text()})
_ORGANIZATION = kinds.Object(
    "Organization",
    {"organization_id": kinds.ID, "name": _NAME, "role": _ROLE, "plan": kinds.or_null(_PLAN)},
)
_USER = kinds.Object(
    "OrganizationUser",
    {
        "user_id": kinds.ID,
        "email": kinds.EMAIL,
        "first_name": kinds.text(example="Ada"),
        "last_name": kinds.text(example="Lovelace"),
        "role": _ROLE,
    },
)
_QUOTAS = kinds.Object(
    "OrganizationQuotas",
    {
        "members_per_organization_limit": kinds.whole(10),
        "applications_per_organization_limit": kinds.whole(10),
        "events_per_day_limit": kinds.whole(10000),
        "days_of_events_retention_limit": kinds.whole(7),
    },
)
_CONSUMPTION = kinds.Object(
    "OrganizationConsumption",
    {"members": kinds.whole(1), "applications": kinds.whole(1), "events_per_day": kinds.whole(7)},
)
_STEPS = kinds.Object(
    "OrganizationOnboardingSteps", {"application": _STEP, "event_type": _STEP, "subscription": _STEP, "event": _STEP}
)
_INFO = kinds.Object(
    "OrganizationInfo",
    {
        "organization_id": kinds.ID,
        "name": _NAME,
        "plan": kinds.or_null(_PLAN),
        "users": kinds.listed(_USER),
        "quotas": _QUOTAS,
        "consumption": _CONSUMPTION,
        "onboarding_steps": _STEPS,
    },
)
_ORGANIZATION_POST = kinds.Object("OrganizationPost", {"name": _NAME})
_INVITATION = kinds.Object("UserInvitation", {"email": kinds.EMAIL, "role": _ROLE})
_ROLE_OF = kinds.Object("UserRole", {"user_id": kinds.ID, "role": _ROLE})
_REVOKED = kinds.Object("UserRevocation", {"user_id": kinds.ID})

ORGANIZATIONS = kinds.Described("organizations.list", "List organizations", gives=kinds.listed(_ORGANIZATION), in_sdk=False)
NEW_ORGANIZATION = kinds.Described(
    "organizations.create", "Make an organization", _ORGANIZATION_POST, _INFO, once=True, in_sdk=False
)
ORGANIZATION = kinds.Described("organizations.get", "Look at an organization", gives=_INFO, in_sdk=False)
EDIT_ORGANIZATION = kinds.Described("organizations.edit", "Rename an organization", _ORGANIZATION_POST, _INFO, in_sdk=False)
DELETE_ORGANIZATION = kinds.Described(
    "organizations.delete", "Delete an organization", refusals=("OrganizationIsNotEmpty",), in_sdk=False
)
INVITE = kinds.Described(
    "organizations.invite", "Make somebody a member, or invite them", _INVITATION, _INVITATION,
    refusals=("InvalidRole", "InvitedUserAlreadyInOrganization", "TooManyMembersPerOrganization"), in_sdk=False,
)  # fmt: skip
EDIT_ROLE = kinds.Described(
    "organizations.edit_role", "Give a member another role", _ROLE_OF, _ROLE_OF, refusals=("InvalidRole",), in_sdk=False
)
REVOKE = kinds.Described("organizations.revoke", "End a membership", _REVOKED, _REVOKED, in_sdk=False)

_SERVICE_TOKEN = kinds.Object(
    "ServiceToken",
    {
        "token_id": kinds.ID,
        "name": kinds.text(*limits.NAME_CHARACTERS, example="robot"),
        "biscuit": kinds.text(example="EqgDCj4K…"),
        "created_at": kinds.MOMENT,
    },
)
_SERVICE_TOKEN_POST = kinds.Object(
    "ServiceTokenPost", {"organization_id": kinds.ID, "name": kinds.text(*limits.NAME_CHARACTERS, example="robot")}
)
_WITHIN = {"organization_id": kinds.ID}

SERVICE_TOKENS = kinds.Described("serviceToken.list", "List service tokens", gives=kinds.listed(_SERVICE_TOKEN), query=_WITHIN)
NEW_SERVICE_TOKEN = kinds.Described(
    "serviceToken.create", "Make a service token", _SERVICE_TOKEN_POST, _SERVICE_TOKEN, once=True
)
SERVICE_TOKEN = kinds.Described("serviceToken.get", "Look at a service token", gives=_SERVICE_TOKEN, query=_WITHIN)
EDIT_SERVICE_TOKEN = kinds.Described("serviceToken.edit", "Rename a service token", _SERVICE_TOKEN_POST, _SERVICE_TOKEN)
DELETE_SERVICE_TOKEN = kinds.Described("serviceToken.delete", "Revoke a service token", query=_WITHIN)
