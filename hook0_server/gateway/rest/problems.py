"""Refusals as REST says them: the 46 problems of Hook0 (RFC 7807), a closed set to its SDKs, and which reason is which.

An id that is not among them would make their typed decoding fail, so every reason of ours has its nearest one here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from hook0_server.model import errors

CONTENT_TYPE = "application/problem+json"
UNAVAILABLE_SECONDS = 5  # what Retry-After says where nothing better is known
_TYPE = "https://documentation.hook0.com/reference/error-codes#"


@dataclass(frozen=True, slots=True)
class Problem:
    """One of the 46; `status` is HTTP's."""

    id: str
    status: int
    title: str

    def shown(self, detail: str, validation: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Always all six members."""
        return {
            "type": f"{_TYPE}{self.id.lower()}",
            "id": self.id,
            "title": self.title,
            "detail": detail,
            "status": self.status,
            "validation": validation,
        }


# In the order in which GET /errors lists them.
_ALL = (
    Problem("OrganizationNameMissing", 400, "The organization needs a name"),
    Problem("UserAlreadyExist", 409, "This e-mail address has an account already"),
    Problem("RegistrationDisabled", 410, "This server does not register people"),
    Problem("PasswordTooShort", 400, "The password is too short"),
    Problem("PasswordTooLong", 400, "The password is too long"),
    Problem("PasswordSimilarToEmail", 400, "The password is too much like the e-mail address"),
    Problem("PasswordSimilarToName", 400, "The password is too much like the name"),
    Problem("PasswordTooCommon", 400, "The password is one that many people use"),
    Problem("PasswordNotDiverseEnough", 400, "The password has too few different characters"),
    Problem("OrganizationIsNotEmpty", 409, "The organization still has applications"),
    Problem("InvitedUserDoesNotExist", 404, "There is no such person"),
    Problem("InvitedUserAlreadyInOrganization", 409, "This person is in the organization already"),
    Problem("ApplicationNameMissing", 400, "The application needs a name"),
    Problem("InvalidRole", 400, "There is no such role"),
    Problem("EventTypeAlreadyExist", 409, "This event type exists already"),
    Problem("EventTypeDoesNotExist", 400, "The event type does not exist or is deactivated"),
    Problem("UnauthorizedWorkers", 400, "These dedicated workers are not allowed"),
    Problem("EventAlreadyIngested", 409, "This id was used already"),
    Problem("EventInvalidPayloadContentType", 400, "The content type of the payload is not one of those allowed"),
    Problem("EventInvalidBase64Payload", 400, "The payload is not base64"),
    Problem("EventInvalidJsonPayload", 400, "The payload is not JSON"),
    Problem("LabelsAmbiguity", 400, "The labels are missing"),
    Problem("InvalidDateRange", 400, "The range of days is not one"),
    Problem("AuthNoAuthorizationHeader", 401, "The header Authorization is missing"),
    Problem("AuthInvalidAuthorizationHeader", 400, "The header Authorization is not a text"),
    Problem("AuthApplicationSecretLookupError", 500, "The application secret could not be looked up"),
    Problem("AuthInvalidApplicationSecret", 403, "The application secret is not valid"),
    Problem("AuthBiscuitLookupError", 500, "The token could not be looked up"),
    Problem("AuthInvalidBiscuit", 403, "The credential is not valid"),
    Problem("AuthFailedLogin", 401, "E-mail address and password do not belong together"),
    Problem("AuthEmailNotVerified", 401, "The e-mail address is not verified"),
    Problem("AuthEmailAlreadyVerified", 409, "The e-mail address is verified already"),
    Problem("AuthFailedRefresh", 401, "The session cannot be refreshed"),
    Problem("AuthEmailExpired", 401, "The link is not valid or too old"),
    Problem("TooManyMembersPerOrganization", 429, "The organization has as many members as it may"),
    Problem("TooManyApplicationsPerOrganization", 429, "The organization has as many applications as it may"),
    Problem("TooManyEventsToday", 429, "As many events as may be were published today"),
    Problem("TooManySubscriptionsPerApplication", 429, "The application has as many subscriptions as it may"),
    Problem("TooManyEventTypesPerApplication", 429, "The application has as many event types as it may"),
    Problem("JsonPayload", 400, "The request cannot be read"),
    Problem("Validation", 422, "A field breaks its rule"),
    Problem("NotFound", 404, "There is no such thing"),
    Problem("InternalServerError", 500, "The server failed"),
    Problem("Forbidden", 403, "The credential does not reach this"),
    Problem("RateLimited", 429, "Too many calls"),
    Problem("ServiceUnavailable", 503, "The server cannot answer now"),
)
BY_ID: Mapping[str, Problem] = {problem.id: problem for problem in _ALL}

# What each reason is over REST, wherever it is answered; see `of` for those that depend on more. Those that no route answers
# have their nearest problem too: the set of reasons is closed as well.
BY_REASON: Mapping[str, str] = {
    **dict.fromkeys(("FIELD_INVALID", "UPDATE_MASK_INVALID", "PAYLOAD_TOO_LARGE", "EVENT_ID_IN_FUTURE"), "Validation"),
    **dict.fromkeys(("PATTERN_INVALID", "TARGET_URL_INVALID", "TARGET_FORBIDDEN"), "Validation"),
    **dict.fromkeys(("HEADER_RESERVED", "HEADER_INVALID", "SUBSCRIPTION_DISABLED", "DELIVERY_NOT_RETRYABLE"), "Validation"),
    **dict.fromkeys(("DELIVERY_FINISHED", "LAST_OWNER"), "Validation"),
    **dict.fromkeys(("MESSAGE_TOO_LARGE", "PAGE_TOKEN_INVALID", "CURSOR_INVALID", "CURSOR_EXPIRED"), "JsonPayload"),
    "PAYLOAD_NOT_JSON": "EventInvalidJsonPayload",
    "PASSWORD_REFUSED": "PasswordTooCommon",
    "LINK_INVALID": "AuthEmailExpired",
    "CREDENTIALS_MISSING": "AuthNoAuthorizationHeader",
    **dict.fromkeys(("CREDENTIALS_INVALID", "CREDENTIALS_REVOKED", "TOKEN_EXPIRED", "TOKEN_REFUSED"), "AuthInvalidBiscuit"),
    **dict.fromkeys(("PERMISSION_DENIED", "ORGANIZATION_NOT_FOUND", "APPLICATION_NOT_FOUND"), "Forbidden"),
    "LOGIN_FAILED": "AuthFailedLogin",
    "EMAIL_NOT_VERIFIED": "AuthEmailNotVerified",
    **dict.fromkeys(("APPLICATION_SECRET_NOT_FOUND", "SUBSCRIPTION_NOT_FOUND", "EVENT_NOT_FOUND"), "NotFound"),
    **dict.fromkeys(("DELIVERY_NOT_FOUND", "ATTEMPT_NOT_FOUND", "MEMBER_NOT_FOUND", "SERVICE_TOKEN_NOT_FOUND"), "NotFound"),
    "EVENT_TYPE_NOT_FOUND": "EventTypeDoesNotExist",
    **dict.fromkeys(("EVENT_ID_REUSED", "REQUEST_ID_REUSED"), "EventAlreadyIngested"),
    "EVENT_TYPE_ALREADY_EXISTS": "EventTypeAlreadyExist",
    "MEMBER_ALREADY_EXISTS": "InvitedUserAlreadyInOrganization",
    "USER_ALREADY_EXISTS": "UserAlreadyExist",
    "ORGANIZATION_NOT_EMPTY": "OrganizationIsNotEmpty",
    "REGISTRATION_DISABLED": "RegistrationDisabled",
    **dict.fromkeys(("INGESTION_QUEUE_FULL", "DATABASE_UNAVAILABLE", "SERVER_STOPPING"), "ServiceUnavailable"),
    "ETAG_MISMATCH": "ServiceUnavailable",
    "INTERNAL": "InternalServerError",
    **dict.fromkeys(("PATH_NOT_FOUND", "METHOD_NOT_ALLOWED"), "NotFound"),
    **dict.fromkeys(("CONTENT_TYPE_UNSUPPORTED", "COMPRESSION_UNSUPPORTED", "STREAM_UNSUPPORTED"), "JsonPayload"),
    **dict.fromkeys(("HTTP_MALFORMED", "HEADERS_TOO_LARGE", "BODY_TOO_SLOW"), "JsonPayload"),
    **dict.fromkeys(("DEADLINE_EXCEEDED", "TOO_MANY_CONNECTIONS"), "ServiceUnavailable"),
    "RATE_LIMITED": "RateLimited",
    "QUOTA_EXCEEDED": "TooManyEventsToday",
}
_BY_QUOTA = {
    "members": "TooManyMembersPerOrganization",
    "applications": "TooManyApplicationsPerOrganization",
    "events_per_day": "TooManyEventsToday",
    "subscriptions": "TooManySubscriptionsPerApplication",
    "event_types": "TooManyEventTypesPerApplication",
}


_BY_PASSWORD = {
    "too_short": "PasswordTooShort",
    "too_long": "PasswordTooLong",
    "similar_to_email": "PasswordSimilarToEmail",
    "similar_to_name": "PasswordSimilarToName",
    "too_common": "PasswordTooCommon",
    "not_diverse": "PasswordNotDiverseEnough",
}
_NAMES = (("target.http", "target"), ("payload_text", "payload"))  # ours in messages, Hook0's in JSON


class Unfit(errors.InvalidRequest):
    """A request that breaks a rule of REST alone; `problem` is the id of its problem."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__("FIELD_INVALID", detail, metadata={"problem": problem})


def of(refusal: errors.Refused, chosen: Mapping[str, str] | None = None) -> Problem:
    """Which problem it is: the one that its metadata names, or by its reason. `chosen`: a route's own, by reason."""
    if refusal.reason == "PASSWORD_REFUSED":
        return BY_ID[_BY_PASSWORD[refusal.metadata["problem"]]]
    if named := refusal.metadata.get("problem"):
        return BY_ID[named]
    if chosen and refusal.reason in chosen:
        return BY_ID[chosen[refusal.reason]]
    if refusal.reason == "QUOTA_EXCEEDED":
        return BY_ID[_BY_QUOTA[refusal.metadata["quota"]]]
    if isinstance(refusal, errors.NotFound) and refusal.reason == "EVENT_TYPE_NOT_FOUND":
        return BY_ID["NotFound"]  # the type itself was asked for
    return BY_ID[BY_REASON[refusal.reason]]


def shown(refusal: errors.Refused, *, chosen: Mapping[str, str] | None = None, within: str = "") -> dict[str, Any]:
    """The refusal as JSON. `within`: what comes before the names of fields in our messages and not in the request."""
    problem = of(refusal, chosen)
    validation = _validation(refusal, within) if problem.status == 422 else None
    detail = refusal.message.removeprefix(within) if refusal.violations else refusal.message
    return problem.shown(detail, validation)


def answer(refusal: errors.Refused, *, chosen: Mapping[str, str] | None = None, within: str = "") -> web.Response:
    """The refusal on the wire; see `shown`."""
    headers = {"Content-Type": CONTENT_TYPE}
    problem = of(refusal, chosen)
    if (seconds := _retry_after(refusal, problem)) is not None:
        headers["Retry-After"] = str(seconds)
    body = orjson.dumps(shown(refusal, chosen=chosen, within=within))
    return web.Response(status=problem.status, body=body, headers=headers)


def catalogue() -> list[dict[str, Any]]:
    """All 46."""
    return [problem.shown(f"{problem.title}.") for problem in _ALL]


def _validation(refusal: errors.Refused, within: str) -> dict[str, list[dict[str, Any]]]:
    """By field, in the request's own names."""
    found: dict[str, list[dict[str, Any]]] = {}
    for violation in refusal.violations:
        field = violation.field.removeprefix(within)
        for ours, theirs in _NAMES:
            field = field.replace(ours, theirs)
        fault = {"code": refusal.reason.lower(), "message": violation.description, "params": {}}
        found.setdefault(field, []).append(fault)
    return found


def _retry_after(refusal: errors.Refused, problem: Problem) -> int | None:
    """Whole seconds, one at least: on 0 a client would use up its tries at once."""
    if refusal.retry_after is not None:
        return max(1, math.ceil(refusal.retry_after))
    return UNAVAILABLE_SECONDS if problem.status == 503 else None
