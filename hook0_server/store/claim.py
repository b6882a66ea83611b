"""Claiming deliveries that are due and that nobody holds."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hook0_server.model import delivery
from hook0_server.store import database, sql

SQL = sql.beside(__file__)

EventKey = tuple[uuid.UUID, uuid.UUID]  # application_id, event_id


@dataclass(slots=True)
class Claimed:
    """What a look took. The payloads are still to be loaded; `head_full`: more was due than it looked at."""

    deliveries: list[delivery.Delivery] = field(default_factory=list)
    days: dict[EventKey, date] = field(default_factory=dict)
    head_full: bool = False
    walked: dict[uuid.UUID, uuid.UUID | None] = field(default_factory=dict)  # application → resume after; None: its end


async def oldest(
    hot: database.Hot, *, node: int, head: int, most: int, size: int, per_subscription: int, closed: list[uuid.UUID]
) -> Claimed:
    """The oldest due deliveries, `most` at most and `size` bytes of payload, among the `head` oldest rows."""
    parameters = {
        "node": node,
        "head": head,
        "most": most,
        "bytes": size,
        "per_subscription": per_subscription,
        "closed": closed,
    }
    return _claimed(await hot.fetch(SQL.claim_oldest, parameters), node)


async def fair(
    hot: database.Hot,
    *,
    node: int,
    after: uuid.UUID,
    applications: int,
    visits: int,
    resume: Mapping[uuid.UUID, uuid.UUID],
    most: int,
    size: int,
    per_subscription: int,
    closed: list[uuid.UUID],
) -> Claimed:
    """A few due deliveries of each subscription of each application, from where the last walk stopped."""
    parameters = {
        "node": node,
        "after": after,
        "applications": applications,
        "visits": visits,
        "resumed": list(resume),
        "resume_after": list(resume.values()),
        "most": most,
        "bytes": size,
        "per_subscription": per_subscription,
        "closed": closed,
    }
    return _claimed(await hot.fetch(SQL.claim_fair, parameters), node)


async def next_due(hot: database.Hot) -> float | None:
    """Seconds until something may be claimed (0: now); None: nothing waits."""
    rows = await hot.fetch(SQL.next_due)
    return float(rows[0][0]) if rows else None


async def load_payloads(hot: database.Hot, days: Mapping[EventKey, date]) -> dict[EventKey, tuple[str, bytes]]:
    """Content type and payload of events; one that is gone is missing."""
    parameters = {
        "day": list(days.values()),
        "application_id": [application_id for application_id, _ in days],
        "event_id": [event_id for _, event_id in days],
    }
    rows = await hot.fetch(SQL.load_payloads, parameters)
    return {(application_id, event_id): (content_type, payload) for application_id, event_id, content_type, payload in rows}


def _claimed(rows: Sequence[tuple[Any, ...]], node: int) -> Claimed:
    claimed = Claimed()
    for head_full, application_id, delivery_id, attempt_id, subscription_id, event_id, day, event_type, _, *rest in rows:
        claimed.head_full = head_full
        if application_id is None:
            continue
        if delivery_id is None:
            claimed.walked[application_id] = subscription_id
            continue
        attempt_number, takeover_count, trigger, cancel_requested, started_at, created_at = rest
        claimed.days[application_id, event_id] = day
        claimed.deliveries.append(
            delivery.Delivery(
                application_id,
                delivery_id,
                attempt_id,
                subscription_id,
                event_id,
                str(event_id),
                event_type,
                "",
                b"",
                node,
                created_at.timestamp(),
                attempt_number,
                takeover_count,
                cancel_requested,
                trigger == delivery.MANUAL,
                started_at is not None,
            )
        )
    return claimed
