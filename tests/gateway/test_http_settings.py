"""What is set for the HTTP port reaches it: TLS, proxies, origins and the number of connections, on a whole server."""

import asyncio
import contextlib
import pathlib
import ssl

import aiohttp
import clones
import pytest
import whole
import workbench
from certificates import Authority

from hook0_server import app

ORIGIN = "https://app.example.com"


async def test_the_settings_of_the_port_reach_it(postgres_dsn: str, template: clones.Template, tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    leaf = authority.leaf("127.0.0.1")
    (tmp_path / "chain.pem").write_bytes(leaf.certificate)
    (tmp_path / "key.pem").write_bytes(leaf.key)
    environ = {
        "HOOK0_HTTP_TLS_CERT": str(tmp_path / "chain.pem"),
        "HOOK0_HTTP_TLS_KEY": str(tmp_path / "key.pem"),
        "HOOK0_TRUSTED_PROXIES": "127.0.0.0/8",
        "HOOK0_CORS_ORIGINS": ORIGIN,
        "HOOK0_HTTP_CONNECTIONS": "2",
    }
    with clones.clone(postgres_dsn, template.name) as dsn:
        async with (
            whole.serving(dsn, tmp_path / "data", **environ) as site,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.trusting(), limit=1)) as session,
        ):
            site.session, site.scheme = session, "https"
            event_id = await site.publish(X_Forwarded_For="203.0.113.9, 198.51.100.1, 127.0.0.9")
            found = await site.call("EventService/GetEvent", {"eventId": event_id})
            assert found["event"]["sourceIp"] == "198.51.100.1"
            async with session.get(f"{site.url}/health", headers={"Origin": ORIGIN}) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert await _is_full(site.server.http, authority.trusting())
            await session.close()
            reader, writer = await _watching(site.server.http, authority.trusting(), _watch(site.application))
            await asyncio.wait_for(reader.readuntil(b"event: heartbeat"), 10)
        assert b"SERVER_STOPPING" in await asyncio.wait_for(reader.read(), 10)  # a stop ends what is open with its reason
        writer.close()


def _watch(application: workbench.Application) -> bytes:
    path = f"/v1/applications/{application.application_id}/attempts:watch"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {application.secret}\r\n\r\n".encode()


async def _watching(bound: str, trusting: ssl.SSLContext, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Answered, once the server has noticed that the connections before it are gone."""
    host, port = bound.split(":")
    async with asyncio.timeout(10):
        while True:
            reader, writer = await asyncio.open_connection(host, int(port), ssl=trusting)
            writer.write(request)
            with contextlib.suppress(ConnectionError):
                if b" 200 " in await reader.readline():
                    return reader, writer
            writer.close()
            await asyncio.sleep(0.01)


async def _is_full(bound: str, trusting: ssl.SSLContext) -> bool:
    """Whether a third connection is told that there are too many."""
    host, port = bound.split(":")
    _, second = await asyncio.open_connection(host, int(port), ssl=trusting)
    reader, third = await asyncio.open_connection(host, int(port), ssl=trusting)
    said = await asyncio.wait_for(reader.read(), 10)
    second.close()
    third.close()
    return b"TOO_MANY_CONNECTIONS" in said


async def test_a_certificate_that_cannot_be_used_refuses_the_start_by_name(
    postgres_dsn: str, template: clones.Template, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "chain.pem").write_bytes(b"nonsense")
    environ = {"HOOK0_HTTP_TLS_CERT": str(tmp_path / "chain.pem"), "HOOK0_HTTP_TLS_KEY": str(tmp_path / "chain.pem")}
    with clones.clone(postgres_dsn, template.name) as dsn, pytest.raises(app.StartRefused, match="HOOK0_HTTP_TLS_CERT"):
        async with whole.serving(dsn, tmp_path / "data", **environ):
            pass
