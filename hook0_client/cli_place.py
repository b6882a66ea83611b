"""Which server `hook0ctl` talks to, and as whom."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import click

from hook0_client import cli_sessions, client
from hook0_client._gen.hook0.v1 import account_service_pb2

DEV_FILE = pathlib.Path(".hook0/dev.json")


@dataclass(frozen=True, slots=True)
class Place:
    """A server, an application of it and the right to use it."""

    address: str
    token: str | None
    application_id: str | None
    tls: bool
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    is_token_given: bool = True

    @contextlib.asynccontextmanager
    async def connect(self, *, needs_application: bool = True) -> AsyncIterator[client.Client]:
        """By the token that was given, else by the session of `hook0ctl login`, else by the development server's secret.

        Before anything is sent it raises click.UsageError where an application is needed and none known, and
        click.ClickException where a certificate cannot be used or the session is over.
        """
        if needs_application and not self.application_id:
            raise click.UsageError(
                "which application? Give --application-id or HOOK0_APPLICATION_ID,"
                f" or run this where `hook0-server dev` left {DEV_FILE}."
            )
        session = None if self.is_token_given else cli_sessions.find(self.address)
        if session is None or (session.is_over and self.token):
            connection = self._client(self.token)
        else:
            connection = self._client(await cli_sessions.access_token(self.address, self._refreshed))
        async with connection:
            yield connection

    @contextlib.asynccontextmanager
    async def connect_by_session(self) -> AsyncIterator[client.Client]:
        """Whatever else was given. Raises click.ClickException where it is over."""
        async with self._client(await cli_sessions.access_token(self.address, self._refreshed)) as connection:
            yield connection

    def connect_as_nobody(self) -> client.Client:
        """For calls that need no credential."""
        return self._client("")

    async def _refreshed(self, refresh_token: str) -> account_service_pb2.RefreshSessionResponse:
        async with self.connect_as_nobody() as connection:
            request = account_service_pb2.RefreshSessionRequest(refresh_token=refresh_token)
            return await connection.accounts.RefreshSession(request)

    def _client(self, token: str | None) -> client.Client:
        try:
            return client.connect(
                self.address,
                token=token,
                application_id=self.application_id,
                tls=self.tls,
                tls_ca=self.tls_ca,
                tls_cert=self.tls_cert,
                tls_key=self.tls_key,
            )
        except (OSError, ValueError) as unusable:
            raise click.ClickException(str(unusable)) from unusable


def find(address: str | None, token: str | None, application_id: str | None, tls: bool, **tls_files: str | None) -> Place:
    """What was given, completed by the development server of this directory.

    Its secret goes to no other address than its own.
    """
    dev = _read() if not (address and token and application_id) else {}
    theirs = address is None or address == dev.get("grpc")
    return Place(
        address=address or dev.get("grpc") or client.DEFAULT_ADDRESS,
        token=token or (dev.get("application_secret") if theirs else None),
        application_id=application_id or (dev.get("application_id") if theirs else None),
        tls=tls,
        is_token_given=bool(token),
        **tls_files,
    )


def _read() -> dict[str, Any]:
    try:
        dev = json.loads(DEV_FILE.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as broken:
        raise click.ClickException(f"{DEV_FILE} cannot be read: {broken}") from broken
    if not isinstance(dev, dict):
        raise click.ClickException(f"{DEV_FILE} is not a JSON object")
    return dev
