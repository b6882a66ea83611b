"""The instance and its numbers as REST has them."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from hook0_client._gen.hook0.v1 import instance_service_pb2, stats_service_pb2
from hook0_server.api import pipeline, registry
from hook0_server.model import quotas
from hook0_server.store import applications, database


@dataclass(frozen=True, slots=True)
class Instance:
    about: instance_service_pb2.GetInstanceResponse
    limits: quotas.Quotas
    retention_days: int
    support_address: str


@dataclass(frozen=True, slots=True)
class Days:
    """`names` of applications; `today` is not over."""

    days: stats_service_pb2.GetEventsPerDayResponse
    names: Mapping[uuid.UUID, str]
    today: date


@dataclass(frozen=True, slots=True)
class Facts:
    """What the instance says of itself beyond what gRPC does."""

    limits: quotas.Quotas
    retention_days: int
    support_address: str


def operations(
    rpc: list[registry.Operation], db: database.Database, now: Callable[[], float], facts: Facts
) -> list[registry.Operation]:
    """What REST has in place of InstanceService and StatsService, which are in `rpc`."""
    by_method = {each.method: each for each in rpc}
    get_instance, get_days = by_method["GetInstance"], by_method["GetEventsPerDay"]

    async def get(call: pipeline.Call, request: instance_service_pb2.GetInstanceRequest) -> Instance:
        about = await get_instance.handler(call, request)
        return Instance(about, facts.limits, facts.retention_days, facts.support_address)

    async def events_per_day(call: pipeline.Call, request: stats_service_pb2.GetEventsPerDayRequest) -> Days:
        found = await get_days.handler(call, request)
        names = await applications.names(db, {uuid.UUID(each.application_id) for each in found.days})
        return Days(found, names, datetime.fromtimestamp(now(), UTC).date())

    return [registry.for_rest(get_instance, get, Instance), registry.for_rest(get_days, events_per_day, Days)]
