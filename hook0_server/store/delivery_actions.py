"""What operators do to deliveries, exact beside nodes that claim and record the same rows."""

import enum
import uuid
from dataclasses import dataclass
from datetime import date

from hook0_server.model import delivery as deliveries
from hook0_server.store import attempts, database, deliveries_read, keyset, rows as results, sql

SQL = sql.beside(__file__)
_TRIES = 5  # each time the row had moved between two statements


class Retried(enum.Enum):
    """What came of a retry, and why not."""

    DUE = enum.auto()
    NOT_FOUND = enum.auto()
    HELD = enum.auto()
    ENDED = enum.auto()  # it succeeded or was cancelled
    DISABLED = enum.auto()
    SUBSCRIPTION_GONE = enum.auto()
    EVENT_GONE = enum.auto()
    MOVING = enum.auto()  # it changed places each time it was looked at


class Cancelled(enum.Enum):
    """What came of a cancellation, and why not."""

    ENDED = enum.auto()
    ASKED = enum.auto()  # a node holds it and will see the flag
    NOT_FOUND = enum.auto()
    FINISHED = enum.auto()
    MOVING = enum.auto()


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many deliveries were made (None: a broadcast), and what kept them from being made."""

    has_event: bool
    has_subscription: bool
    is_enabled: bool
    delivery_count: int | None


async def retry(db: database.Fetching, application_id: uuid.UUID, delivery_id: uuid.UUID) -> Retried:
    """Make a waiting delivery due, or revive a dead letter. After DUE tell the claimers (wake.DELIVERIES)."""
    since = attempts.since_of([delivery_id]).date()
    wanted = {"application_id": application_id, "delivery_id": delivery_id, "since": since}
    for _ in range(_TRIES):
        if await db.fetch(SQL.retry, wanted):
            return Retried.DUE
        found = await deliveries_read.get(db, application_id, delivery_id)
        if found is None:
            return Retried.NOT_FOUND
        refusal = await _why_not(db, application_id, found, since)
        if refusal is not None:
            return refusal
    return Retried.MOVING


async def _why_not(
    db: database.Fetching, application_id: uuid.UUID, found: deliveries_read.Delivery, since: date
) -> Retried | None:
    """What keeps this delivery from being retried; None when nothing does any more."""
    if found.state == deliveries_read.IN_FLIGHT:
        return Retried.HELD
    if found.state in (deliveries_read.SUCCEEDED, deliveries_read.CANCELLED):
        return Retried.ENDED
    wanted = {"application_id": application_id, "delivery_id": found.delivery_id, "since": since}
    row = await db.fetch(SQL.circumstances, {**wanted, "subscription_id": found.subscription_id})
    exists, is_enabled, event_is_kept = row[0]
    if not exists:
        return Retried.SUBSCRIPTION_GONE
    if not is_enabled:
        return Retried.DISABLED
    if found.state == deliveries_read.DEAD and not event_is_kept:
        return Retried.EVENT_GONE
    return None


async def cancel(db: database.Fetching, application_id: uuid.UUID, delivery_id: uuid.UUID) -> Cancelled:
    """End a delivery. After ENDED tell the watchers (wake.ATTEMPTS), after ASKED the nodes (wake.CANCELS)."""
    wanted = {"application_id": application_id, "delivery_id": delivery_id}
    for _ in range(_TRIES):
        row = await db.fetch_one(SQL.cancel, wanted)
        if row is not None:
            return Cancelled.ENDED if row[0] else Cancelled.ASKED
        found = await deliveries_read.get(db, application_id, delivery_id)
        if found is None:
            return Cancelled.NOT_FOUND
        if found.state not in (deliveries_read.WAITING, deliveries_read.IN_FLIGHT):
            return Cancelled.FINISHED
    return Cancelled.MOVING


async def replay(
    connection: database.Connection,
    application_id: uuid.UUID,
    event_id: uuid.UUID,
    *,
    only: uuid.UUID | None = None,
    broadcast: int = deliveries.BROADCAST_THRESHOLD,
) -> Replayed:
    """Deliver an event again, to one subscription if it matches or to all that match, in the caller's transaction.

    After the commit tell the claimers (wake.DELIVERIES).
    """
    at = keyset.time_of(event_id)
    wanted = {"application_id": application_id, "event_id": event_id, "own_day": at.date() if at else None, "only": only}
    cursor = await connection.execute(SQL.replay, {**wanted, "broadcast": broadcast}, binary=True)
    has_event, is_there, is_enabled, matched = await results.only(cursor)
    return Replayed(has_event, only is None or is_there, only is None or is_enabled, matched if matched <= broadcast else None)
