"""EventTypeService."""

from hook0_client._gen.hook0.v1 import event_type_pb2 as resource_pb2, event_type_service_pb2 as pb2
from hook0_server.access import encryption
from hook0_server.api import changes, etags, masks, pages, parents, pipeline, quotas, registry, repeats, rules
from hook0_server.model import errors, event_types as names, limits
from hook0_server.store import applications, database, event_types

_KIND = "event_types"
_CHANGEABLE = ("description",)


class EventTypes:
    def __init__(self, db: database.Database, keyring: encryption.Keyring, limited: quotas.Guard | None = None) -> None:
        self._db, self._quotas = db, limited or quotas.Guard()
        self._repeats = repeats.Repeats(db, keyring)

    async def create(self, call: pipeline.Call, request: pb2.CreateEventTypeRequest) -> pb2.CreateEventTypeResponse:
        application_id, given = parents.application(call), request.event_type

        async def make(connection: database.Connection) -> pb2.CreateEventTypeResponse:
            await applications.hold(connection, application_id)
            created = await event_types.create(
                connection,
                application_id,
                given.event_type,
                candidates=names.candidates(given.event_type),
                description=given.description,
            )
            if created is None:
                raise errors.AlreadyExists(
                    "EVENT_TYPE_ALREADY_EXISTS",
                    "The application has this event type already; update it to change its description.",
                    metadata={"event_type": given.event_type},
                )
            await self._quotas.judge_new(connection, "event_types", application_id)
            return pb2.CreateEventTypeResponse(event_type=_shown(created))

        return await self._repeats.once(call, application_id, request, pb2.CreateEventTypeResponse, make)

    async def get(self, call: pipeline.Call, request: pb2.GetEventTypeRequest) -> pb2.GetEventTypeResponse:
        found = await event_types.get(self._db, parents.application(call), request.event_type)
        if found is None:
            raise missing(request.event_type)
        return pb2.GetEventTypeResponse(event_type=_shown(found))

    async def list(self, call: pipeline.Call, request: pb2.ListEventTypesRequest) -> pb2.ListEventTypesResponse:
        application_id = parents.application(call)
        after = pages.position(request.page_token, _KIND, application_id)
        size = rules.page_size(request.page_size)
        found = await event_types.page(self._db, application_id, after=after, size=size + 1)
        shown, token = pages.cut(found, size, _KIND, application_id, lambda each: each.event_type)
        return pb2.ListEventTypesResponse(event_types=map(_shown, shown), next_page_token=token)

    async def update(self, call: pipeline.Call, request: pb2.UpdateEventTypeRequest) -> pb2.UpdateEventTypeResponse:
        application_id, given = parents.application(call), request.event_type
        is_described = "description" in masks.paths(request.update_mask, given, _CHANGEABLE)
        async with changes.transaction(self._db, call) as connection:
            within = database.Within(connection)
            changed = await event_types.update(
                within,
                application_id,
                given.event_type,
                description=given.description if is_described else None,
                revision=etags.revision(given.etag),
            )
            if changed is not None:
                return pb2.UpdateEventTypeResponse(event_type=_shown(changed))
            found = await event_types.get(within, application_id, given.event_type)
            if found is None or found.deactivated_at is not None:
                raise missing(given.event_type)
            raise etags.mismatch()

    async def delete(self, call: pipeline.Call, request: pb2.DeleteEventTypeRequest) -> pb2.DeleteEventTypeResponse:
        async with changes.transaction(self._db, call) as connection:
            if not await event_types.deactivate(database.Within(connection), parents.application(call), request.event_type):
                raise missing(request.event_type)
        return pb2.DeleteEventTypeResponse()


def missing(event_type: str) -> errors.NotFound:
    return errors.NotFound(
        "EVENT_TYPE_NOT_FOUND",
        "The application has no such event type, or it is deactivated; ListEventTypes shows those in use.",
        metadata={"event_type": event_type},
    )


def _shown(event_type: event_types.EventType) -> resource_pb2.EventType:
    return resource_pb2.EventType(
        application_id=str(event_type.application_id),
        event_type=event_type.event_type,
        description=event_type.description,
        created_at=event_type.created_at,
        deactivated_at=event_type.deactivated_at,
        etag=etags.of(event_type.revision),
    )


def _judge_name(field: str, text: str, breaches: rules.Breaches) -> None:
    """The name of one that may exist, be it the server's own."""
    if not names.is_name(text):
        breaches.add(field, f"{errors.excerpt(text)} {names.name_error(text)}")


def _judge_description(description: str, breaches: rules.Breaches) -> None:
    breaches.text("event_type.description", description, *limits.EVENT_TYPE_DESCRIPTION_CHARACTERS)


def _rules_of_create(request: pb2.CreateEventTypeRequest, breaches: rules.Breaches) -> None:
    given = request.event_type
    breaches.uuid("event_type.application_id", given.application_id)
    if wrong := names.name_error(given.event_type):
        breaches.add("event_type.event_type", f"{errors.excerpt(given.event_type)} {wrong}")
    _judge_description(given.description, breaches)
    breaches.uuid("request_id", request.request_id, optional=True)


def _rules_of_naming(request: pb2.GetEventTypeRequest | pb2.DeleteEventTypeRequest, breaches: rules.Breaches) -> None:
    _judge_name("event_type", request.event_type, breaches)


def _rules_of_list(request: pb2.ListEventTypesRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)


def _rules_of_update(request: pb2.UpdateEventTypeRequest, breaches: rules.Breaches) -> None:
    given = request.event_type
    masks.judge(breaches, request.update_mask, _CHANGEABLE)
    breaches.uuid("event_type.application_id", given.application_id)
    _judge_name("event_type.event_type", given.event_type, breaches)
    if "description" in masks.paths(request.update_mask, given, _CHANGEABLE):
        _judge_description(given.description, breaches)


def operations(
    db: database.Database, keyring: encryption.Keyring, limited: quotas.Guard | None = None
) -> list[registry.Operation]:
    """EventTypeService, whole."""
    handlers = EventTypes(db, keyring, limited)
    service, unary = "EventTypeService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "CreateEventType", pb2.CreateEventTypeRequest, pb2.CreateEventTypeResponse, unary,
            "event_type:create", handlers.create, rules=_rules_of_create, changes="event_type",
            resource_id=lambda request: request.event_type.event_type,
            application_id=lambda request: str(request.event_type.application_id),
        ),
        registry.Operation(
            service, "GetEventType", pb2.GetEventTypeRequest, pb2.GetEventTypeResponse, unary,
            "event_type:get", handlers.get, rules=_rules_of_naming,
        ),
        registry.Operation(
            service, "ListEventTypes", pb2.ListEventTypesRequest, pb2.ListEventTypesResponse, unary,
            "event_type:list", handlers.list, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "UpdateEventType", pb2.UpdateEventTypeRequest, pb2.UpdateEventTypeResponse, unary,
            "event_type:edit", handlers.update, rules=_rules_of_update, changes="event_type",
            resource_id=lambda request: request.event_type.event_type,
            application_id=lambda request: str(request.event_type.application_id),
        ),
        registry.Operation(
            service, "DeleteEventType", pb2.DeleteEventTypeRequest, pb2.DeleteEventTypeResponse, unary,
            "event_type:delete", handlers.delete, rules=_rules_of_naming, changes="event_type",
            resource_id=lambda request: request.event_type,
        ),
    ]  # fmt: skip
