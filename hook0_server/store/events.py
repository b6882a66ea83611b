"""Published events, read by id or newest first. They never change, so a page is found first and read by key then."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import orjson

from hook0_server.store import database, keyset, sql

SQL = sql.beside(__file__)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_DAYS_APART = timedelta(days=2)  # at most, between an event's reception and the day that it is stored under

Position = tuple[datetime, uuid.UUID]  # received_at, event_id
Key = tuple[date, uuid.UUID, datetime]  # day, event_id, received_at


@dataclass(frozen=True, slots=True)
class Event:
    """A row of table events; `payload` is None where it was not asked for, `occurred_at` received_at where none was given."""

    day: date
    application_id: uuid.UUID
    event_id: uuid.UUID
    event_type: str
    payload: bytes | None
    payload_content_type: str
    labels: Mapping[str, str]
    metadata: Mapping[str, str]
    source_ip: str | None
    occurred_at: datetime
    received_at: datetime
    payload_size: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Every member that is not empty must hold. `event_types` are patterns."""

    event_types: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    received_after: datetime | None = None
    received_before: datetime | None = None
    event_ids: Sequence[uuid.UUID] = ()


async def get(db: database.Database, application_id: uuid.UUID, event_id: uuid.UUID, *, full: bool = True) -> Event | None:
    """One event, with its payload when `full`."""
    rows = await read(db, application_id, await _places(db, application_id, [event_id]), full=full)
    return rows[0] if rows else None


async def find(
    db: database.Database, application_id: uuid.UUID, wanted: Filter, *, size: int, below: Position | None = None
) -> keyset.Page[Key, Position]:
    """The keys of a page, newest first by (received_at, event_id), of those below `below`."""
    places = await _places(db, application_id, wanted.event_ids) if wanted.event_ids else None
    rows = await keyset.fetch(db, SQL.find, _parameters(application_id, wanted, places, size, below))
    found: list[Key] = [(row[0], row[1], row[2]) for row in rows if row[0] is not None]
    edge = None if rows[0][3] is None else (rows[0][3], rows[0][4])
    return keyset.cut(found, size, edge, lambda key: (key[2], key[1]))


async def read(
    db: database.Database,
    application_id: uuid.UUID,
    keys: Iterable[tuple[date, uuid.UUID]],
    *,
    full: bool,
    most_bytes: int = keyset.PAGE_BYTES,
) -> list[Event]:
    """Events by key, in that order, with payloads only when `full`; fewer when they exceed `most_bytes` (one at least)."""
    listed = list(keys)
    if not listed:
        return []
    parameters = {
        "application_id": application_id,
        "days": [day for day, _ in listed],
        "event_ids": [event_id for _, event_id in listed],
        "full": full,
        "bytes": most_bytes,
    }
    return [Event(*row) for row in await keyset.fetch(db, SQL.read, parameters)]


async def _places(
    db: database.Database, application_id: uuid.UUID, event_ids: Sequence[uuid.UUID]
) -> list[tuple[date, uuid.UUID]]:
    """Where these events are stored if they are: the day of the key row, and of a UUIDv7 the day inside it."""
    located = await keyset.fetch(db, SQL.locate, {"application_id": application_id, "event_ids": list(event_ids)})
    places = {(row[1], row[0]) for row in located}
    for event_id in event_ids:
        if (at := keyset.time_of(event_id)) is not None:
            places.add((at.date(), event_id))
    return sorted(places)


def _parameters(
    application_id: uuid.UUID,
    wanted: Filter,
    places: Sequence[tuple[date, uuid.UUID]] | None,
    size: int,
    below: Position | None,
) -> dict[str, object]:
    ceiling = below or (_LATEST, keyset.HIGHEST)
    if wanted.received_before is not None:
        ceiling = min(ceiling, (wanted.received_before, uuid.UUID(int=0)))
    after = max(wanted.received_after or _EARLIEST, _EARLIEST)
    is_filtered = bool(wanted.event_types or wanted.labels)
    return {
        "application_id": application_id,
        "days": None if places is None else [day for day, _ in places],
        "event_ids": None if places is None else [event_id for _, event_id in places],
        "below_at": ceiling[0],
        "below_id": ceiling[1],
        "first_day": keyset.shifted(after, -_DAYS_APART).date(),
        "last_day": keyset.shifted(ceiling[0], _DAYS_APART).date(),
        "received_after": after,
        "labels": orjson.dumps(dict(wanted.labels)).decode(),
        "event_types": list(wanted.event_types) or None,
        "rows": size + 1,
        "scan": keyset.scan_rows(size, is_filtered=is_filtered),
    }
