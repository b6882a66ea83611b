"""Event types as REST has them: creating one that is there is no error, and a deactivated one is not there."""

from hook0_client._gen.hook0.v1 import event_type_service_pb2 as pb2
from hook0_server.api import event_types as rpcs, pipeline, registry, whole
from hook0_server.model import errors


class RestEventTypes:
    def __init__(self, handlers: rpcs.EventTypes) -> None:
        self._handlers = handlers

    async def ensure(self, call: pipeline.Call, request: pb2.CreateEventTypeRequest) -> pb2.CreateEventTypeResponse:
        try:
            return await self._handlers.create(call, request)
        except errors.AlreadyExists as refusal:
            if refusal.reason != "EVENT_TYPE_ALREADY_EXISTS":
                raise
        found = await self.get(call, pb2.GetEventTypeRequest(event_type=request.event_type.event_type))
        return pb2.CreateEventTypeResponse(event_type=found.event_type)

    async def get(self, call: pipeline.Call, request: pb2.GetEventTypeRequest) -> pb2.GetEventTypeResponse:
        found = await self._handlers.get(call, request)
        if found.event_type.HasField("deactivated_at"):
            raise rpcs.missing(request.event_type)
        return found


def operations(rpc: list[registry.Operation], handlers: rpcs.EventTypes) -> list[registry.Operation]:
    """What REST has in place of some of EventTypeService, which is `rpc`."""
    shown, by_method = RestEventTypes(handlers), {each.method: each for each in rpc}
    return [
        registry.for_rest(by_method["CreateEventType"], shown.ensure),
        registry.for_rest(by_method["GetEventType"], shown.get),
        whole.of(by_method["ListEventTypes"], "event_types"),
    ]
