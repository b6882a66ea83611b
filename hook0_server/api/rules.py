"""Field rules: each says what was wrong and what is allowed. Breaches are collected, so that a caller sees all at once.

def create_application(request, breaches):
    breaches.text("application.name", request.application.name, 2, 50)
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_server.model import errors, ids

_NANOS = 1_000_000_000
_EARLIEST, _LATEST = -62135596800, 253402300799  # years 1 to 9999, as protobuf has it


class Breaches:
    """What a request breaks, by field. `reason` is that of the first breach, so put what matters most first."""

    def __init__(self) -> None:
        self.violations: list[errors.Violation] = []
        self.reason = ""

    def add(self, field: str, description: str, reason: str = "FIELD_INVALID") -> None:
        if not self.violations:
            self.reason = reason
        if len(self.violations) < errors.MAX_VIOLATIONS:
            self.violations.append(errors.Violation(field, description))

    def add_last(self, field: str, description: str, reason: str) -> None:
        """One that is named however many there are, and whose reason counts only where it is alone."""
        del self.violations[errors.MAX_VIOLATIONS - 1 :]
        self.add(field, description, reason)

    def refuse(self) -> None:
        """Raise InvalidRequest when anything was broken."""
        if self.violations:
            first = self.violations[0]
            raise errors.InvalidRequest(self.reason, f"{first.field}: {first.description}", violations=self.violations)

    def text(self, field: str, value: str, shortest: int, longest: int) -> None:
        """A text of `shortest` to `longest` characters without NUL."""
        if not shortest <= len(value) <= longest:
            self.add(field, f"has {len(value)} characters; {shortest} to {longest} are allowed")
        elif "\0" in value:
            self.add(field, "holds the character NUL (\\u0000), which cannot be stored")

    def uuid(self, field: str, value: str, *, optional: bool = False) -> UUID | None:
        """A UUID with hyphens; '' is allowed when optional. Answers it parsed."""
        if optional and not value:
            return None
        parsed = ids.parse(value)
        if parsed is None:
            self.add(field, f"{errors.excerpt(value)} is not a UUID such as 018f3c5e-7a2b-7c11-8d4e-0123456789ab")
        return parsed

    def uuids(self, field: str, values: Sequence[str], most: int) -> list[UUID]:
        """At most `most` UUIDs."""
        if len(values) > most:
            self.add(field, f"has {len(values)} entries; at most {most} are allowed")
            return []
        parsed = [self.uuid(f"{field}[{at}]", value) for at, value in enumerate(values)]
        return [value for value in parsed if value is not None]

    def pairs(self, field: str, pairs: Mapping[str, str], most: int) -> None:
        """At most `most` pairs of keys and values with 1 to 50 characters each."""
        if len(pairs) > most:
            self.add(field, f"has {len(pairs)} pairs; at most {most} are allowed")
            return
        for key, value in pairs.items():
            self._pair(field, f"the key {errors.excerpt(key)}", key)
            self._pair(field, f"the value of {errors.excerpt(key)}", value)

    def _pair(self, field: str, what: str, text: str) -> None:
        if not 1 <= len(text) <= 50:
            self.add(field, f"{what} has {len(text)} characters; 1 to 50 are allowed")
        elif "\0" in text:
            self.add(field, f"{what} holds the character NUL (\\u0000), which cannot be stored")

    def number(self, field: str, value: float, least: float, most: float) -> None:
        if not least <= value <= most:
            self.add(field, f"is {value:g}; {least:g} to {most:g} are allowed")

    def duration(self, field: str, value: Duration, least: float, most: float) -> None:
        """A duration of `least` to `most` seconds."""
        if not least <= value.seconds + value.nanos / _NANOS <= most:
            self.add(field, f"is {value.seconds + value.nanos / _NANOS:g} s; {least:g} s to {most:g} s are allowed")

    def timestamp(self, field: str, value: Timestamp) -> datetime | None:
        """A time in the years 1 to 9999, answered with microseconds and UTC."""
        if not (_EARLIEST <= value.seconds <= _LATEST and 0 <= value.nanos < _NANOS):
            self.add(field, "is not a time in the years 1 to 9999 with 0 to 999,999,999 nanoseconds")
            return None
        return seconds_to_datetime(value.seconds, value.nanos // 1000)

    def page(self, page_size: int) -> None:
        if page_size < 0:
            self.add("page_size", f"is {page_size}; 0 (the default, 50) to 500 are allowed, more is taken as 500")


def seconds_to_datetime(seconds: int, microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=seconds, microseconds=microseconds)


def page_size(asked: int) -> int:
    """The size of a page: 50 by default, 500 at most."""
    return min(asked, 500) or 50
