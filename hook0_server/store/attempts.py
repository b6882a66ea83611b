"""The history of tries: append-only rows, read by id or newest first."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hook0_server.store import database, keyset, sql

SQL = sql.beside(__file__)
_LONGEST_AHEAD = timedelta(days=1)  # how far ahead of now the time inside an event id may be
LEAST_OF_EACH = 50  # rows that are looked at of each subscription that is asked for
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[uuid.UUID, datetime]  # attempt_id, recorded_at
Revision = tuple[uuid.UUID, int]  # subscription_id, its revision


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of table attempts, its fields in the order in which `read` selects them: `Attempt(*row)`.

    `elapsed` is in microseconds, `response_headers` a JSON object as text. `recorded_xid` is selected as
    `recorded_xid::text::bigint`, because psycopg reads no xid8.
    """

    recorded_at: datetime
    recorded_xid: int
    application_id: uuid.UUID
    attempt_id: uuid.UUID
    delivery_id: uuid.UUID
    event_id: uuid.UUID
    event_day: date
    event_type: str
    subscription_id: uuid.UUID
    subscription_revision: int | None
    attempt_number: int
    takeover_count: int
    trigger: int
    outcome: int
    final: bool
    dead: bool
    reason: str
    http_status: int | None
    elapsed: int | None
    delivery_created_at: datetime
    created_at: datetime
    picked_at: datetime | None
    finished_at: datetime
    next_attempt_at: datetime | None
    error_message: str | None
    response_headers: str | None
    response_body: bytes | None
    headers_truncated: bool
    body_truncated: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Every member that is not empty must hold. `event_types` are patterns, `outcomes` numbers of model.outcome."""

    subscription_ids: Sequence[uuid.UUID] = ()
    event_ids: Sequence[uuid.UUID] = ()
    delivery_ids: Sequence[uuid.UUID] = ()
    event_types: Sequence[str] = ()
    outcomes: Sequence[int] = ()
    only_final: bool = False
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    created_from: datetime | None = None  # both of them count as within
    created_to: datetime | None = None


async def get(db: database.Database, application_id: uuid.UUID, attempt_id: uuid.UUID) -> Attempt | None:
    """One attempt with its response."""
    if attempt_id.version != 7:
        return None
    wanted = {"application_id": application_id, "attempt_id": attempt_id, "since": since_of([attempt_id])}
    keys = [(attempt_id, row[0]) for row in await keyset.fetch(db, SQL.key, wanted)]
    rows = await read(db, application_id, keys, full=True)
    return rows[0] if rows else None


async def read(
    db: database.Database, application_id: uuid.UUID, keys: Iterable[Key], *, full: bool, most_bytes: int = keyset.PAGE_BYTES
) -> list[Attempt]:
    """Attempts by key, in that order, with responses only when `full`; fewer when they exceed `most_bytes` (one at least)."""
    listed = list(keys)
    if not listed:
        return []
    parameters = {
        "application_id": application_id,
        "attempt_ids": [attempt_id for attempt_id, _ in listed],
        "recorded_at": [recorded_at for _, recorded_at in listed],
        "full": full,
        "bytes": most_bytes,
    }
    return [Attempt(*row) for row in await keyset.fetch(db, SQL.read, parameters)]


async def find(
    db: database.Database, application_id: uuid.UUID, wanted: Filter, *, size: int, below: uuid.UUID | None = None
) -> keyset.Page[Key, uuid.UUID]:
    """The keys of a page, newest first by attempt_id, of those below `below`."""
    event_ids = set(wanted.event_ids)
    if wanted.delivery_ids:
        of_deliveries = await _events_of(db, application_id, wanted.delivery_ids)
        event_ids = event_ids & of_deliveries if event_ids else of_deliveries
        if not event_ids:
            return keyset.Page([], None)
    parameters = _parameters(application_id, wanted, sorted(event_ids), size, below)
    if event_ids:
        rows = await keyset.fetch(db, SQL.find, {**parameters, "source": "events", "scan": keyset.SCAN_ROWS})
        if rows[0][3] < keyset.SCAN_ROWS:
            return _page(rows, size)
    source, scan = "all", keyset.scan_rows(size, is_filtered=wanted != Filter())
    if wanted.subscription_ids:
        source, scan = "subscriptions", max(keyset.SCAN_ROWS // len(set(wanted.subscription_ids)), LEAST_OF_EACH)
    return _page(await keyset.fetch(db, SQL.find, {**parameters, "source": source, "scan": scan}), size)


async def last_of(
    db: database.Database, application_id: uuid.UUID, deliveries: Iterable[tuple[uuid.UUID, uuid.UUID]]
) -> dict[uuid.UUID, Attempt]:
    """The last ended attempt of each delivery (delivery_id, event_id) that has one, without its response."""
    pairs = list(deliveries)
    if not pairs:
        return {}
    delivery_ids = [delivery_id for delivery_id, _ in pairs]
    event_ids = list({event_id for _, event_id in pairs})
    wanted = {"application_id": application_id, "delivery_ids": delivery_ids, "event_ids": event_ids}
    keys = await keyset.fetch(db, SQL.last_keys, {**wanted, "since": since_of(delivery_ids)})
    found = await read(db, application_id, [(row[0], row[1]) for row in keys], full=False)
    return {attempt.delivery_id: attempt for attempt in found}


async def targets(db: database.Database, application_id: uuid.UUID, revisions: Iterable[Revision]) -> dict[Revision, bytes]:
    """The sealed targets {method, url, headers} of these revisions, as far as they are kept."""
    pairs = list(set(revisions))
    if not pairs:
        return {}
    ids, numbers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    wanted = {"application_id": application_id, "subscription_ids": ids, "revisions": numbers}
    return {(row[0], row[1]): row[2] for row in await keyset.fetch(db, SQL.targets, wanted)}


def since_of(ids7: Iterable[uuid.UUID], ahead: timedelta = keyset.SLACK) -> datetime:
    """Nothing about these ids was recorded before this time. Ids of other versions than 7 do not tell: 1970."""
    earliest = min((keyset.time_of(each) or _FIRST_DAY for each in ids7), default=_FIRST_DAY)
    return max(keyset.shifted(earliest, -ahead), _FIRST_DAY)


async def _events_of(db: database.Database, application_id: uuid.UUID, delivery_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    wanted = {"application_id": application_id, "delivery_ids": list(delivery_ids), "since": since_of(delivery_ids)}
    return {row[0] for row in await keyset.fetch(db, SQL.events_of_deliveries, wanted)}


def _parameters(
    application_id: uuid.UUID, wanted: Filter, event_ids: list[uuid.UUID], size: int, below: uuid.UUID | None
) -> dict[str, object]:
    ceiling = below or keyset.HIGHEST
    if wanted.finished_before is not None:  # an attempt is made before it ends
        ceiling = min(ceiling, keyset.lowest7(keyset.shifted(wanted.finished_before, keyset.SLACK)))
    since = since_of(event_ids, _LONGEST_AHEAD + keyset.SLACK)
    if wanted.finished_after is not None:  # an attempt is recorded after it ended
        since = max(since, keyset.shifted(wanted.finished_after, -keyset.SLACK))
    if wanted.created_to is not None:  # the time inside its id
        ceiling = min(ceiling, keyset.lowest7(keyset.shifted(wanted.created_to, keyset.SLACK)))
    if wanted.created_from is not None:
        since = max(since, keyset.shifted(wanted.created_from, -keyset.SLACK))
    return {
        "application_id": application_id,
        "below": ceiling,
        "since": since,
        "rows": size + 1,
        "subscription_ids": list(set(wanted.subscription_ids)) or None,
        "event_ids": event_ids or None,
        "delivery_ids": list(wanted.delivery_ids) or None,
        "event_types": list(wanted.event_types) or None,
        "outcomes": list(wanted.outcomes) or None,
        "only_final": wanted.only_final,
        "finished_after": wanted.finished_after,
        "finished_before": wanted.finished_before,
        "created_from": wanted.created_from,
        "created_to": wanted.created_to,
    }


def _page(rows: Sequence[database.Row], size: int) -> keyset.Page[Key, uuid.UUID]:
    found: list[Key] = [(row[0], row[1]) for row in rows if row[0] is not None]
    return keyset.cut(found, size, rows[0][2], lambda key: key[0])
