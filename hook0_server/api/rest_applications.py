"""Applications as REST has them: one list without pages, and what is left to be done first."""

from dataclasses import dataclass

from hook0_client._gen.hook0.v1 import application_pb2 as resource_pb2, application_service_pb2 as pb2
from hook0_server.api import applications as rpcs, parents, pipeline, registry, whole
from hook0_server.store import database, usage


@dataclass(frozen=True, slots=True)
class Shown:
    """`retention_days`: how long its events are kept."""

    application: resource_pb2.Application
    has_events: bool
    retention_days: int


class RestApplications:
    def __init__(self, handlers: rpcs.Applications, db: database.Database, retention_days: int) -> None:
        self._handlers, self._db, self._retention_days = handlers, db, retention_days

    async def get(self, call: pipeline.Call, request: pb2.GetApplicationRequest) -> Shown:
        found = (await self._handlers.get(call, request)).application
        has_events = await usage.has_events(self._db, parents.application(call))
        return Shown(found, has_events, found.usage.limits.retention_days or self._retention_days)


def operations(
    rpc: list[registry.Operation], handlers: rpcs.Applications, db: database.Database, retention_days: int
) -> list[registry.Operation]:
    """What REST has in place of some of ApplicationService, which is `rpc`."""
    shown, by_method = RestApplications(handlers, db, retention_days), {each.method: each for each in rpc}
    return [
        registry.for_rest(by_method["GetApplication"], shown.get, Shown),
        whole.of(by_method["ListApplications"], "applications"),
    ]
