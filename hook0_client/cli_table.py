"""How `hook0ctl watch` shows attempts: as rows of a live table, as lines, as JSON."""

from collections import deque
from datetime import datetime

from google.protobuf import json_format
from rich import console, table, text

from hook0_client import events, watch
from hook0_client._gen.hook0.v1 import attempt_pb2

_COLOURS = {
    attempt_pb2.OUTCOME_SUCCEEDED: "green",
    attempt_pb2.OUTCOME_CANCELLED: "bright_black",
    attempt_pb2.OUTCOME_EXPIRED: "bright_black",
    attempt_pb2.OUTCOME_INTERRUPTED: "magenta",
}
_FAILED = "red"
_RETRIED = "yellow"  # failed, but another attempt follows
_AROUND_ROWS = 5  # lines of the terminal that are not rows: borders, header, footer


def outcome(value: int) -> str:
    """The word of an outcome; its number where a newer server has more of them."""
    known = attempt_pb2.Outcome.DESCRIPTOR.values_by_number.get(value)
    return known.name.removeprefix("OUTCOME_").lower() if known else str(value)


def as_json(attempt: attempt_pb2.Attempt) -> str:
    """The message as proto JSON in one line, with the names of the .proto files."""
    return json_format.MessageToJson(
        attempt, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def as_line(attempt: attempt_pb2.Attempt) -> str:
    """Time, type, event, subscription, number, outcome, status, elapsed, then what follows or went wrong."""
    parts = [*_cells(attempt)[:2], attempt.event_id, *_cells(attempt)[2:], printable(attempt.error_message)]
    return "  ".join(part for part in parts if part)


class Table:
    """The last attempts, as many as the terminal has room for, and where the watch stands."""

    def __init__(self, attempts: watch.Watch, screen: console.Console) -> None:
        self._attempts = attempts
        self._screen = screen
        self._shown: deque[attempt_pb2.Attempt] = deque(maxlen=max(screen.size.height - _AROUND_ROWS, 1))
        self._seen = 0

    def add(self, attempt: attempt_pb2.Attempt) -> None:
        self._shown.append(attempt)
        self._seen += 1

    def render(self) -> table.Table:
        """Called by the thread that draws; it looks at a copy."""
        drawn = table.Table(caption=self._footer(), caption_justify="left", expand=True)
        drawn.add_column("time", no_wrap=True)
        drawn.add_column("event type", no_wrap=True, ratio=3)
        drawn.add_column("subscription", no_wrap=True, ratio=2)
        drawn.add_column("try", justify="right")
        drawn.add_column("outcome", no_wrap=True)
        drawn.add_column("status", justify="right")
        drawn.add_column("elapsed", justify="right", no_wrap=True)
        drawn.add_column("next attempt", no_wrap=True)
        for attempt in list(self._shown):
            cells = [text.Text(cell) for cell in _cells(attempt)]
            cells[4].stylize(_colour(attempt))
            drawn.add_row(*cells)
        return drawn

    def _footer(self) -> str:
        position = "caught up" if self._attempts.caught_up else "catching up"
        lag = ""
        if self._attempts.server_time is not None and self._attempts.horizon_at is not None:
            behind = self._attempts.server_time - self._attempts.horizon_at
            lag = f" · horizon {max(behind.total_seconds(), 0):.1f} s behind"
        return f"{position}{lag} · {self._seen:,} attempts seen · Ctrl-C ends"


def _cells(attempt: attempt_pb2.Attempt) -> list[str]:
    following = ""
    if attempt.HasField("next_attempt_at"):
        following = f"again at {_clock(events.moment(attempt.next_attempt_at))}"
    elif attempt.final:
        following = "final"
    return [
        _clock(events.moment(attempt.finished_at)),
        printable(attempt.event_type),
        attempt.subscription_id,
        f"#{attempt.attempt_number}",
        outcome(attempt.outcome),
        str(attempt.http_status or ""),
        f"{attempt.elapsed.ToMilliseconds()} ms" if attempt.HasField("elapsed") else "",
        following,
    ]


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")


def _colour(attempt: attempt_pb2.Attempt) -> str:
    return _COLOURS.get(attempt.outcome, _FAILED if attempt.final else _RETRIED)


def printable(foreign: str) -> str:
    """What a receiver said, without the characters that would command the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in foreign)
