"""A server that cannot start says why in one sentence."""

import dataclasses
import pathlib
import socket

import pytest

from hook0_server import app, settings as server_settings, start, supervisor


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


@pytest.mark.parametrize(("field", "edge"), [("grpc_address", "gRPC"), ("http_address", "HTTP")])
async def test_a_port_that_is_taken_is_named_by_a_supervisor(settings: server_settings.Settings, field: str, edge: str) -> None:
    """Before it looks at the database."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = dataclasses.replace(settings, processes=2, **{field: address})
        with pytest.raises(start.StartRefused, match=rf"^{edge} cannot listen on {address}: Address already in use\.$"):
            await supervisor.run(given, {}, announce=print)


async def test_keys_of_another_database_are_refused_by_a_supervisor(settings: server_settings.Settings, dsn: str) -> None:
    given = dataclasses.replace(settings, processes=2, database_url=dsn, encryption_keys="k:" + "5a" * 32)
    async with app.serving(given, dsn):
        pass
    other = dataclasses.replace(given, encryption_keys="k:" + "5b" * 32)
    with pytest.raises(start.StartRefused, match=r"^HOOK0_ENCRYPTION_KEYS .* missing or different: k\.$"):
        await supervisor.run(other, {}, announce=print)
