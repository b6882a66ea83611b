"""`hook0ctl token`: what a holder can do to a token without asking a server."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from hook0_client import attenuation, cli_bulk, cli_place, cli_publish

_IN = re.compile(r"([0-9]+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST_READ = 64 * 1024  # bytes of stdin; a token has 4 KiB at most


def _expiry(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    span = _IN.fullmatch(value)
    try:
        return datetime.now(UTC) + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else cli_bulk.read_time(value)
    except ValueError as wrong:
        raise click.BadParameter(f"{wrong}; or a time from now, like 12h or 90d", ctx, parameter) from wrong
    except OverflowError as wrong:
        raise click.BadParameter(f"{value!r} is after the calendar ends", ctx, parameter) from wrong


def _actions(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[str]:
    return [action for value in values for action in map(str.strip, value.split(",")) if action]


@click.group(name="token")
def command() -> None:
    """Service tokens, in the hands of who holds them."""


@command.command()
@click.argument("token", required=False, metavar="[TOKEN]")
@click.option("--application", "applications", multiple=True, type=click.UUID, metavar="ID", help="Repeat for more.")
@click.option("--actions", multiple=True, callback=_actions, metavar="ACTION,…", help="As event:ingest. Repeat for more.")
@click.option("--expires", callback=_expiry, metavar="TIME", help="ISO 8601 with its zone, or from now: 12h, 90d.")
@click.option("--label", "labels", multiple=True, callback=cli_publish.pairs, metavar="KEY=VALUE", help="Repeat for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def attenuate(
    place: cli_place.Place,
    /,
    token: str | None,
    applications: tuple[UUID, ...],
    actions: list[str],
    expires: datetime | None,
    labels: dict[str, str],
    as_json: bool,
) -> None:
    """Print a token that may do less than TOKEN; '-' reads it from stdin. [--token, HOOK0_TOKEN]

    It allows what TOKEN allows, and of that only the applications, the actions, the time and the labels that are given here.
    No server is asked: hand it on, and whoever has it can narrow it further, but not widen it.
    """
    try:
        narrowed = attenuation.attenuate(
            _read(token or place.token), applications=applications, actions=actions, expires=expires, labels=labels
        )
    except (ValueError, ModuleNotFoundError) as refused:
        raise click.ClickException(str(refused)) from refused
    click.echo(_as_json(narrowed, expires) if as_json else narrowed)


def _read(given: str | None) -> str:
    if not given:
        raise click.UsageError("which token? Give it as an argument, by --token or HOOK0_TOKEN, or '-' to read stdin")
    return sys.stdin.read(_MOST_READ) if given == "-" else given


def _as_json(narrowed: str, expires: datetime | None) -> str:
    return json.dumps(
        {"token": narrowed, "expires_at": expires.astimezone(UTC).isoformat(timespec="seconds") if expires else None}
    )
