"""`hook0ctl publish --ndjson`: every line an event, through the publisher."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

import click
from rich import console, progress

from hook0_client import cli_place, errors, events, publisher

READ_BYTES = 256 * 1024
MAX_LINE_BYTES = 8 * 1024 * 1024
GIVE_UP_AFTER = 30.0  # seconds without a server: somebody sits and waits

_TEXTS = ("event_type", "event_id", "content_type", "occurred_at")
_MAPS = ("labels", "metadata")
_NAMES = frozenset((*_TEXTS, *_MAPS, "payload"))


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    published: int = 0
    duplicates: int = 0
    refused: int = 0
    unanswered: int = 0

    def refuse(self, line: int, why: str) -> None:
        self.refused += 1
        click.echo(f"line {line}: {why}", err=True)

    def as_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    def as_text(self) -> str:
        counts = f"{self.published:,} published, {self.duplicates:,} duplicates, {self.refused:,} refused"
        return counts + (f", {self.unanswered:,} not answered" if self.unanswered else "")


@dataclass(slots=True)
class Line:
    """One event as a line of the file gives it."""

    event_type: str
    payload: events.Payload
    options: events.EventOptions = field(default_factory=events.EventOptions)


async def publish(place: cli_place.Place, file: BinaryIO, as_json: bool) -> int:
    """Publishes them all; 1 where any was refused. Raises the Hook0Error that ended it early, after the summary."""
    tally = Tally()
    try:
        async with place.connect() as client, client.publisher(give_up_after=GIVE_UP_AFTER) as open_publisher:
            with _progress(file) as advance:
                await _publish_lines(open_publisher, file, tally, advance)
    finally:
        click.echo(tally.as_json() if as_json else tally.as_text())
    if open_publisher.failure is not None:
        raise open_publisher.failure
    return 1 if tally.refused else 0


async def _publish_lines(
    open_publisher: publisher.Publisher, file: BinaryIO, tally: Tally, advance: Callable[[int], None]
) -> None:
    number = 0
    async for text in _lines(file):
        number += 1
        if text.strip():
            await _publish_line(open_publisher, number, text, tally)
        advance(len(text))


async def _publish_line(open_publisher: publisher.Publisher, number: int, text: bytes, tally: Tally) -> None:
    try:
        line = read_line(text)
        answer = await open_publisher.submit(line.event_type, line.payload, **line.options)
    except (ValueError, TypeError) as wrong:
        tally.refuse(number, f"{wrong} (LINE_INVALID)")
    except errors.InvalidRequest as refused:
        if open_publisher.failure is not None:
            raise
        tally.refuse(number, _explain(refused))
    else:
        answer.add_done_callback(lambda done: _count(tally, number, done, open_publisher))


def _count(tally: Tally, number: int, answer: asyncio.Future[events.Published], open_publisher: publisher.Publisher) -> None:
    if answer.cancelled():
        tally.unanswered += 1
        return
    match answer.exception():
        case None if answer.result().duplicate:
            tally.duplicates += 1
        case None:
            tally.published += 1
        case errors.Hook0Error() as refused if open_publisher.failure is None:
            tally.refuse(number, _explain(refused))
        case _:  # the publisher itself ended: that is told once
            tally.unanswered += 1


def read_line(text: bytes) -> Line:
    """Raises ValueError with a sentence for people where the line is not an event."""
    try:
        line = json.loads(text)
    except ValueError as wrong:
        raise ValueError(f"not JSON: {wrong}") from wrong
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    if unknown := sorted(line.keys() - _NAMES):
        raise ValueError(f"unknown key {unknown[0]!r}; there are {', '.join(sorted(_NAMES))}")
    for name in ("event_type", "payload"):
        if name not in line:
            raise ValueError(f"{name} is missing")
    _check_forms(line)
    payload = line["payload"]
    if not isinstance(payload, str | dict | list):
        payload = json.dumps(payload, allow_nan=False)
    return Line(line["event_type"], payload, _options(line))


def _check_forms(line: dict[str, Any]) -> None:
    for name in _TEXTS:
        if not isinstance(line.get(name, ""), str):
            raise ValueError(f"{name} must be text")
    for name in _MAPS:
        value = line.get(name, {})
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise ValueError(f"{name} must be an object whose values are text")


def _options(line: dict[str, Any]) -> events.EventOptions:
    options: events.EventOptions = {}
    for name in ("event_id", "content_type", "labels", "metadata"):
        if name in line:
            options[name] = line[name]
    if "occurred_at" in line:
        options["occurred_at"] = read_time(line["occurred_at"])
    return options


def read_time(text: str) -> datetime:
    """An ISO 8601 time with its zone. Raises ValueError with a sentence for people."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise ValueError(f"{text!r} is not a time like 2026-11-23T08:00:00Z") from wrong
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; append Z for UTC")
    return at


async def _lines(file: BinaryIO) -> AsyncIterator[bytes]:
    """Lines as they come, without holding up the stream: a pipe may be slow. One line is held, not the file."""
    rest = b""
    while chunk := await asyncio.to_thread(os.read, file.fileno(), READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(rest) > MAX_LINE_BYTES:
            raise click.ClickException(f"a line is longer than {MAX_LINE_BYTES} bytes: is this NDJSON?")
    if rest:
        yield rest


@contextlib.contextmanager
def _progress(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal; calling what it yields with a number of bytes moves it."""
    screen = console.Console(stderr=True)
    columns = (
        progress.TextColumn("publishing"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task("publishing", total=os.fstat(file.fileno()).st_size or None)
        yield lambda size: bar.advance(task, size)


def _explain(error: errors.Hook0Error) -> str:
    where = f"{error.field}: " if error.field and not error.message.startswith(error.field) else ""
    return f"{where}{error.message} ({error.reason or error.code.name})"
