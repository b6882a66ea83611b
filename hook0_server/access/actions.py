"""Which credential may do what: one row for each action, named as in Hook0. The only place that says so.

An action that is on an application may be done by that application's secrets, by the organization's service tokens, by
its members who have the role (or a higher one), and by the master key. What is on an organization is not an
application's secret's, and what is a person's own is only that person's.
"""

from dataclasses import dataclass

from hook0_server.model.roles import Role

_VIEWER, _EDITOR, _OWNER = Role.VIEWER, Role.EDITOR, Role.OWNER


@dataclass(frozen=True, slots=True)
class Rule:
    """The least role of a member, and which programs may do it too."""

    role: Role
    by_application_secret: bool = True
    by_service_token: bool = True


_ON_APPLICATIONS: dict[str, Role] = {
    "application:get": _VIEWER,
    "application:edit": _EDITOR,
    "application:delete": _EDITOR,
    "application_secret:list": _EDITOR,
    "application_secret:create": _EDITOR,
    "application_secret:edit": _EDITOR,
    "application_secret:delete": _EDITOR,
    "event_type:list": _VIEWER,
    "event_type:get": _VIEWER,
    "event_type:create": _EDITOR,
    "event_type:edit": _EDITOR,
    "event_type:delete": _EDITOR,
    "subscription:list": _VIEWER,
    "subscription:get": _VIEWER,
    "subscription:create": _EDITOR,
    "subscription:edit": _EDITOR,
    "subscription:delete": _EDITOR,
    "event:list": _VIEWER,
    "event:get": _VIEWER,
    "event:ingest": _EDITOR,
    "event:replay": _EDITOR,
    "request_attempt:list": _VIEWER,
    "request_attempt:get": _VIEWER,
    "response:get": _VIEWER,
    "delivery:list": _VIEWER,
    "delivery:get": _VIEWER,
    "delivery:retry": _EDITOR,
    "delivery:cancel": _EDITOR,
    "events_per_day:application": _VIEWER,
}
_ON_ORGANIZATIONS: dict[str, Role] = {
    "application:list": _VIEWER,
    "application:create": _EDITOR,
    "organization:get": _VIEWER,
    "organization:edit": _OWNER,
    "organization:delete": _OWNER,
    "organization:invite": _OWNER,
    "organization:revoke": _OWNER,
    "organization:edit_role": _OWNER,
    "service_token:list": _OWNER,
    "service_token:get": _OWNER,
    "service_token:create": _OWNER,
    "service_token:edit": _OWNER,
    "service_token:delete": _OWNER,
    "events_per_day:organization": _VIEWER,
    "audit:list": _OWNER,
}

# Without an organization: what is answered, or made, is the caller's own.
_OF_CALLERS = {
    "organization:list": Rule(_VIEWER, by_application_secret=False),
    "organization:create": Rule(_VIEWER, by_application_secret=False, by_service_token=False),
}

# What makes a credential, or gives somebody a part. A narrowed token may not: what it made would not be narrowed.
BY_WHOLE_TOKENS = frozenset(
    {
        "application:create",
        "application_secret:create",
        "service_token:create",
        "organization:create",
        "organization:edit_role",
        "organization:invite",
    }
)

RULES: dict[str, Rule] = (
    {action: Rule(role) for action, role in _ON_APPLICATIONS.items()}
    | {action: Rule(role, by_application_secret=False) for action, role in _ON_ORGANIZATIONS.items()}
    | _OF_CALLERS
)
