"""Event types: over REST the first segment is the service, the last one the verb, and what lies between the resource."""

from collections.abc import Iterator

from hook0_client._gen.hook0.v1 import event_type_pb2, event_type_service_pb2 as pb2
from hook0_server.gateway.rest import asked, route
from hook0_server.gateway.rest.shapes import applications as shapes

_SERVICE = "EventTypeService"
_PATH = "/event_types/{event_type_name}"
_NO_NAME = {"FIELD_INVALID": "NotFound"}  # what no type can be called is not there


def _read_list(came: asked.Asked) -> pb2.ListEventTypesRequest:
    return pb2.ListEventTypesRequest(application_id=came.query.uuid("application_id"))


def _read_new(came: asked.Asked) -> pb2.CreateEventTypeRequest:
    given = came.body
    name = ".".join(given.text(part) for part in ("service", "resource_type", "verb"))
    event_type = event_type_pb2.EventType(application_id=given.uuid("application_id"), event_type=name)
    return pb2.CreateEventTypeRequest(event_type=event_type, request_id=came.request_id)


def _read_get(came: asked.Asked) -> pb2.GetEventTypeRequest:
    return pb2.GetEventTypeRequest(application_id=came.query.uuid("application_id"), event_type=came.path["event_type_name"])


def _read_delete(came: asked.Asked) -> pb2.DeleteEventTypeRequest:
    return pb2.DeleteEventTypeRequest(application_id=came.query.uuid("application_id"), event_type=came.path["event_type_name"])


def _shown(event_type: event_type_pb2.EventType) -> dict[str, str]:
    service, *resource, verb = event_type.event_type.split(".")
    return {
        "service_name": service,
        "resource_type_name": ".".join(resource),
        "verb_name": verb,
        "event_type_name": event_type.event_type,
    }


def _show_list(answer: pb2.ListEventTypesResponse, _: asked.Asked) -> Iterator[dict[str, str]]:
    return (_shown(each) for each in answer.event_types)


def _show(answer: pb2.CreateEventTypeResponse | pb2.GetEventTypeResponse, _: asked.Asked) -> dict[str, str]:
    return _shown(answer.event_type)


ROUTES = (
    route.Route(
        "GET", "/event_types", f"hook0.rest.{_SERVICE}/ListEventTypes", _read_list, _show_list,
        described=shapes.EVENT_TYPES,
    ),
    route.Route(
        "POST", "/event_types", f"hook0.rest.{_SERVICE}/CreateEventType", _read_new, _show, status=201,
        within="event_type.", described=shapes.NEW_EVENT_TYPE,
    ),
    route.Route(
        "GET", _PATH, f"hook0.rest.{_SERVICE}/GetEventType", _read_get, _show, problems=_NO_NAME,
        described=shapes.EVENT_TYPE,
    ),
    route.Route(
        "DELETE", _PATH, f"hook0.v1.{_SERVICE}/DeleteEventType", _read_delete, None, status=204, problems=_NO_NAME,
        described=shapes.DELETE_EVENT_TYPE,
    ),
)  # fmt: skip
