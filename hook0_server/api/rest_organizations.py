"""Organizations as REST has them: one list without pages; each with its people, and what is left to be done first."""

import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hook0_client._gen.hook0.v1 import organization_pb2 as resource_pb2, organization_service_pb2 as pb2
from hook0_server.api import parents, pipeline, registry, whole
from hook0_server.store import database, usage


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """`people`: members who have an account; `retention_days`: how long events are kept."""

    organization: resource_pb2.Organization
    people: Sequence[resource_pb2.Member]
    steps: usage.Steps
    retention_days: int


class RestOrganizations:
    """On top of what gRPC does, by the names of its methods."""

    def __init__(
        self, rpc: dict[str, Callable[[pipeline.Call, Any], Awaitable[Any]]], db: database.Database, retention_days: int
    ) -> None:
        self._rpc, self._db, self._retention_days = rpc, db, retention_days

    async def create(self, call: pipeline.Call, request: pb2.CreateOrganizationRequest) -> Shown:
        created = (await self._rpc["CreateOrganization"](call, request)).organization
        call.organization_id = uuid.UUID(created.organization_id)
        return await self.get(call, pb2.GetOrganizationRequest(organization_id=created.organization_id))

    async def get(self, call: pipeline.Call, request: pb2.GetOrganizationRequest) -> Shown:
        found = (await self._rpc["GetOrganization"](call, request)).organization
        return await self._shown(call, found)

    async def update(self, call: pipeline.Call, request: pb2.UpdateOrganizationRequest) -> Shown:
        changed = (await self._rpc["UpdateOrganization"](call, request)).organization
        return await self._shown(call, changed)

    async def _shown(self, call: pipeline.Call, found: resource_pb2.Organization) -> Shown:
        asked = pb2.ListMembersRequest(organization_id=found.organization_id)
        listed = await whole.pages(self._rpc["ListMembers"], call, asked, "members")
        steps = await usage.steps(self._db, parents.organization(call))
        people = [each for each in listed.members if each.user_id]
        return Shown(found, people, steps, found.usage.limits.retention_days or self._retention_days)


def operations(rpc: list[registry.Operation], db: database.Database, retention_days: int) -> list[registry.Operation]:
    """What REST has in place of some of OrganizationService, which is in `rpc`."""
    by_method = {each.method: each for each in rpc if each.service == "OrganizationService"}
    shown = RestOrganizations({name: each.handler for name, each in by_method.items()}, db, retention_days)
    # A person's alone, as in Hook0: neither a service token nor the master key is a member of what it makes.
    created = dataclasses.replace(by_method["CreateOrganization"], scope=registry.Scope.USER)
    return [
        registry.for_rest(created, shown.create, Shown),
        registry.for_rest(by_method["GetOrganization"], shown.get, Shown),
        registry.for_rest(by_method["UpdateOrganization"], shown.update, Shown),
        whole.of(by_method["ListOrganizations"], "organizations"),
    ]
