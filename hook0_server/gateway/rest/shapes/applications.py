"""Applications, their secrets, their event types."""

from hook0_server.gateway.rest.shapes import kinds
from hook0_server.model import limits

_NAME = kinds.text(*limits.NAME_CHARACTERS, example="shop")
_STEP = kinds.one_of("ToDo", "Done")
WITHIN = {"application_id": kinds.ID}

_APPLICATION = kinds.Object("Application", {"application_id": kinds.ID, "organization_id": kinds.ID, "name": _NAME})
_POST = kinds.Object("ApplicationPost", {"organization_id": kinds.ID, "name": _NAME})
_QUOTAS = kinds.Object(
    "ApplicationQuotas", {"events_per_day_limit": kinds.whole(10000), "days_of_events_retention_limit": kinds.whole(7)}
)
_CONSUMPTION = kinds.Object("ApplicationConsumption", {"events_per_day": kinds.whole(7)})
_STEPS = kinds.Object("ApplicationOnboardingSteps", {"event_type": _STEP, "subscription": _STEP, "event": _STEP})
_INFO = kinds.Object(
    "ApplicationInfo",
    {**_APPLICATION.members, "quotas": _QUOTAS, "consumption": _CONSUMPTION, "onboarding_steps": _STEPS},
)

LIST = kinds.Described(
    "applications.list", "List applications", gives=kinds.listed(_APPLICATION), query={"organization_id": kinds.ID}
)
NEW = kinds.Described(
    "applications.create", "Create an application, with a secret called Default", _POST, _APPLICATION,
    refusals=("TooManyApplicationsPerOrganization",), once=True,
)  # fmt: skip
GET = kinds.Described("applications.get", "Look at an application", gives=_INFO)
UPDATE = kinds.Described("applications.update", "Rename an application", _POST, _APPLICATION)
DELETE = kinds.Described("applications.delete", "Delete an application; what waits to be delivered is cancelled")

_SECRET_NAME = kinds.or_null(kinds.text(longest=limits.SECRET_NAME_CHARACTERS[1], example="second"))
_SECRET = kinds.Object(
    "ApplicationSecret",
    {
        "name": _SECRET_NAME,
        "token": kinds.ID,
        "created_at": kinds.MOMENT,
        "deleted_at": kinds.or_null(kinds.MOMENT) | {"examples": [None]},
    },
)
_SECRET_POST = kinds.Object("ApplicationSecretPost", {"application_id": kinds.ID, "name": _SECRET_NAME}, frozenset({"name"}))

SECRETS = kinds.Described(
    "applicationSecrets.read", "List the secrets of an application", gives=kinds.listed(_SECRET), query=WITHIN
)
NEW_SECRET = kinds.Described("applicationSecrets.create", "Create a secret", _SECRET_POST, _SECRET, once=True)
UPDATE_SECRET = kinds.Described("applicationSecrets.update", "Rename a secret", _SECRET_POST, _SECRET)
DELETE_SECRET = kinds.Described("applicationSecrets.delete", "Delete a secret: it opens nothing any more", query=WITHIN)

_SEGMENT = kinds.text(1, 50, example="order")
_EVENT_TYPE = kinds.Object(
    "EventType",
    {
        "service_name": kinds.text(example="shop"),
        "resource_type_name": kinds.text(example="order"),
        "verb_name": kinds.text(example="paid"),
        "event_type_name": kinds.text(example="shop.order.paid"),
    },
)
_EVENT_TYPE_POST = kinds.Object(
    "EventTypePost",
    {
        "application_id": kinds.ID,
        "service": _SEGMENT | {"examples": ["shop"]},
        "resource_type": _SEGMENT,
        "verb": _SEGMENT | {"examples": ["paid"]},
    },
)

EVENT_TYPES = kinds.Described("eventTypes.list", "List the event types in use", gives=kinds.listed(_EVENT_TYPE), query=WITHIN)
NEW_EVENT_TYPE = kinds.Described(
    "eventTypes.create", "Create an event type; one that is there is no error", _EVENT_TYPE_POST, _EVENT_TYPE,
    refusals=("TooManyEventTypesPerApplication",), once=True,
)  # fmt: skip
EVENT_TYPE = kinds.Described("eventTypes.get", "Look at an event type", gives=_EVENT_TYPE, query=WITHIN)
DELETE_EVENT_TYPE = kinds.Described("eventTypes.delete", "Deactivate an event type", query=WITHIN)
