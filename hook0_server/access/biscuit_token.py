"""A token that was read: who it is, and what it allows."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import biscuit_auth

from hook0_server.access import biscuit_format as form, guard

SERVICE, USER, REFRESH = "service_access", "user_access", "refresh"
EMAIL_VERIFICATION, PASSWORD_RESET = "email_verification", "password_reset"

MAX_TIME = timedelta(milliseconds=50)  # the default of 1 ms fails good tokens where the machine is busy
MAX_FACTS, MAX_ITERATIONS = 1000, 100

_VERSION = 1
_ACCESS = frozenset({SERVICE, USER})
_MAILED = frozenset({EMAIL_VERIFICATION, PASSWORD_RESET})
_IDS = {
    SERVICE: ("token_id", "organization_id"),
    USER: ("token_id", "session_id", "user_id"),
    REFRESH: ("token_id", "session_id", "user_id"),
    EMAIL_VERIFICATION: ("user_id",),
    PASSWORD_RESET: ("user_id",),
}
_LESS_THAN = 0
_OVER_LIMIT = "execution limits"  # what the library says, with one class for all that can fail


class TooCostly(Exception):
    """Whether the token allows this could not be found out in time; trying again may help."""


@dataclass(frozen=True, slots=True)
class Token:
    """A genuine token of this server. Nothing here says that it has not expired or was not revoked."""

    kind: str  # service_access, user_access, refresh, email_verification or password_reset
    token_id: uuid.UUID | None
    session_id: uuid.UUID | None
    user_id: uuid.UUID | None
    organization_id: uuid.UUID | None
    root_id: bytes
    """Revocation id of the authority block: the same for a token and for all that is narrowed from it."""
    expires_at: float | None
    """Unix seconds; the earliest that the authority and plain appended checks of the time give."""
    is_attenuated: bool
    asks_labels: bool
    """Whether a check mentions labels: then `allows` needs those of the event or subscription."""
    _biscuit: biscuit_auth.Biscuit = field(repr=False, compare=False)

    def has_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def allows(
        self,
        *,
        action: str,
        now: float,
        organization_id: uuid.UUID | None = None,
        application_id: uuid.UUID | None = None,
        subscription_id: uuid.UUID | None = None,
        service_token_id: uuid.UUID | None = None,
        labels: Mapping[str, str] | None = None,
        event_types: Collection[str] | None = None,
    ) -> bool:
        """Whether the checks in the token let it do this at `now` (Unix seconds). Raises TooCostly.

        What is not given is unknown to the checks: one that asks for it fails. So are labels and event types that are more
        or longer than any that can be stored. Only access tokens allow anything. What a
        user or a service may do beside the checks is asked elsewhere.
        """
        if self.kind not in _ACCESS or self.has_expired(now):
            return False
        if not self.is_attenuated:
            return True
        ids = {
            "organization_id": organization_id,
            "application_id": application_id,
            "subscription_id": subscription_id,
            "service_token_id": service_token_id,
        }
        told: dict[str, object] = {"action": action, "time": datetime.fromtimestamp(now, UTC)}
        told |= {name: value.bytes for name, value in ids.items() if value is not None}
        if event_types is not None and _is_small(event_types, guard.MAX_EVENT_TYPES):
            told["event_type_names"] = set(event_types)
        if labels is None or not _is_small([*labels, *labels.values()], 2 * guard.MAX_LABELS):
            return _run(self._biscuit, told, {})
        return _run(self._biscuit, {**told, "labels": dict(labels)}, labels)


def of(read: form.Biscuit, verified: biscuit_auth.Biscuit) -> Token:
    """The token that these two views of the same bytes show. Raises Refused where this version does not know its kind."""
    authority = read.blocks[0]
    facts = {fact.name: fact.terms[0].value for fact in authority.facts if len(fact.terms) == 1}
    kind, version = facts.get("type"), facts.get("version")
    if kind not in _IDS or version != _VERSION:
        raise form.Refused("the token is of a kind that this server does not know")
    is_attenuated = len(read.blocks) > 1
    if is_attenuated and kind not in _ACCESS:
        raise form.Refused("only access tokens may be narrowed")
    try:
        ids = {name: uuid.UUID(bytes=facts[name]) for name in _IDS[kind]}
        stated = facts["expired_at"] if kind in _MAILED else None
    except (LookupError, TypeError, ValueError) as wrong:
        raise form.Refused("the token lacks facts that its kind has") from wrong
    return Token(
        kind=kind,
        token_id=ids.get("token_id"),
        session_id=ids.get("session_id"),
        user_id=ids.get("user_id"),
        organization_id=ids.get("organization_id"),
        root_id=bytes.fromhex(verified.revocation_ids[0]),
        expires_at=_expires_at(read, stated),
        is_attenuated=is_attenuated,
        asks_labels=guard.asks_labels(read),
        _biscuit=verified,
    )


def _expires_at(read: form.Biscuit, stated: float | None) -> float | None:
    checks = [_expiry(check) for block in read.blocks for check in block.checks]
    return min((float(each) for each in [stated, *checks] if each is not None), default=None)


def _expiry(check: form.Check) -> float | None:
    """The date of a check that is `time($t), $t < <date>` and no more."""
    match check.queries:
        case (form.Query(body=(form.Predicate(name="time", terms=(variable,)),), expressions=((left, right, compared),)),):
            is_plain = variable.kind == form.VARIABLE and left.term == variable and compared.operator == _LESS_THAN
            if is_plain and right.term is not None and right.term.kind == form.DATE:
                return float(right.term.value)
    return None


def _run(biscuit: biscuit_auth.Biscuit, told: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """Whether every check holds with these facts."""
    facts = [f"{name}({{{name}}})" for name in told]
    terms = dict(told)
    for number, (key, value) in enumerate(labels.items()):
        facts.append(f"label({{key{number}}}, {{value{number}}})")
        terms |= {f"key{number}": key, f"value{number}": value}
    builder = biscuit_auth.AuthorizerBuilder(f"{'; '.join(facts)}; allow if true", terms)
    limits = builder.limits()  # type: ignore[attr-defined]  # the stubs of biscuit-python 0.4 leave out both
    limits.max_time, limits.max_facts, limits.max_iterations = MAX_TIME, MAX_FACTS, MAX_ITERATIONS
    builder.set_limits(limits)  # type: ignore[attr-defined]
    try:
        builder.build(biscuit).authorize()
    except biscuit_auth.AuthorizationError as failed:
        if _OVER_LIMIT in str(failed):
            raise TooCostly("the checks in the token could not be run in time") from failed
        return False
    except biscuit_auth.BiscuitValidationError:  # a block states another version of Datalog than it uses: seen only here
        return False
    return True


def _is_small(texts: Collection[str], most: int) -> bool:
    return len(texts) <= most and all(len(text) <= guard.MAX_TEXT for text in texts)
