"""One running server: every part, and the order in which they live and end."""

import asyncio
import contextlib
import dataclasses
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from hook0_server import bootstrap, dev as development, metrics, people, readings, settings
from hook0_server.access import credentials, issue, keys, permissions, rate_limits
from hook0_server.api import (
    applications,
    attempts,
    audit,
    changes,
    deliveries,
    event_types,
    events,
    ingestion,
    instance,
    organizations as organization_service,
    pipeline,
    quotas,
    registry,
    rest_operations,
    service_tokens,
    stats,
    subscriptions as subscription_service,
    watch,
)
from hook0_server.delivery import breath, http, nodes, resolve, response, stage, subscriptions
from hook0_server.gateway import (
    app as gateway,
    browsers,
    certificates as web_certificates,
    connection,
    health,
    receiver,
    siblings,
)
from hook0_server.gateway.rest import edge as rest, public
from hook0_server.ingest import daily, elsewhere, notices, writer
from hook0_server.rpc import certificates, server as rpc
from hook0_server.store import database, organizations, wake
from hook0_server.upkeep import rounds
from hook0_server.watch import hub


@dataclasses.dataclass(frozen=True, slots=True)
class Timings:
    """What tests shorten."""

    statements: database.Timing = dataclasses.field(default_factory=database.Timing)
    node: nodes.Timing = dataclasses.field(default_factory=nodes.Timing)


class Server:
    """One running server: what was bound, and its parts. Made by `running`."""

    def __init__(
        self,
        given: settings.Settings,
        db: database.Database,
        held: keys.Keys,
        timings: Timings,
        member: siblings.Member | None = None,
    ) -> None:
        self.settings, self.db, self.keyring, self.root = given, db, held.keyring, held.root
        self.authenticator = credentials.Authenticator(db, given.master_api_key, held.root)
        self.limits = rate_limits.RateLimits(
            per_credential=given.rate_per_credential,
            per_address=given.rate_per_address,
            failures_per_minute=given.failed_logins_per_minute,
        )
        self.people = people.People(db, given, held.root, self.limits, self.authenticator.forget)
        self.wake = wake.Wake(db)
        self.metrics = metrics.Metrics()
        self._shares_ports = member is not None
        self._scrape = siblings.Scrape(self.metrics, member)
        self.hub = hub.Hub(db)
        self.upkeep = rounds.Upkeep(
            db,
            retention_days=given.retention_days,
            audit_days=given.audit_retention_days,
            unverified_days=given.unverified_account_days if given.needs_verification else 0,
        )
        self.health = health.Health(db)
        self.receiver = receiver.Receiver()
        self.client = http.HttpClient(
            resolver=resolve.Resolver(allowed=given.allow_targets),
            limits=http.Limits(caps=response.Caps(body_kept=given.response_body_bytes)),
        )
        self._node_timing = timings.node
        self.stage = self._stage(timings) if "delivery" in given.roles else None
        self.writer = writer.Writer(db, self.stage or elsewhere.Elsewhere(self.wake))
        self.notices = notices.Notices(db.clock.now)
        self.daily = daily.Daily(db, given.quota_events_per_day, self.notices)
        self.breath = self.stage.breath if self.stage else breath.Breath(lambda: 0)
        self.grpc, self.http = "", ""
        self.prepared: development.Prepared | None = None
        self._first_owner: bootstrap.Owner | None = None
        self._stop_by = float("inf")

    def _stage(self, timings: Timings) -> stage.Stage:
        given = self.settings
        limits = stage.Limits(given.delivery_memory, given.delivery_memory_mib * 1024 * 1024, given.max_in_flight, timings.node)
        defaults = subscriptions.Defaults(given.max_retries, (given.retention_days - 1) * 86_400.0)
        return stage.Stage(
            self.db, self.wake, self.client, self.keyring, defaults,
            recorded=self._recorded, limits=limits, is_answering="api" in given.roles,
            key_ids=self.keyring.ids,
        )  # fmt: skip

    def _recorded(self, application_ids: set[uuid.UUID]) -> None:
        self.hub.recorded(application_ids)
        for application_id in application_ids:
            self.wake.notify(wake.ATTEMPTS, str(application_id))

    def operations(self) -> list[registry.Operation]:
        """What gRPC serves."""
        if "api" not in self.settings.roles:
            return []
        db, keyring, hints, limits = self.db, self.keyring, self.wake, self._limits()
        given, limited = self.settings, limits["limited"]
        return [
            *ingestion.operations(self.writer, self.daily, db.clock.now),
            *events.operations(db, keyring, hints),
            *deliveries.operations(db, hints),
            *attempts.operations(db, keyring),
            *watch.operations(self.hub, db, keyring),
            *applications.operations(db, keyring, hints, limited),
            *event_types.operations(db, keyring, limited),
            *organization_service.operations(db, keyring, hints, limited, self.authenticator.forget),
            *self.people.operations(),
            *service_tokens.operations(db, keyring, self.root, self.authenticator.forget),
            *instance.operations(db, living_seconds=self._node_timing.silent, held=given.quotas, about=self._about()),
            *stats.operations(db, db.clock.now),
            *audit.operations(db),
            *subscription_service.operations(db, keyring, hints, **limits),
        ]

    def rest_operations(self, rpcs: list[registry.Operation]) -> list[registry.Operation]:
        """What only REST has, on top of `operations`; none where there are none."""
        if not rpcs:
            return []
        support = self.settings.mail_from or ""
        return [
            *ingestion.rest_operations(self.writer, self.daily, self.db.clock.now),
            *self.people.rest_operations(),
            *rest_operations.operations(rpcs, self.db, self.keyring, self.wake, support_address=support, **self._limits()),
        ]

    def _rest(self, rpcs: list[registry.Operation], through: pipeline.Pipeline) -> rest.Routes:
        anybody = public.Public(self.health, self.settings.health_check_key, settings.TABLE)
        return rest.routes([*rpcs, *self.rest_operations(rpcs)], through, anybody)

    def _limits(self) -> dict[str, Any]:
        given = self.settings
        limited = quotas.Guard(given.quotas, self.notices)
        return {"allow_targets": given.allow_targets, "retention_days": given.retention_days, "limited": limited}

    def _about(self) -> instance.About:
        given = self.settings
        return instance.About(self.root.public_key, given.registration, given.needs_verification, given.password_minimum_length)

    @contextlib.asynccontextmanager
    async def running(self, *, dev: bool) -> AsyncIterator["Server"]:
        """Everything runs inside the block; leaving it without an exception is a graceful stop."""
        given = self.settings
        by_tls = certificates.credentials(given.grpc_tls_cert, given.grpc_tls_key, given.grpc_tls_client_ca)
        guarded = self._guarded()
        await organizations.ensure_one(self.db, issue.new_id(), name=development.NAME if dev else "default")
        await self.upkeep.prepare()
        async with contextlib.AsyncExitStack() as parts:
            await parts.enter_async_context(self.wake.running())
            await parts.enter_async_context(self.upkeep.running())
            await parts.enter_async_context(self.client)
            if self.stage is not None:
                await parts.enter_async_context(self.stage.running(self._grace_left))
                node = self.stage.node
            else:
                node = await parts.enter_async_context(self._bystanding())
                await parts.enter_async_context(self.breath.running())
            await parts.enter_async_context(self.hub.running())
            self.wake.listen(wake.ATTEMPTS, self.hub.heard)
            await parts.enter_async_context(self.writer.running(lambda: node.number))
            await parts.enter_async_context(self.daily.running())
            await parts.enter_async_context(self.people.running())
            through, operations = self._pipeline(), self.operations()
            self._read_at_scrapes(node, through)
            await parts.enter_async_context(self._scrape.telling())
            served = gateway.serving(
                given.http_address,
                gateway.Api(operations, through),
                looked_at=self.health,
                scraped=self._scrape,
                received=self.receiver if dev else None,
                guarded=guarded,
                called=self._rest(operations, through),
                shares_port=self._shares_ports,
            )
            self.http = await parts.enter_async_context(served)
            served_grpc = rpc.GrpcServer(
                operations,
                through,
                self.settings.grpc_address,
                credentials=by_tls,
                shares_port=self._shares_ports,
            )
            self.grpc = await served_grpc.start()
            try:
                if dev:
                    await self._prepare_dev()
                await served_grpc.ready()
                self.health.ready = True
                yield self
                self._stop_by = time.monotonic() + self.settings.stop_grace
                self.health.ready = False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._grace_left()):
                        await served_grpc.drain()
            finally:
                self.health.ready = False
                await served_grpc.stop(0)

    def _guarded(self) -> gateway.Edge:
        given = self.settings
        tls = web_certificates.of(given.http_tls_cert, given.http_tls_key)
        limits = connection.Limits(connections=given.http_connections)
        return gateway.Edge(tls, browsers.Cors(given.cors_origins), given.trusted_proxies, limits)

    def _bystanding(self) -> contextlib.AbstractAsyncContextManager[nodes.Node]:
        def taken_over() -> None:
            self.wake.notify(wake.DELIVERIES)

        return nodes.bystanding(self.db, taken_over=taken_over, timing=self._node_timing, key_ids=self.keyring.ids)

    def _read_at_scrapes(self, node: nodes.Node, through: pipeline.Pipeline) -> None:
        read = readings.Readings(
            db=self.db, ingest=self.writer, sending=self.stage, node=node, watched=self.hub, upkeep=self.upkeep,
            loop=self.breath, open_calls=lambda: through.open_calls, today=self.daily, told=self.notices,
        )  # fmt: skip
        self.metrics.registry.register(read)

    def _grace_left(self) -> float:
        """Seconds of the stop's grace that are left."""
        return max(0.0, self._stop_by - time.monotonic())

    def _pipeline(self) -> pipeline.Pipeline:
        refused = changes.Refusals(self.db, self.metrics).record
        return pipeline.Pipeline(self.authenticator, permissions.Permissions(self.db), self.metrics, self.limits, refused)

    async def _prepare_dev(self) -> None:
        url = f"{self._url()}/receiver/dev"
        self.prepared = await development.prepare(
            self.db, self.keyring, self.wake, receiver_url=url, data_dir=self.settings.data_dir, grpc=self.grpc
        )
        self.receiver.secret = self.prepared.signing_secret
        with contextlib.suppress(bootstrap.BootstrapRefused):  # it has one
            self._first_owner = await bootstrap.create_owner(self.db, self.people.passwords, development.OWNER)

    def _url(self) -> str:
        return f"{'http' if self.settings.http_tls_cert is None else 'https'}://{self.http}"

    def _first_login(self, owner: bootstrap.Owner) -> str:
        by_tls = self.settings.grpc_tls_cert is not None
        return development.first_login(owner.email, owner.password, self.grpc, by_tls=by_tls)

    def facts(self) -> dict[str, Any]:
        """What is announced when it is ready."""
        said: dict[str, Any] = {"ready": True, "grpc": self.grpc, "http": self.http}
        if self.prepared is not None:
            made = self.prepared
            said["welcome"] = development.welcome(made, self.grpc, self._url(), by_tls=self.settings.grpc_tls_cert is not None)
            if self._first_owner is not None:
                said["welcome"] += self._first_login(self._first_owner)
            said |= {
                "organization_id": made.organization_id,
                "application_id": made.application_id,
                "application_secret": made.application_secret,
                "subscription_id": made.subscription_id,
                "receiver_url": made.receiver_url,
            }
        return said
