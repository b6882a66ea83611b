"""The HTTP edge: GET /health and GET /metrics, and in `dev` the built-in receiver."""

import contextlib
from collections.abc import AsyncIterator

import orjson
from aiohttp import web

from hook0_server import metrics
from hook0_server.gateway import health, receiver, siblings

_LARGEST_BODY_BYTES = 1024 * 1024  # a webhook's payload has at most 699,050
_CLOSE_SECONDS = 2.0


@contextlib.asynccontextmanager
async def serving(
    address: str,
    *,
    looked_at: health.Health,
    scraped: siblings.Scrape,
    received: receiver.Receiver | None = None,
    shares_port: bool = False,
) -> AsyncIterator[str]:
    """Serve on "host:port" (port 0: any) inside the block; yields what is bound. Raises OSError where that cannot be."""
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(
        _application(looked_at, scraped, received), access_log=None, handle_signals=False, shutdown_timeout=_CLOSE_SECONDS
    )
    await runner.setup()
    try:
        await _listen(runner, host.strip("[]"), int(port), shares_port)
        yield f"{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, shares_port: bool) -> None:
    try:
        await web.TCPSite(runner, host, port, reuse_port=shares_port).start()
    except OSError as failure:
        raise OSError(f"HTTP cannot listen on {host}:{port}: {failure.strerror or failure}.") from failure


def _application(looked_at: health.Health, scraped: siblings.Scrape, received: receiver.Receiver | None) -> web.Application:
    async def get_health(_: web.Request) -> web.Response:
        report = await looked_at.report()
        return web.Response(
            body=orjson.dumps(report), content_type="application/json", status=200 if report.status == "ok" else 503
        )

    async def get_metrics(_: web.Request) -> web.Response:
        return web.Response(body=await scraped.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    application = web.Application(client_max_size=_LARGEST_BODY_BYTES)
    application.add_routes([web.get("/health", get_health), web.get("/metrics", get_metrics)])
    if received is not None:
        application.add_routes(received.routes())
    return application
