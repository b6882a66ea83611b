"""A real HTTP port with a few operations, or none; the database is nowhere, as the master key needs none."""

import asyncio
import contextlib
import io
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from hook0_client._gen.hook0.v1 import attempt_service_pb2, event_service_pb2, ingestion_service_pb2
from hook0_server import metrics
from hook0_server.access import credentials, permissions
from hook0_server.api import pipeline, registry
from hook0_server.gateway import app, health, siblings
from hook0_server.store import database

MASTER_KEY = uuid.UUID("5b8f3c5e-7a2b-4c11-8d4e-0123456789ab")
MASTER = f"Bearer {MASTER_KEY}"
PUBLISH = "/hook0.v1.IngestionService/PublishEvent"
MESSAGES: dict[str, tuple[str, Any, Any, registry.Kind]] = {
    "PublishEvent": (
        "IngestionService", ingestion_service_pb2.PublishEventRequest, ingestion_service_pb2.PublishEventResponse,
        registry.Kind.UNARY,
    ),
    "PublishEventStream": (
        "IngestionService", ingestion_service_pb2.PublishEventStreamRequest,
        ingestion_service_pb2.PublishEventStreamResponse, registry.Kind.BIDI_STREAM,
    ),
    "GetEvent": (
        "EventService", event_service_pb2.GetEventRequest, event_service_pb2.GetEventResponse, registry.Kind.UNARY,
    ),
    "WatchAttempts": (
        "AttemptService", attempt_service_pb2.WatchAttemptsRequest, attempt_service_pb2.WatchAttemptsResponse,
        registry.Kind.SERVER_STREAM,
    ),
}  # fmt: skip


def operation(method: str, handler: Any, scope: registry.Scope = registry.Scope.STREAM) -> registry.Operation:
    """One with the messages and the kind of that rpc; its handler asks for no rights."""
    service, request, response, kind = MESSAGES[method]
    return registry.Operation(service, method, request, response, kind, "event:ingest", handler, scope)


def nothing() -> app.Api:
    return app.Api((), _pipeline())


def _nowhere() -> database.Database:
    return database.Database("postgresql://nobody@127.0.0.1:1/none")


def _pipeline() -> pipeline.Pipeline:
    authenticator = credentials.Authenticator(_nowhere(), MASTER_KEY, seconds=0)
    return pipeline.Pipeline(authenticator, permissions.Permissions(_nowhere()), metrics.Metrics())


@dataclass
class Said:
    """An answer, read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Port:
    """Where it is served, and a client."""

    bound: str
    through: pipeline.Pipeline
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://{self.bound}"

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | AsyncIterator[bytes] | None = None,
        *,
        authorization: str | None = MASTER,
        **headers: str,
    ) -> Said:
        """`Content_Type="…"` is a header; the path is sent as it stands."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if authorization is not None:
            fields["Authorization"] = authorization
        data = io.BytesIO(body) if isinstance(body, bytes) else body  # aiohttp warns of bytes that are many
        url = aiohttp.client.URL(self.url + path, encoded=True)
        async with self.session.request(method, url, data=data, headers=fields, skip_auto_headers=_NONE) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def say(self, raw: bytes) -> bytes:
        """Write these bytes to a new connection and read until the server closes it."""
        reader, writer = await asyncio.open_connection(*self.bound.split(":"))
        writer.write(raw)
        try:
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


_NONE = ("Content-Type", "Accept-Encoding", "Accept", "User-Agent")


@contextlib.asynccontextmanager
async def serving(*operations: registry.Operation, guarded: app.Edge | None = None) -> AsyncIterator[Port]:
    through = _pipeline()
    served = app.serving(
        "127.0.0.1:0", app.Api(operations, through), looked_at=health.Health(_nowhere()),
        scraped=siblings.Scrape(metrics.Metrics()), guarded=guarded,
    )  # fmt: skip
    timeout = aiohttp.ClientTimeout(total=20)
    async with served as bound, aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield Port(bound, through, session)
