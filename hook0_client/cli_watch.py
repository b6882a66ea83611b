"""`hook0ctl watch`: the attempts of an application as they happen."""

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich import console, live

from hook0_client import cli_place, cli_table, errors, watch
from hook0_client._gen.hook0.v1 import attempt_pb2

_AGO = re.compile(r"(\d{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(slots=True)
class Showing:
    """How far the watch was shown, and when to stop by itself."""

    cursor: str  # everything up to it was shown
    count: int | None  # stop after so many attempts
    until_idle: bool  # stop once everything recorded so far was shown
    interrupted_at: datetime | None = None  # the server's time of the last message before an interruption that was told


def _since(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    ago = _AGO.fullmatch(value)
    if not ago:
        raise click.BadParameter(f"{value!r} is not like 30s, 5m, 2h or 7d", ctx, parameter)
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    except OverflowError as wrong:
        raise click.BadParameter(f"{value!r} is before the calendar begins", ctx, parameter) from wrong


@click.command(name="watch")
@click.option("--from-cursor", metavar="CURSOR", help="Resume where an earlier watch stopped.")
@click.option("--since", callback=_since, metavar="TIME", help="Begin so long ago: 30s, 5m, 2h, 7d. [now]")
@click.option("--event-id", "event_ids", multiple=True, help="Only this event. Repeat for more.")
@click.option("--subscription-id", "subscription_ids", multiple=True, help="Only this subscription. Repeat for more.")
@click.option("--type", "event_types", multiple=True, metavar="PATTERN", help="Only these types: 'user.**'. Repeatable.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice([cli_table.outcome(value) for value in attempt_pb2.Outcome.values() if value]),
    help="Only these. Repeat for more.",
)
@click.option("--only-final", is_flag=True, help="Only attempts that end a delivery.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many attempts.")
@click.option("--until-idle", is_flag=True, help="Stop once everything recorded so far was shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def command(
    place: cli_place.Place,
    /,
    from_cursor: str | None,
    since: datetime | None,
    count: int | None,
    until_idle: bool,
    as_json: bool,
    outcomes: tuple[str, ...],
    **chosen: Any,
) -> None:
    """Show each attempt to deliver a webhook as it is recorded: a live table, or lines where stdout is no terminal.

    Ctrl-C ends it; the cursor to resume from is left on stderr.
    """
    if from_cursor and since:
        raise click.UsageError("--from-cursor and --since: which of them?")
    names = [f"OUTCOME_{each.upper()}" for each in outcomes]
    attempt_filter = attempt_pb2.AttemptFilter(outcomes=names, **chosen)
    showing = Showing(from_cursor or "", count, until_idle)
    try:
        asyncio.run(_watch(place, attempt_filter, since, showing, as_json))
    except KeyboardInterrupt:
        sys.exit(0)


async def _watch(
    place: cli_place.Place,
    attempt_filter: attempt_pb2.AttemptFilter,
    since: datetime | None,
    showing: Showing,
    as_json: bool,
) -> None:
    """A session's token ends every few minutes: its successor goes on where it was left."""
    try:
        while not await _watched(place, attempt_filter, since, showing, as_json):
            pass
    finally:
        if showing.cursor:
            click.echo(f"hook0ctl watch --from-cursor {showing.cursor}", err=True)


async def _watched(
    place: cli_place.Place,
    attempt_filter: attempt_pb2.AttemptFilter,
    since: datetime | None,
    showing: Showing,
    as_json: bool,
) -> bool:
    """False: the credential was good, is so no longer, and may have a successor."""
    async with place.connect() as client:
        attempts = client.watch(
            attempt_filter,
            cursor=showing.cursor,
            start_at=None if showing.cursor else since,
            on_interruption=lambda error: _interrupted(attempts, showing, error),
        )
        try:
            async with attempts:
                await _show(attempts, showing, as_json)
        except errors.Unauthenticated:
            if place.is_token_given or attempts.server_time is None:
                raise
            return False
    return True


def _interrupted(attempts: watch.Watch, showing: Showing, error: errors.Hook0Error) -> None:
    """Whoever was never there is told at once; whoever went away is waited for, and said so once."""
    if attempts.server_time is None:
        raise error
    if attempts.server_time != showing.interrupted_at:
        showing.interrupted_at = attempts.server_time
        click.echo(f"connecting again: {cli_table.printable(error.message)}", err=True)


async def _show(attempts: watch.Watch, showing: Showing, as_json: bool) -> None:
    screen = console.Console()
    if as_json:
        await _each(attempts, showing, lambda attempt: click.echo(cli_table.as_json(attempt)))
    elif not screen.is_terminal:
        await _each(attempts, showing, lambda attempt: click.echo(cli_table.as_line(attempt)))
    else:
        table = cli_table.Table(attempts, screen)
        with live.Live(get_renderable=table.render, console=screen, refresh_per_second=8):
            await _each(attempts, showing, table.add)


async def _each(attempts: watch.Watch, showing: Showing, show: Callable[[attempt_pb2.Attempt], None]) -> None:
    left = showing.count
    async for message in attempts.batches():
        for attempt in message.attempts[:left]:
            show(attempt)
        if left is not None:
            left -= len(message.attempts)
            if left < 0:  # the cursor of this message would skip what was not shown
                return
        showing.cursor = message.cursor
        if left == 0 or (showing.until_idle and message.caught_up):
            return
