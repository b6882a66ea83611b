"""A whole server with an application, a subscription and a receiver, and ways to ask it."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import workbench

import hook0_client
from hook0_server import app, settings

MASTER_KEY = "6b1d2c9e-6a53-4a8a-9f57-0f3f5f0c7a11"
EVENT_TYPES = ("user.account.created", "user.account.deleted")


@dataclass
class Site:
    """A server and what was made on it."""

    server: app.Server
    application: workbench.Application
    session: aiohttp.ClientSession
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server.http}"

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.application.secret}"}

    async def publish(self, event_type: str = EVENT_TYPES[0], **headers: str) -> str:
        """By Connect and JSON, as curl would; answers the event's id."""
        event = {"eventType": event_type, "payloadText": "{}"}
        answer = await self.call("IngestionService/PublishEvent", {"event": event}, **headers)
        return str(answer["eventId"])

    async def call(self, rpc: str, asked: dict[str, Any], **headers: str) -> Any:
        asked = {"applicationId": self.application.application_id} | asked
        url, given = f"{self.url}/hook0.v1.{rpc}", {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(url, json=asked, headers=self.authorization | given) as answer:
            said = await answer.read()
            assert answer.status == 200, said
            return json.loads(said)


@contextlib.asynccontextmanager
async def serving(dsn: str, data: pathlib.Path, **environ: str) -> AsyncIterator[Site]:
    given = settings.Settings.from_environ(
        {
            "HOOK0_DATA_DIR": str(data),
            "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
            "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
            "HOOK0_MASTER_API_KEY": MASTER_KEY,
            "HOOK0_RETENTION_DAYS": "5",
            "HOOK0_STOP_GRACE": "5",
        }
        | environ
    )
    async with (
        app.serving(given, dsn) as server,
        hook0_client.connect(server.grpc, token=MASTER_KEY) as master,
        workbench.receiving() as receiver,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        made = await workbench.application(master, *EVENT_TYPES)
        await workbench.subscribe(master, made.application_id, receiver.url)
        yield Site(server, made, session)
