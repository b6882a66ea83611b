"""Attempts that have not ended: what open deliveries will do next, under the ids that their attempts will have."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import attempts, database, keyset, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """`is_held`: by a node that is about to send it, since `owned_at`; `is_later`: it waits until `next_attempt_at`."""

    attempt_id: uuid.UUID
    event_id: uuid.UUID
    event_type: str
    subscription_id: uuid.UUID
    attempt_number: int
    created_at: datetime
    next_attempt_at: datetime
    is_held: bool
    owned_at: datetime
    is_later: bool


async def get(db: database.Database, application_id: uuid.UUID, attempt_id: uuid.UUID) -> OpenAttempt | None:
    above = uuid.UUID(int=attempt_id.int + 1) if attempt_id != keyset.HIGHEST else attempt_id
    found = await _find(db, application_id, attempts.Filter(), below=above, least=attempt_id, most=1)
    return found[0] if found else None


async def find(
    db: database.Database, application_id: uuid.UUID, wanted: attempts.Filter, *, size: int, below: uuid.UUID | None
) -> keyset.Page[OpenAttempt, uuid.UUID]:
    """A page, newest first, of those below `below`. Only ids, names of types and times of creation are looked at."""
    found = await _find(db, application_id, wanted, below=below or keyset.HIGHEST, least=keyset.LOWEST, most=size + 1)
    return keyset.cut(found, size, None, lambda each: each.attempt_id)


async def descriptions(
    db: database.Database, application_id: uuid.UUID, subscription_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """Of these subscriptions, deleted ones too."""
    wanted = {"application_id": application_id, "subscription_ids": list(subscription_ids)}
    return dict(await db.fetch(SQL.descriptions, wanted))


async def _find(
    db: database.Database, application_id: uuid.UUID, wanted: attempts.Filter, *, below: uuid.UUID, least: uuid.UUID, most: int
) -> list[OpenAttempt]:
    above = (
        keyset.lowest7(keyset.shifted(attempts.since_of(wanted.event_ids), -keyset.SLACK))
        if wanted.event_ids
        else keyset.LOWEST
    )
    parameters = {
        "application_id": application_id,
        "above": above,
        "below": below,
        "least": least,
        "rows": most,
        "subscription_ids": list(wanted.subscription_ids) or None,
        "event_ids": list(wanted.event_ids) or None,
        "event_types": list(wanted.event_types) or None,
        "created_from": wanted.created_from,
        "created_to": wanted.created_to,
    }
    return [OpenAttempt(*row) for row in await keyset.fetch(db, SQL.find, parameters)]
