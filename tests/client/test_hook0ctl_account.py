"""`hook0ctl login` and what follows, against a server that knows one person and is strict about refresh tokens."""

import asyncio
import contextlib
import json
import pathlib
import stat
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from hook0_client import cli_sessions, v1
from hook0_client._gen.hook0.v1 import account_service_pb2_grpc, attempt_service_pb2_grpc
from tests.client import hook0ctl, scripted

EMAIL, PASSWORD = "owner@example.com", "bakery-tuesday-14"
USER = v1.User(user_id=scripted.APPLICATION, email=EMAIL, first_name="Olive", last_name="Green")


class Accounts(account_service_pb2_grpc.AccountServiceServicer):
    """Tokens are numbers; the last refresh token is good once."""

    def __init__(self) -> None:
        self.number, self.is_alive, self.access_seconds = 0, False, 300.0
        self.seen: list[str] = []  # credentials that came

    def _pair(self) -> dict[str, Any]:
        self.number += 1
        pair = {"access_token": f"access-{self.number}", "refresh_token": f"refresh-{self.number}", "user": USER}
        for name, seconds in (("access_token_expires_at", self.access_seconds), ("refresh_token_expires_at", 1800.0)):
            pair[name] = {"seconds": int(time.time() + seconds)}
        return pair

    async def _as_person(self, context: Any) -> None:
        credential = dict(context.invocation_metadata()).get("authorization", "")
        self.seen.append(credential)
        if not (self.is_alive and credential == f"Bearer access-{self.number}"):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")

    async def Login(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        assert "authorization" not in dict(context.invocation_metadata())
        if (request.email, request.password) != (EMAIL, PASSWORD):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong")
        self.is_alive = True
        return v1.LoginResponse(**self._pair())

    async def RefreshSession(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        assert "authorization" not in dict(context.invocation_metadata())
        self.is_alive = self.is_alive and request.refresh_token == f"refresh-{self.number}"
        if not self.is_alive:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "used")
        self.access_seconds = 300.0
        return v1.RefreshSessionResponse(**self._pair())

    async def GetAccount(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        await self._as_person(context)
        return v1.GetAccountResponse(user=USER)

    async def Logout(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        await self._as_person(context)
        self.is_alive = False
        return v1.LogoutResponse()

    async def VerifyEmail(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        assert request.token == "from-the-message"
        return v1.VerifyEmailResponse(**self._pair())


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Watches of one attempt each. The first ends as when its credential did, the third as when that was not renewed."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.cursors: list[str] = []

    async def WatchAttempts(self, request: Any, context: Any) -> Any:  # noqa: N802 - the rpc's name
        await self._accounts._as_person(context)
        self.cursors.append(request.cursor)
        number = len(self.cursors)
        if number < 3:
            attempt = v1.Attempt(attempt_id=str(number), outcome="OUTCOME_SUCCEEDED", attempt_number=number)
            message = v1.WatchAttemptsResponse(cursor=f"c{number}", attempts=[attempt], caught_up=number == 2)
            message.server_time.GetCurrentTime()
            yield message
        if number != 2:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "ended")
        await asyncio.Event().wait()


class Site:
    def __init__(self, accounts: Accounts, attempts: Attempts, address: str) -> None:
        self.accounts, self.attempts, self.address = accounts, attempts, address

    async def run(self, *arguments: str, stdin: bytes = b"") -> tuple[int | None, str, str]:
        return await hook0ctl.run("--address", self.address, *arguments, stdin=stdin)

    async def login(self, password: str = PASSWORD) -> tuple[int | None, str, str]:
        return await self.run("login", "--email", EMAIL, "--password-stdin", stdin=f"{password}\n".encode())


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    server, accounts = grpc.aio.server(), Accounts()
    attempts = Attempts(accounts)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(accounts, server)  # type: ignore[abstract]
    attempt_service_pb2_grpc.add_AttemptServiceServicer_to_server(attempts, server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Site(accounts, attempts, f"127.0.0.1:{port}")
    finally:
        await server.stop(None)


@pytest.fixture
async def site(directory: pathlib.Path) -> AsyncIterator[Site]:
    async with serving() as made:
        yield made


def kept(directory: pathlib.Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "config" / "sessions.json").read_bytes())
    return read


async def test_login_keeps_a_session_that_nobody_else_can_read_and_whoami_uses_it(site: Site, directory: pathlib.Path) -> None:
    code, out, err = await site.login()
    assert (code, out, err) == (0, f"Logged in at {site.address} as {EMAIL}.\n", "")
    file = directory / "config" / "sessions.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert PASSWORD not in file.read_text()
    code, out, err = await site.run("whoami")
    assert (code, out, err) == (0, f"{EMAIL} (Olive Green, {USER.user_id}, not verified)\n", "")
    assert json.loads((await site.run("whoami", "--json"))[1])["email"] == EMAIL
    assert set(site.accounts.seen) == {"Bearer access-1"}


async def test_a_wrong_password_keeps_nothing(site: Site, directory: pathlib.Path) -> None:
    code, _, err = await site.login("not-this-one")
    assert (code, err) == (1, "Error: wrong (UNAUTHENTICATED)\n")
    assert not (directory / "config" / "sessions.json").exists()


async def test_an_access_token_that_is_about_to_end_is_renewed_first(site: Site, directory: pathlib.Path) -> None:
    site.accounts.access_seconds = 10.0
    await site.login()
    assert (await site.run("whoami"))[0] == 0
    assert site.accounts.seen == ["Bearer access-2"]
    assert kept(directory)[site.address]["refresh_token"] == "refresh-2"


async def test_commands_at_the_same_moment_renew_it_once(site: Site) -> None:
    site.accounts.access_seconds = 10.0
    await site.login()
    assert [code for code, _, _ in await asyncio.gather(*(site.run("whoami") for _ in range(4)))] == [0] * 4
    assert site.accounts.number == 2


async def test_a_session_that_the_server_ended_is_told_and_forgotten(site: Site, directory: pathlib.Path) -> None:
    site.accounts.access_seconds = 10.0
    await site.login()
    site.accounts.is_alive = False
    code, _, err = await site.run("whoami")
    assert (code, err) == (1, f"Error: your session at {site.address} is over; begin another one: hook0ctl login\n")
    assert kept(directory) == {}


async def test_a_session_that_expired_is_told(site: Site) -> None:
    cli_sessions.save(site.address, cli_sessions.Session("access-0", 1, "refresh-0", 2))
    code, _, err = await site.run("whoami")
    assert code == 1
    assert "hook0ctl login" in err
    assert site.accounts.seen == []


async def test_logout_ends_the_session_and_forgets_it(site: Site, directory: pathlib.Path) -> None:
    await site.login()
    code, out, err = await site.run("logout")
    assert (code, out, err) == (0, f"Logged out at {site.address}.\n", "")
    assert not site.accounts.is_alive
    assert kept(directory) == {}
    assert await site.run("logout") == (0, f"There is no session at {site.address}.\n", "")


async def test_logout_forgets_a_session_that_the_server_does_not_know(site: Site, directory: pathlib.Path) -> None:
    await site.login()
    site.accounts.is_alive = False
    assert (await site.run("logout"))[0] == 0
    assert kept(directory) == {}


async def test_a_token_that_is_given_goes_before_the_session(site: Site) -> None:
    await site.login()
    assert (await site.run("--token", "mine", "whoami"))[0] == 1
    assert site.accounts.seen == ["Bearer mine"]


async def test_the_session_goes_before_the_secret_of_the_development_server(site: Site, directory: pathlib.Path) -> None:
    (directory / ".hook0").mkdir()
    (directory / ".hook0" / "dev.json").write_text(json.dumps({"grpc": site.address, "application_secret": "dev"}))
    await hook0ctl.run("whoami")
    await hook0ctl.run("login", "--email", EMAIL, "--password-stdin", stdin=PASSWORD.encode())
    await hook0ctl.run("whoami")
    assert site.accounts.seen == ["Bearer dev", "Bearer access-1"]


async def test_a_session_is_shown_to_no_other_server(site: Site) -> None:
    await site.login()
    async with serving() as other:
        assert (await other.run("whoami"))[0] == 1
        assert other.accounts.seen == [""]
    assert (await site.run("whoami"))[0] == 0


async def test_an_address_is_verified_by_the_bare_token(site: Site, directory: pathlib.Path) -> None:
    assert await site.run("verify-email", "from-the-message") == (0, f"{EMAIL} is verified.\n", "")
    assert not (directory / "config").exists()


async def test_a_file_that_cannot_be_read_is_named(site: Site, directory: pathlib.Path) -> None:
    (directory / "config").mkdir()
    (directory / "config" / "sessions.json").write_text("[]")
    code, _, err = await site.run("whoami")
    assert code == 1
    assert "sessions.json is not a JSON object" in err


async def test_a_watch_goes_on_where_it_was_when_its_access_token_ends(site: Site) -> None:
    await site.login()
    watch = ("--application-id", scripted.APPLICATION, "watch")
    code, out, err = await site.run(*watch, "--json", "--until-idle")
    assert (code, err) == (0, "hook0ctl watch --from-cursor c2\n")
    assert [json.loads(line)["attempt_id"] for line in out.splitlines()] == ["1", "2"]
    assert site.attempts.cursors == ["", "c1"]
    code, out, err = await site.run(*watch)  # refused before it began: that token has no successor
    assert (code, out, err) == (1, "", "Error: ended (UNAUTHENTICATED)\n")
