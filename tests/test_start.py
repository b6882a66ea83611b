"""A server that cannot start says why in one sentence."""

import dataclasses
import pathlib
import socket

import pytest

from hook0_server import app
from hook0_server import settings as server_settings


@pytest.mark.parametrize(("field", "edge"), [("grpc_address", "gRPC"), ("http_address", "HTTP")])
async def test_a_port_that_is_taken_is_named(settings: server_settings.Settings, dsn: str, field: str, edge: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = dataclasses.replace(settings, **{field: address})
        with pytest.raises(app.StartRefused, match=rf"^{edge} cannot listen on {address}: "):
            async with app.serving(given, dsn):
                pass


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", "Connection refused"),
        ("postgresql://nobody@127.0.0.1:1/x?bogus=1", "bogus"),
        ("postgresql://nobody@no-such-host.invalid/x", "no-such-host.invalid"),
    ],
    ids=["nobody-listens", "not-a-url", "no-such-host"],
)
async def test_a_database_that_cannot_be_reached_is_told_with_its_setting(url: str, words: str, tmp_path: pathlib.Path) -> None:
    given = server_settings.Settings.from_environ({"DATABASE_URL": url, "HOOK0_DATA_DIR": str(tmp_path)})
    with pytest.raises(app.StartRefused, match=rf"^The database of DATABASE_URL cannot be used: .*{words}"):
        await app.migrate(given)
