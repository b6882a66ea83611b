"""Lists that go on after the last row seen, and that look at a bounded number of rows for each page.

A statement reads at most `scan` rows of its index in the list's order, applies the filter to those, and answers the page
with `edge`: the last position that it looked at when there may be more behind it. So a filter without an index costs the
same however rare its rows are; the page is short then, or empty, and the token goes on at the edge.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, LiteralString, TypeVar, cast

from hook0_server.model import ids
from hook0_server.store import database

SCAN_ROWS = 5_000
PLANS = b"""
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_mergejoin = off;
SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off;
SET LOCAL cpu_tuple_cost = 1; SET LOCAL cpu_index_tuple_cost = 1"""
PAGE_BYTES = 3 * 1024 * 1024  # answers stay below gRPC's 4 MiB
LOWEST = uuid.UUID(int=0)
HIGHEST = uuid.UUID(int=(1 << 128) - 1)  # no UUIDv7 is that high
SLACK = timedelta(hours=1)  # between the clocks of nodes and that of the database
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

RowT = TypeVar("RowT")
PositionT = TypeVar("PositionT")


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT, PositionT]):
    """Rows in the list's order; `next` is where the following page goes on (after it), None at the end."""

    rows: Sequence[RowT]
    next: PositionT | None


async def fetch(db: database.Fetching, statement: bytes, parameters: Mapping[str, Any]) -> list[database.Row]:
    """The rows of a list's statement, planned for this call, by walking the index whose order the list has.

    With other plans, chosen while statistics were old or a day had just begun, a page would cost what the table holds.
    Dear tuples: every index begins with application_id, and by their usual price the planner finds them all alike.
    """
    async with db.connection() as connection, connection.transaction():
        await connection.execute(PLANS)
        cursor = await connection.execute(cast("LiteralString", statement), parameters, prepare=False, binary=True)
        return await cursor.fetchall()


def cut(
    rows: Sequence[RowT], size: int, edge: PositionT | None, position: Callable[[RowT], PositionT]
) -> Page[RowT, PositionT]:
    """The page of `size` rows, given one more than that where there are more."""
    if len(rows) > size:
        return Page(rows[:size], position(rows[size - 1]))
    return Page(rows, edge)


def scan_rows(size: int, is_filtered: bool) -> int:
    """How many rows a page may look at: no more than it shows where nothing is filtered out."""
    return SCAN_ROWS if is_filtered else size + 1


def shifted(at: datetime, by: timedelta) -> datetime:
    """`at + by`, within the years 1 to 9999."""
    try:
        return at + by
    except OverflowError:
        return _LAST if by > timedelta() else _FIRST


def lowest7(at: datetime) -> uuid.UUID:
    """What sorts before every UUIDv7 made at this time or later, and after every earlier one."""
    return uuid.UUID(int=max(int(at.timestamp() * 1000), 0) << 80)


def time_of(identifier: uuid.UUID) -> datetime | None:
    """The time inside a UUIDv7; None for other ids, and for times after the year 9999, which nobody made."""
    if identifier.version != 7 or ids.unix_seconds(identifier) >= _LAST.timestamp():
        return None
    return datetime.fromtimestamp(ids.unix_seconds(identifier), UTC)
