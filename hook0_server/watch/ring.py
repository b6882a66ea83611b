"""The newest attempts of one application, read once and shared by all who watch it."""

import bisect
import dataclasses
import uuid
from collections.abc import Sequence
from datetime import datetime

from hook0_server.model import cursors
from hook0_server.store import attempts

MOST_ROWS = 5000
MOST_BYTES = 4 * 1024 * 1024

_ROW_BYTES = 1500  # what one attempt takes in memory besides its texts


@dataclasses.dataclass(slots=True)
class Ring:
    """Attempts in feed order, complete after the position `begin` and up to `end`. The oldest make room for new ones."""

    end: cursors.Cursor
    most_rows: int = MOST_ROWS
    most_bytes: int = MOST_BYTES
    begin: tuple[int, uuid.UUID] = dataclasses.field(init=False)
    _rows: list[attempts.Attempt] = dataclasses.field(init=False, default_factory=list)
    _bytes: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        self.begin = self.end.position

    def add(self, rows: Sequence[attempts.Attempt], end: cursors.Cursor) -> None:
        """What follows `end`, and the position after it."""
        self._rows.extend(rows)
        self._bytes += sum(map(_size, rows))
        self.end = end
        if len(self._rows) > self.most_rows or self._bytes > self.most_bytes:
            self._make_room()

    def after(self, position: tuple[int, uuid.UUID], most: int) -> list[attempts.Attempt] | None:
        """The next `most` attempts at most; None when some that follow are no longer here."""
        if position < self.begin:
            return None
        first = bisect.bisect_right(self._rows, position, key=_position)
        return self._rows[first : first + most]

    def oldest_after(self, position: tuple[int, uuid.UUID]) -> datetime | None:
        """The earliest time at which one that follows was recorded; None when none follows."""
        first = bisect.bisect_right(self._rows, position, key=_position)
        return min((row.recorded_at for row in self._rows[first:]), default=None)

    def _make_room(self) -> None:
        """A quarter at once more than needed, so that a row is moved only a few times."""
        kept, kept_bytes = 0, 0
        for row in reversed(self._rows):
            kept_bytes += _size(row)
            if kept == self.most_rows * 3 // 4 or kept_bytes > self.most_bytes * 3 // 4:
                kept_bytes -= _size(row)
                break
            kept += 1
        gone = len(self._rows) - kept
        self.begin = _position(self._rows[gone - 1])
        del self._rows[:gone]
        self._bytes = kept_bytes


def _position(row: attempts.Attempt) -> tuple[int, uuid.UUID]:
    return row.recorded_xid, row.attempt_id


def _size(row: attempts.Attempt) -> int:
    return _ROW_BYTES + len(row.event_type) + 4 * len(row.error_message or "")
