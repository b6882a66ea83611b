"""The HTTP edge: Connect, Hook0's REST API, attempts as server-sent events, /health, /metrics, and in `dev` a receiver."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from hook0_server import metrics
from hook0_server.api import pipeline, registry
from hook0_server.gateway import (
    bodies,
    browsers,
    caller,
    certificates,
    codec,
    connect,
    connection,
    edge,
    health,
    receiver,
    siblings,
    sse,
)

_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Api:
    """What is served to callers, and through what: the same as over gRPC."""

    operations: Sequence[registry.Operation]
    through: pipeline.Pipeline


@dataclass(frozen=True, slots=True)
class Edge:
    """How the port is guarded."""

    tls: certificates.Certificates | None = None
    cors: browsers.Cors = field(default_factory=browsers.Cors)
    trusted_proxies: tuple[caller.Network, ...] = ()
    limits: connection.Limits = field(default_factory=connection.Limits)


@contextlib.asynccontextmanager
async def serving(
    address: str,
    api: Api,
    *,
    looked_at: health.Health,
    scraped: siblings.Scrape,
    received: receiver.Receiver | None = None,
    guarded: Edge | None = None,
    called: Iterable[web.RouteDef] = (),
    shares_port: bool = False,
) -> AsyncIterator[str]:
    """Serve on "host:port" (port 0: any) inside the block; yields what is bound. Raises OSError where that cannot be.

    `called`: the routes of the REST API.
    """
    host, _, port = address.rpartition(":")
    guarded = guarded or Edge()
    with codec.Coder() as coder:
        application = _application(api, guarded, coder)
        application.add_routes(_operators(looked_at, scraped))
        application.add_routes(called)
        application.add_routes([] if received is None else received.routes())
        async with _running(application) as server:
            renew = guarded.tls.renew if guarded.tls else lambda: None
            listener = connection.Listener(server, guarded.limits, renew)
            tls = guarded.tls.context if guarded.tls else None
            async with listener.listening(host.strip("[]"), int(port), tls=tls, shares_port=shares_port) as bound:
                yield f"{host}:{bound}"


def _application(api: Api, guarded: Edge, coder: codec.Coder) -> web.Application:
    application = web.Application(middlewares=[edge.guarding(api.through.new_request_id, guarded.cors)])
    application[caller.TRUSTED_PROXIES] = guarded.trusted_proxies
    application[bodies.SECONDS] = guarded.limits.body_seconds
    application.on_response_prepare.append(edge.finishing(guarded.cors))
    application.add_routes(connect.routes(api.operations, api.through, coder))
    application.add_routes(sse.routes(api.operations, api.through, coder))
    return application


@contextlib.asynccontextmanager
async def _running(application: web.Application) -> AsyncIterator[web.Server]:
    """A client that leaves ends its handler, as on gRPC; after the block calls have a moment to end."""
    runner = web.AppRunner(
        application, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=_CLOSE_SECONDS
    )
    await runner.setup()
    server = runner.server
    if server is None:
        raise AssertionError("it was set up")
    try:
        yield server
    finally:
        await runner.cleanup()


def _operators(looked_at: health.Health, scraped: siblings.Scrape) -> list[web.RouteDef]:
    """What load balancers and Prometheus ask."""

    async def get_health(_: web.Request) -> web.Response:
        report = await looked_at.report()
        return web.Response(
            body=orjson.dumps(report), content_type="application/json", status=200 if report.status == "ok" else 503
        )

    async def get_metrics(_: web.Request) -> web.Response:
        return web.Response(body=await scraped.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    return [web.get("/health", get_health), web.get("/metrics", get_metrics)]
