"""Deliveries as they stand, wherever they are: open rows, dead letters, final attempts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hook0_server.store import attempts, database, keyset, sql

SQL = sql.beside(__file__)

WAITING, IN_FLIGHT, SUCCEEDED, DEAD, CANCELLED = 1, 2, 3, 4, 5  # the numbers of DeliveryState on the wire
_EVENT_AHEAD = timedelta(days=1) + keyset.SLACK  # how far the time inside an event id may be after its publication
_LATEST_SLICE = timedelta(days=1)  # a broadcast's deliveries count as created with it, but get their ids slice by slice
_LEAST_OF_EACH = 50


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one subscription is owed for one event; `state` is one of the numbers above, the rest as in the API."""

    delivery_id: uuid.UUID
    event_id: uuid.UUID
    event_type: str
    subscription_id: uuid.UUID
    state: int
    reason: str
    attempt_id: uuid.UUID
    attempt_count: int
    takeover_count: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Every member that is not empty must hold. `event_types` are patterns."""

    states: Sequence[int] = ()
    subscription_ids: Sequence[uuid.UUID] = ()
    event_ids: Sequence[uuid.UUID] = ()
    event_types: Sequence[str] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None


async def get(db: database.Fetching, application_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery | None:
    """One delivery, from one snapshot of the three places."""
    if keyset.time_of(delivery_id) is None:
        return None
    parameters = _parameters(application_id, Filter(), 1, uuid.UUID(int=delivery_id.int + 1), by_event=False)
    parameters |= {"above": delivery_id, "since": attempts.since_of([delivery_id]), "scan": 100}
    page = _page(await keyset.fetch(db, SQL.find, parameters), 1)
    return page.rows[0] if page.rows else None


async def find(
    db: database.Database, application_id: uuid.UUID, wanted: Filter, *, size: int, below: uuid.UUID | None = None
) -> keyset.Page[Delivery, uuid.UUID]:
    """A page, newest first by delivery_id, of those below `below`."""
    by_event = bool(wanted.event_ids)
    parameters = _parameters(application_id, wanted, size, below or keyset.HIGHEST, by_event=by_event)
    rows = await keyset.fetch(db, SQL.find, parameters)
    if rows[0][1]:
        rows = await keyset.fetch(db, SQL.find, {**parameters, "by_event": False})
    return _page(rows, size)


def _parameters(application_id: uuid.UUID, wanted: Filter, size: int, below: uuid.UUID, *, by_event: bool) -> dict[str, object]:
    states, subscription_ids = set(wanted.states), list(set(wanted.subscription_ids))
    above, since = keyset.LOWEST, attempts.since_of(wanted.event_ids, _EVENT_AHEAD)
    if wanted.event_ids:
        above = keyset.lowest7(since)
    if wanted.created_after is not None:  # ids are made when deliveries are
        earliest = keyset.shifted(wanted.created_after, -keyset.SLACK)
        above, since = max(above, keyset.lowest7(earliest)), max(since, earliest)
    if wanted.created_before is not None:
        below = min(below, keyset.lowest7(keyset.shifted(wanted.created_before, _LATEST_SLICE)))
    return {
        "application_id": application_id,
        "below": below,
        "above": above,
        "since": since,
        "by_event": by_event,
        "in_open": not states or bool(states & {WAITING, IN_FLIGHT}),
        "in_dead": not states or DEAD in states,
        "in_ended": not states or bool(states & {SUCCEEDED, CANCELLED}),
        "rows": size + 1,
        "scan": keyset.scan_rows(size, is_filtered=wanted != Filter()),
        "scan_each": max(keyset.SCAN_ROWS // max(len(subscription_ids), 1), _LEAST_OF_EACH),
        "states": list(states) or None,
        "subscription_ids": subscription_ids or None,
        "event_ids": list(wanted.event_ids) or None,
        "event_types": list(wanted.event_types) or None,
        "created_after": wanted.created_after,
        "created_before": wanted.created_before,
    }


def _page(rows: Sequence[database.Row], size: int) -> keyset.Page[Delivery, uuid.UUID]:
    found = [Delivery(*row[2:]) for row in rows if row[2] is not None]
    return keyset.cut(found, size, rows[0][0], lambda delivery: delivery.delivery_id)
