"""The instance, its lists, and problems."""

from collections.abc import Mapping

from hook0_server.gateway.rest import problems
from hook0_server.gateway.rest.shapes import kinds

PROBLEM = kinds.Object(
    "Problem",
    {
        "type": kinds.text(example="https://documentation.hook0.com/reference/error-codes#notfound"),
        "id": {"type": "string", "enum": list(problems.BY_ID), "examples": ["NotFound"]},
        "title": kinds.text(example="There is no such thing"),
        "detail": kinds.text(example="There is no such event."),
        "status": kinds.whole(404),
        "validation": {"type": ["object", "null"], "examples": [None]},
    },
)
_MATOMO = kinds.Object("Matomo", {"url": kinds.text(), "site_id": kinds.whole()})
_FORMBRICKS = kinds.Object("Formbricks", {"api_host": kinds.text(), "environment_id": kinds.text()})
_CONFIG = kinds.Object(
    "InstanceConfig",
    {
        "biscuit_public_key": kinds.text(example="00ff"),
        "registration_disabled": kinds.FLAG,
        "password_minimum_length": kinds.whole(10),
        "auto_db_migration": kinds.FLAG,
        "application_secret_compatibility": kinds.FLAG,
        "quota_enforcement": kinds.FLAG,
        "matomo": kinds.or_null(_MATOMO),
        "formbricks": kinds.or_null(_FORMBRICKS),
        "support_email_address": kinds.text(example="help@example.com"),
        "cloudflare_turnstile_site_key": kinds.or_null(kinds.text()) | {"examples": [None]},
    },
)
_LIMITS = kinds.Object(
    "QuotasLimits",
    {
        f"global_{name}_limit": kinds.whole(2147483647)
        for name in (
            "members_per_organization",
            "applications_per_organization",
            "events_per_day",
            "days_of_events_retention",
            "subscriptions_per_application",
            "event_types_per_application",
        )
    },
)
_QUOTAS = kinds.Object("QuotasResponse", {"enabled": kinds.FLAG, "limits": _LIMITS})

GET = kinds.Described("instance.get", "What this instance is", gives=_CONFIG)
QUOTAS = kinds.Described("quotas.get", "What this instance allows", gives=_QUOTAS)

_VARIABLE = kinds.Object(
    "EnvironmentVariable",
    {
        "name": kinds.text(example="http_address"),
        "env_var": kinds.text(example="HOOK0_HTTP_ADDRESS"),
        "description": kinds.or_null(kinds.text(example="Where HTTP is served.")),
        "default": kinds.or_null(kinds.text(example="127.0.0.1:8081")),
        "sensitive": kinds.FLAG,
        "required": kinds.FLAG,
        "group": kinds.or_null(kinds.text()) | {"examples": [None]},
    },
)
_MILLISECONDS = kinds.or_null(kinds.whole(1))
_HEALTH = kinds.Object(
    "Health",
    {
        "database": kinds.FLAG,
        "pulsar": kinds.or_null(kinds.FLAG) | {"examples": [None]},
        "object_storage": kinds.or_null(kinds.FLAG) | {"examples": [None]},
        "database_duration_ms": kinds.whole(1),
        "pulsar_duration_ms": _MILLISECONDS | {"examples": [None]},
        "object_storage_duration_ms": _MILLISECONDS | {"examples": [None]},
        "total_duration_ms": kinds.whole(1),
    },
)

# What is served besides the rows, by path: none of it takes a credential.
LISTS: Mapping[str, kinds.Described] = {
    "/errors": kinds.Described("errors.list", "List all problems", gives=kinds.listed(PROBLEM)),
    "/payload_content_types": kinds.Described(
        "payload_content_types.list", "List the content types of payloads", gives=kinds.listed(kinds.text(example="text/plain"))
    ),
    "/environment_variables": kinds.Described(
        "environment_variables.list", "List the settings of the server", gives=kinds.listed(_VARIABLE), in_sdk=False
    ),
    "/health": kinds.Described(
        "instance.health", "Whether the server is well", gives=_HEALTH, query={"key": kinds.text()},
        optional=frozenset({"key"}), refusals=("Forbidden", "NotFound"), others={503: _HEALTH}, in_sdk=False,
    ),
}  # fmt: skip
