"""Five million attempts and a million events of ten days: do publishing, listing, watching and claiming keep their figures?"""

import asyncio
import dataclasses
import functools
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import hook0_client
from benchmarks import claimer, figures, rig, scale, seed, watchers
from benchmarks.arrivals import Receiver
from hook0_client import v1
from hook0_server.store import database

_PER_SECOND = 100  # events while it is watched
_SETTLE_SECONDS = 2.0


async def run(scale: scale.Scale) -> list[scale.Result]:
    """The same application before and after, so that all of it is in its lists; claims are made while no server runs."""
    events = scale.pick(1_000_000, 20_000)
    async with rig.database() as postgres, rig.receiver() as receiver:
        dsn = await rig.fresh(postgres, "growth")
        async with rig.product(dsn, **seed.SERVER_KEYS) as product, rig.tenant(product, "growing") as tenant:
            await tenant.subscribe(receiver.url())
            empty = await _served(scale, dsn, product, tenant, receiver)
        empty |= await _claimed(scale, dsn, tenant)
        rows = [scale.row("growth", "empty", **empty)]
        await seed.history(dsn, tenant.application_id, rig.EVENT_TYPE, events=events, subscriptions=_many())
        async with rig.product(dsn, **seed.SERVER_KEYS) as product, _again(product, tenant) as client:
            tenant = dataclasses.replace(tenant, address=product.grpc, client=client)
            grown = await _served(scale, dsn, product, tenant, receiver)
        grown |= await _claimed(scale, dsn, tenant)
    variant = f"{events * seed.ATTEMPTS_EACH:,} attempts, {events:,} events"
    ratios = {name: grown[name] / value for name, value in empty.items()}
    return [*rows, scale.row("growth", variant, **grown), scale.row("growth", "grown / empty", **ratios)]


def _again(product: rig.Served, tenant: rig.Tenant) -> hook0_client.Client:
    return hook0_client.connect(product.grpc, token=tenant.secret, application_id=tenant.application_id)


def _many() -> list[uuid.UUID]:
    """Whose attempts they were: subscriptions that are gone."""
    return [uuid.uuid4() for _ in range(1_000)]


async def _served(
    scale: scale.Scale, dsn: str, product: rig.Served, tenant: rig.Tenant, receiver: Receiver
) -> dict[str, float]:
    await rig.load(tenant, "stream", seconds=1)  # connections, plans, and what was claimed before
    await asyncio.sleep(_SETTLE_SECONDS)
    await receiver.reset()
    of_server, of_postgres = product.cpu(), rig.cpu_of_postgres(dsn)
    sent = await rig.load(tenant, "stream", seconds=scale.pick(5.0, 1.0))
    arrived = await receiver.until(sent.sent, seconds=30)
    last = (await receiver.stats()).paths["/ok"].last
    measured = {
        "events_per_second": arrived / (last - sent.began),
        "server_us": (product.cpu() - of_server) / arrived * 1e6,
        "postgres_us": (rig.cpu_of_postgres(dsn) - of_postgres) / arrived * 1e6,
    }
    return measured | await _listed(scale, tenant) | await _watched(scale, tenant)


async def _listed(scale: scale.Scale, tenant: rig.Tenant) -> dict[str, float]:
    """The first page of 50, newest first; of attempts also those that failed, which are few."""
    client, application = tenant.client, tenant.application_id
    failed = v1.AttemptFilter(outcomes=[v1.Outcome.OUTCOME_HTTP_ERROR])
    attempts = v1.ListAttemptsRequest(application_id=application)
    calls: dict[str, tuple[Callable[[Any], Awaitable[object]], object]] = {
        "list_events": (client.events.ListEvents, v1.ListEventsRequest(application_id=application)),
        "list_deliveries": (client.deliveries.ListDeliveries, v1.ListDeliveriesRequest(application_id=application)),
        "list_attempts": (client.attempts.ListAttempts, attempts),
        "list_failed": (client.attempts.ListAttempts, v1.ListAttemptsRequest(application_id=application, filter=failed)),
    }
    measured: dict[str, float] = {}
    for name, (method, request) in calls.items():
        spent = await claimer.timed(scale.pick(40, 5), functools.partial(method, request))
        measured |= figures.Latency.of(spent).named(name, "p50")
    return measured


async def _watched(scale: scale.Scale, tenant: rig.Tenant) -> dict[str, float]:
    events = scale.pick(3, 1) * _PER_SECOND
    async with watchers.watch(tenant, 1, events) as seen_by_all:
        await rig.load(tenant, "paced", rate=_PER_SECOND, count=events, seconds=30)
        return (await seen_by_all()).late.named("seen", "p50", "p99")


async def _claimed(scale: scale.Scale, dsn: str, tenant: rig.Tenant) -> dict[str, float]:
    async with database.Database(dsn) as db:
        claims = await claimer.Claimer(dsn, db).claims(scale.pick(20, 3), tenant)
    return figures.Latency.of(claims).named(f"claim_of_{claimer.DUE}", "p50")
