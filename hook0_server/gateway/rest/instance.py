"""What the instance is, what it allows, and how much was published."""

import uuid
from datetime import date
from typing import Any

from hook0_client._gen.hook0.v1 import instance_service_pb2, stats_service_pb2
from hook0_server.api import rest_instance
from hook0_server.gateway.rest import applications, asked, problems, route
from hook0_server.gateway.rest.shapes import events, instance as shapes
from hook0_server.model import errors

_INSTANCE = "hook0.rest.InstanceService/GetInstance"
_DAYS = "hook0.rest.StatsService/GetEventsPerDay"
_RANGE = {"FIELD_INVALID": "InvalidDateRange"}


def _read_instance(_: asked.Asked) -> instance_service_pb2.GetInstanceRequest:
    return instance_service_pb2.GetInstanceRequest()


def _read_of_application(came: asked.Asked) -> stats_service_pb2.GetEventsPerDayRequest:
    return _days(came, application_id=came.query.uuid("application_id"))


def _read_of_organization(came: asked.Asked) -> stats_service_pb2.GetEventsPerDayRequest:
    return _days(came, organization_id=came.query.uuid("organization_id"))


def _days(came: asked.Asked, **owner: str) -> stats_service_pb2.GetEventsPerDayRequest:
    days = {name: _day(name, came.query.text(name)) for name in ("from", "to") if came.query.has(name)}
    return stats_service_pb2.GetEventsPerDayRequest(**owner, **days)


def _day(name: str, text: str) -> str:
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise problems.Unfit("JsonPayload", f"the query parameter {name} {errors.excerpt(text)} is not a day such as 2026-01-31.")


def _show_instance(answer: rest_instance.Instance, _: asked.Asked) -> dict[str, Any]:
    about = answer.about
    return {
        "biscuit_public_key": about.biscuit_public_key,
        "registration_disabled": not about.registration_enabled,
        "password_minimum_length": about.password_minimum_length,
        "auto_db_migration": True,
        "application_secret_compatibility": True,
        "quota_enforcement": bool(answer.limits.set_ones()),
        "matomo": None,
        "formbricks": None,
        "support_email_address": answer.support_address,
        "cloudflare_turnstile_site_key": None,
    }


def _show_quotas(answer: rest_instance.Instance, _: asked.Asked) -> dict[str, Any]:
    limits = answer.limits

    def shown(limit: int | None) -> int:
        return applications.UNLIMITED if limit is None else limit

    return {
        "enabled": bool(limits.set_ones()),
        "limits": {
            "global_members_per_organization_limit": shown(limits.members),
            "global_applications_per_organization_limit": shown(limits.applications),
            "global_events_per_day_limit": shown(limits.events_per_day),
            "global_days_of_events_retention_limit": limits.retention_days or answer.retention_days,
            "global_subscriptions_per_application_limit": shown(limits.subscriptions),
            "global_event_types_per_application_limit": shown(limits.event_types),
        },
    }


def _show_days(answer: rest_instance.Days, _: asked.Asked) -> list[dict[str, Any]]:
    return [
        {
            "application_id": each.application_id,
            "application_name": answer.names.get(uuid.UUID(each.application_id), ""),
            "date": each.date,
            "amount": each.events,
            "is_provisional": each.date == answer.today.isoformat(),
        }
        for each in answer.days.days
    ]


ROUTES = (
    route.Route("GET", "/instance", _INSTANCE, _read_instance, _show_instance, described=shapes.GET),
    route.Route("GET", "/quotas", _INSTANCE, _read_instance, _show_quotas, described=shapes.QUOTAS),
    route.Route(
        "GET", "/events_per_day/application", _DAYS, _read_of_application, _show_days, problems=_RANGE,
        described=events.DAYS_OF_APPLICATION,
    ),
    route.Route(
        "GET", "/events_per_day/organization", _DAYS, _read_of_organization, _show_days, problems=_RANGE,
        described=events.DAYS_OF_ORGANIZATION,
    ),
)  # fmt: skip
