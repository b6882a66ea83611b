"""Applications."""

from collections.abc import Iterator
from typing import Any

from hook0_client._gen.hook0.v1 import application_pb2, application_service_pb2 as pb2
from hook0_server.api import rest_applications
from hook0_server.gateway.rest import asked, route
from hook0_server.gateway.rest.shapes import applications as shapes

UNLIMITED = 2147483647  # Hook0's word for it
_SERVICE = "ApplicationService"


def step(is_done: object) -> str:
    """One of the onboarding steps."""
    return "Done" if is_done else "ToDo"


def _read_list(came: asked.Asked) -> pb2.ListApplicationsRequest:
    return pb2.ListApplicationsRequest(organization_id=came.query.uuid("organization_id"))


def _read_new(came: asked.Asked) -> pb2.CreateApplicationRequest:
    given = came.body
    application = application_pb2.Application(organization_id=given.uuid("organization_id"), name=given.text("name"))
    return pb2.CreateApplicationRequest(application=application, request_id=came.request_id)


def _read_get(came: asked.Asked) -> pb2.GetApplicationRequest:
    return pb2.GetApplicationRequest(application_id=came.id_in_path("application_id"))


def _read_update(came: asked.Asked) -> pb2.UpdateApplicationRequest:
    application = application_pb2.Application(
        application_id=came.id_in_path("application_id"),
        organization_id=came.body.uuid("organization_id"),
        name=came.body.text("name"),
    )
    request = pb2.UpdateApplicationRequest(application=application)
    request.update_mask.paths.append("name")
    return request


def _read_delete(came: asked.Asked) -> pb2.DeleteApplicationRequest:
    return pb2.DeleteApplicationRequest(application_id=came.id_in_path("application_id"))


def _shown(application: application_pb2.Application) -> dict[str, Any]:
    return {
        "application_id": application.application_id,
        "organization_id": application.organization_id,
        "name": application.name,
    }


def _show_list(answer: pb2.ListApplicationsResponse, _: asked.Asked) -> Iterator[dict[str, Any]]:
    return (_shown(each) for each in answer.applications)


def _show(answer: pb2.CreateApplicationResponse | pb2.UpdateApplicationResponse, _: asked.Asked) -> dict[str, Any]:
    return _shown(answer.application)


def _show_get(answer: rest_applications.Shown, _: asked.Asked) -> dict[str, Any]:
    usage = answer.application.usage
    limits = usage.limits
    return _shown(answer.application) | {
        "quotas": {
            "events_per_day_limit": limits.events_per_day if limits.HasField("events_per_day") else UNLIMITED,
            "days_of_events_retention_limit": answer.retention_days,
        },
        "consumption": {"events_per_day": usage.events_today},
        "onboarding_steps": {
            "event_type": step(usage.event_types),
            "subscription": step(usage.subscriptions),
            "event": step(answer.has_events),
        },
    }


ROUTES = (
    route.Route(
        "GET", "/applications", f"hook0.rest.{_SERVICE}/ListApplications", _read_list, _show_list, described=shapes.LIST,
    ),
    route.Route(
        "POST", "/applications", f"hook0.v1.{_SERVICE}/CreateApplication", _read_new, _show, status=201,
        within="application.", described=shapes.NEW,
    ),
    route.Route(
        "GET", "/applications/{application_id}", f"hook0.rest.{_SERVICE}/GetApplication", _read_get, _show_get,
        described=shapes.GET,
    ),
    route.Route(
        "PUT", "/applications/{application_id}", f"hook0.v1.{_SERVICE}/UpdateApplication", _read_update, _show,
        within="application.", described=shapes.UPDATE,
    ),
    route.Route(
        "DELETE", "/applications/{application_id}", f"hook0.v1.{_SERVICE}/DeleteApplication", _read_delete, None,
        status=204, described=shapes.DELETE,
    ),
)  # fmt: skip
