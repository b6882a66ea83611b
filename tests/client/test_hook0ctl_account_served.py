"""A person's way with `hook0ctl`, at a whole server that has no mail server: what would be sent is in its log."""

import dataclasses
import json
import pathlib

import pytest
import structlog

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from tests.client import hook0ctl

EMAIL, PASSWORD = "owner@example.com", "bakery-tuesday-14"


async def test_from_registration_to_logout(settings: server_settings.Settings, dsn: str, directory: pathlib.Path) -> None:
    careful = dataclasses.replace(settings, require_email_verification=True)
    with structlog.testing.capture_logs() as logged:
        async with app.serving(careful, dsn) as server:
            await _way(server, directory, logged)
    assert PASSWORD not in str(logged)


async def _way(server: app.Server, directory: pathlib.Path, logged: list[structlog.typing.EventDict]) -> None:
    place = ("--address", server.grpc)
    login = (*place, "login", "--email", EMAIL, "--password-stdin")
    async with hook0_client.connect(server.grpc, token="") as nobody:
        await nobody.accounts.Register(v1.RegisterRequest(email=EMAIL, password=PASSWORD, first_name="Olive"))
        code, _, err = await hook0ctl.run(*login, stdin=PASSWORD.encode())
        assert code == 1
        assert "EMAIL_NOT_VERIFIED" in err
        [line] = [each for each in logged if each["event"] == "mail.logged"]
        assert await hook0ctl.run(*place, "verify-email", line["token"]) == (0, f"{EMAIL} is verified.\n", "")
        assert (await hook0ctl.run(*login, stdin=PASSWORD.encode()))[0] == 0
        assert json.loads((await hook0ctl.run(*place, "whoami", "--json"))[1])["email"] == EMAIL
        kept = json.loads((directory / "config" / "sessions.json").read_bytes())[server.grpc]
        assert (await hook0ctl.run(*place, "logout"))[0] == 0
        with pytest.raises(hook0_client.Unauthenticated):
            await nobody.accounts.RefreshSession(v1.RefreshSessionRequest(refresh_token=kept["refresh_token"]))
    async with hook0_client.connect(server.grpc, token=kept["access_token"]) as former:
        with pytest.raises(hook0_client.Unauthenticated):
            await former.accounts.GetAccount(v1.GetAccountRequest())
