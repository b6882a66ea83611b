"""`hook0ctl publish`: one event from the command line, or as many as a file has lines."""

import asyncio
import json
import sys
from datetime import datetime
from typing import Any, BinaryIO

import click

from hook0_client import cli_bulk, cli_place, events


def pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Options of the form KEY=VALUE."""
    found = {}
    for value in values:
        key, assigned, rest = value.partition("=")
        if not assigned:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE", ctx, parameter)
        found[key] = rest
    return found


def _time(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return cli_bulk.read_time(value)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), ctx, parameter) from wrong


@click.command()
@click.argument("event_type", required=False)
@click.argument("payload", required=False)
@click.option("--file", "file", type=click.File("rb"), help="Read the payload from this file.")
@click.option("--label", "labels", multiple=True, callback=pairs, metavar="KEY=VALUE", help="Repeat for more.")
@click.option("--metadata", "metadata", multiple=True, callback=pairs, metavar="KEY=VALUE", help="Repeat for more.")
@click.option("--event-id", help="UUID; the same one again publishes nothing new. [a new one]")
@click.option("--occurred-at", callback=_time, metavar="TIME", help="ISO 8601 with its zone. [now]")
@click.option("--content-type", help="application/json, text/plain or application/octet-stream. [application/json]")
@click.option("--ndjson", type=click.File("rb"), help="Publish each line of this file ('-': stdin) as an event.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def publish(
    place: cli_place.Place,
    /,
    event_type: str | None,
    payload: str | None,
    file: BinaryIO | None,
    ndjson: BinaryIO | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Publish an event, or with --ndjson many.

    PAYLOAD is the payload itself, or '-' for stdin (also when left out in a pipe).

    \b
    Each line of an NDJSON file is an object with
      event_type, payload (text as it is, or any JSON), and optionally
      event_id, labels, metadata, occurred_at, content_type.

    A refused line is told on stderr with its number; then the exit code is 1.
    """
    given: events.EventOptions = {name: value for name, value in options.items() if value}  # type: ignore[assignment]
    if ndjson is not None:
        if event_type or payload or file or given:
            raise click.UsageError("--ndjson brings everything with it; only --json goes along")
        sys.exit(asyncio.run(cli_bulk.publish(place, ndjson, as_json)))
    if event_type is None:
        raise click.UsageError("which event type? e.g. hook0ctl publish user.account.created '{\"id\": 1}'")
    published = asyncio.run(_publish(place, event_type, _read(payload, file), given))
    click.echo(_as_json(published) if as_json else _as_text(published))


def _read(payload: str | None, file: BinaryIO | None) -> bytes | str:
    if payload is not None and file is not None:
        raise click.UsageError("a payload and --file: which of them?")
    if file is not None:
        return file.read()
    if payload == "-" or (payload is None and not sys.stdin.isatty()):
        return sys.stdin.buffer.read()
    if payload is None:
        raise click.UsageError("which payload? Give it after the event type, as --file, or '-' to read stdin")
    return payload


async def _publish(
    place: cli_place.Place, event_type: str, payload: bytes | str, given: events.EventOptions
) -> events.Published:
    async with place.connect() as client:
        return await client.publish(event_type, payload, **given)


def _as_text(published: events.Published) -> str:
    if published.duplicate:
        return f"{published.event_id} was published before, at {published.received_at.isoformat()}"
    match published.delivery_count:
        case None:
            return f"{published.event_id} published to more than 1,000 subscriptions"
        case 1:
            return f"{published.event_id} published to 1 subscription"
        case count:
            return f"{published.event_id} published to {count} subscriptions"


def _as_json(published: events.Published) -> str:
    return json.dumps(
        {
            "event_id": published.event_id,
            "received_at": published.received_at.isoformat(),
            "duplicate": published.duplicate,
            "delivery_count": published.delivery_count,
        }
    )
