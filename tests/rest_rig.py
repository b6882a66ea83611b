"""A whole server on a thread of its own, so that blocking clients (Hook0's SDK among them) call it as they call any other."""

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings

TYPES = ("shop.order.paid", "shop.order.sent")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Status and id, once everything else of a problem is there."""
        assert self.headers["content-type"] == "application/problem+json"
        members = self.json
        assert set(members) == {"type", "id", "title", "detail", "status", "validation"}
        assert members["status"] == self.status
        assert members["type"].endswith(f"#{members['id'].lower()}")
        assert (members["validation"] is not None) == (self.status == 422)
        return self.status, members["id"]


@dataclass
class Served:
    """`call` is one request with the master key, or with `token`; `token=""`: with none."""

    address: str
    master_key: str
    organization_id: str
    receiver: workbench.Receiver
    loop: asyncio.AbstractEventLoop
    server: app.Server
    kept: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://{self.address}/api/v1"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        sent: dict[str, str] = {}
        token = self.master_key if token is None else token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        payload = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent |= headers or {}
        if not self.kept:
            self.kept.append(http.client.HTTPConnection(self.address, timeout=20))
        self.kept[0].request(method, f"/api/v1{path}", payload, sent)
        got = self.kept[0].getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())

    def new_application(self, *types: str) -> "Shop":
        """An application of its own, with these event types (TYPES where none are named)."""
        made = self.call("POST", "/applications", {"organization_id": self.organization_id, "name": "shop"})
        application_id = made.json["application_id"]
        for each in types or TYPES:
            service, resource, verb = each.split(".")
            given = {"application_id": application_id, "service": service, "resource_type": resource, "verb": verb}
            assert self.call("POST", "/event_types", given).status == 201
        [secret] = self.call("GET", f"/application_secrets?application_id={application_id}").json
        return Shop(self, application_id, secret["token"])

    def run(self, work: Any) -> Any:
        """A coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@dataclass(frozen=True)
class Shop:
    served: Served
    application_id: str
    secret: str

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.served.call(method, path, body, **{"token": self.secret} | more)

    def event(self, **changed: Any) -> dict[str, Any]:
        """An EventPost."""
        return {
            "application_id": self.application_id,
            "event_id": str(uuid.uuid4()),
            "event_type": TYPES[0],
            "payload": '{"id": 1}',
            "payload_content_type": "application/json",
            "occurred_at": "2026-01-02T03:04:05Z",
            "labels": {"tenant": "t1"},
        } | changed

    def subscription(self, **changed: Any) -> dict[str, Any]:
        """A SubscriptionPost to the receiver."""
        target = {"type": "http", "method": "POST", "url": self.served.receiver.url, "headers": {}}
        return {
            "application_id": self.application_id,
            "is_enabled": True,
            "event_types": [TYPES[0]],
            "labels": {"tenant": "t1"},
            "target": target,
        } | changed

    def of(self, path: str) -> str:
        """The path with this application in its query."""
        return f"{path}{'&' if '?' in path else '?'}application_id={self.application_id}"


@contextlib.contextmanager
def serving(dsn: str, folder: pathlib.Path, master_key: str, **environment: str) -> Iterator[Served]:
    """A server for as long as the block lasts; nobody calls too often."""
    limits = ("RATE_PER_CREDENTIAL", "RATE_PER_ADDRESS", "FAILED_LOGINS_PER_MINUTE")
    given = {
        "HOOK0_DATA_DIR": str(folder),
        "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
        "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
        "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
        "HOOK0_MASTER_API_KEY": master_key,
        "HOOK0_RETENTION_DAYS": "5",
        "HOOK0_STOP_GRACE": "5",
        **{f"HOOK0_{each}": "0" for each in limits},
    } | environment
    ready: concurrent.futures.Future[tuple[Served, asyncio.Event]] = concurrent.futures.Future()

    async def serve() -> None:
        leaving = asyncio.Event()
        settings = server_settings.Settings.from_environ(given)
        async with app.serving(settings, dsn) as server, workbench.receiving() as receiver:
            organization_id = await _organization(server.grpc, master_key)
            loop = asyncio.get_running_loop()
            ready.set_result((Served(server.http, master_key, organization_id, receiver, loop, server), leaving))
            await leaving.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as failure:
            if ready.done():
                raise
            ready.set_exception(failure)

    thread = threading.Thread(target=run, name="served")
    thread.start()
    try:
        made, leaving = ready.result(30)
        try:
            yield made
        finally:
            for connection in made.kept:
                connection.close()
            made.loop.call_soon_threadsafe(leaving.set)
    finally:
        thread.join(30)


async def _organization(address: str, master_key: str) -> str:
    async with hook0_client.connect(address, token=master_key) as master:
        [only] = (await master.organizations.ListOrganizations(v1.ListOrganizationsRequest())).organizations
        return only.organization_id
