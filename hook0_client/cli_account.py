"""`hook0ctl login`, `logout`, `whoami` and `verify-email`: a person's own session."""

import asyncio
import sys

import click
from google.protobuf import json_format

from hook0_client import cli_place, cli_sessions, cli_table, errors
from hook0_client._gen.hook0.v1 import account_pb2, account_service_pb2 as pb2


@click.command()
@click.option("--email", prompt="E-mail address", help="Your e-mail address. [asked for]")
@click.option("--password-stdin", is_flag=True, help="Take the password from stdin instead of asking.")
@click.pass_obj
def login(place: cli_place.Place, /, email: str, password_stdin: bool) -> None:
    """Begin a session; later commands use it where no token is given.

    Its tokens are kept in sessions.json of HOOK0_CONFIG_DIR (~/.config/hook0), readable for nobody else.
    """
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else click.prompt("Password", hide_input=True)
    answer = asyncio.run(_logged_in(place, pb2.LoginRequest(email=email, password=password)))
    cli_sessions.save(place.address, cli_sessions.Session.of(answer))
    click.echo(f"Logged in at {place.address} as {cli_table.printable(answer.user.email)}.")
    if place.is_token_given:
        click.echo("HOOK0_TOKEN or --token is given: it goes before the session.", err=True)


async def _logged_in(place: cli_place.Place, request: pb2.LoginRequest) -> pb2.LoginResponse:
    async with place.connect_as_nobody() as client:
        return await client.accounts.Login(request)


@click.command()
@click.pass_obj
def logout(place: cli_place.Place, /) -> None:
    """End the session at this server; its tokens stop working."""
    session = cli_sessions.find(place.address)
    if session is None:
        click.echo(f"There is no session at {place.address}.")
        return
    if not session.is_over:
        asyncio.run(_logged_out(place))
    cli_sessions.forget(place.address)
    click.echo(f"Logged out at {place.address}.")


async def _logged_out(place: cli_place.Place) -> None:
    """A session that the server does not know any more has ended, too."""
    try:
        async with place.connect_by_session() as client:
            await client.accounts.Logout(pb2.LogoutRequest())
    except (errors.Unauthenticated, click.ClickException):
        return


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def whoami(place: cli_place.Place, /, as_json: bool) -> None:
    """Show whose session it is."""
    user = asyncio.run(_account(place))
    click.echo(_as_json(user) if as_json else _as_text(user))


async def _account(place: cli_place.Place) -> account_pb2.User:
    async with place.connect(needs_application=False) as client:
        return (await client.accounts.GetAccount(pb2.GetAccountRequest())).user


def _as_json(user: account_pb2.User) -> str:
    return json_format.MessageToJson(user, indent=None, preserving_proto_field_name=True)


def _as_text(user: account_pb2.User) -> str:
    name = " ".join(part for part in (user.first_name, user.last_name) if part)
    state = "" if user.HasField("verified_at") else ", not verified"
    return cli_table.printable(f"{user.email} ({name}, {user.user_id}{state})")


@click.command(name="verify-email")
@click.argument("token")
@click.pass_obj
def verify_email(place: cli_place.Place, /, token: str) -> None:
    """Verify an e-mail address by the TOKEN of the message, or of the server's log."""
    user = asyncio.run(_verified(place, token))
    click.echo(f"{cli_table.printable(user.email)} is verified.")


async def _verified(place: cli_place.Place, token: str) -> account_pb2.User:
    async with place.connect_as_nobody() as client:
        return (await client.accounts.VerifyEmail(pb2.VerifyEmailRequest(token=token))).user
