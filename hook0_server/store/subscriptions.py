"""Subscriptions and the versions of their targets. A deleted one is not there any more for any reader here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hook0_server.model import routing
from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)
_SLICE = 1000  # subscriptions ended in one transaction: write transactions stay short


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller decides. `retry_policy` and `delivery_options` hold what was set, in seconds; see the tables."""

    is_enabled: bool
    description: str
    event_types: list[str]
    labels: dict[str, str]
    metadata: dict[str, str]
    retry_policy: dict[str, Any]
    delivery_options: dict[str, Any]
    target_sealed: bytes = field(repr=False)
    """JSON {method, url, headers}, encrypted for the subscription's id."""
    dedicated_workers: list[str] = field(default_factory=list)
    """Hook0's, kept for those who know them over REST; without effect."""


@dataclass(frozen=True, slots=True)
class Subscription:
    application_id: uuid.UUID
    subscription_id: uuid.UUID
    draft: Draft
    revision: int
    created_at: datetime
    updated_at: datetime


async def create(
    connection: database.Connection,
    application_id: uuid.UUID,
    subscription_id: uuid.UUID,
    draft: Draft,
    *,
    secret_sealed: bytes,
) -> Subscription:
    """To be called inside a transaction that holds the application."""
    written = await _written(connection, application_id, subscription_id, draft)
    cursor = await connection.execute(SQL.create, {**written, "secret_sealed": secret_sealed})
    return Subscription(application_id, subscription_id, draft, *await rows.only(cursor))


async def get(db: database.Database, application_id: uuid.UUID, subscription_id: uuid.UUID) -> Subscription | None:
    row = await db.fetch_one(SQL.get, {"application_id": application_id, "subscription_id": subscription_id})
    return _read(row) if row else None


async def page(db: database.Database, application_id: uuid.UUID, *, before: uuid.UUID | None, size: int) -> list[Subscription]:
    """Newest first, those whose ids are smaller than `before`."""
    found = await db.fetch(SQL.page, {"application_id": application_id, "before": before, "size": size})
    return [_read(row) for row in found]


async def kept_for_rest(
    db: database.Database, application_id: uuid.UUID, subscription_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[bytes, list[str]]]:
    """The sealed signing secret and the dedicated_workers of those that are there."""
    wanted = {"application_id": application_id, "subscription_ids": list(subscription_ids)}
    return {row[0]: (row[1], row[2]) for row in await db.fetch(SQL.kept_for_rest, wanted)}


async def application_of(db: database.Database, subscription_id: uuid.UUID) -> uuid.UUID | None:
    """Whose it is; None: there is no such subscription."""
    row = await db.fetch_one(SQL.application_of, {"subscription_id": subscription_id})
    return row[0] if row else None


async def was_deleted(db: database.Database, application_id: uuid.UUID, subscription_id: uuid.UUID) -> bool:
    """Whether the application once had it."""
    key = {"application_id": application_id, "subscription_id": subscription_id}
    return await db.fetch_one(SQL.was_deleted, key) is not None


async def lock(connection: database.Connection, application_id: uuid.UUID, subscription_id: uuid.UUID) -> Subscription | None:
    """Read it to change it: nobody else does until this transaction ends."""
    key = {"application_id": application_id, "subscription_id": subscription_id}
    cursor = await connection.execute(SQL.lock, key)
    if await cursor.fetchone() is None:
        return None
    return _read(await rows.only(await connection.execute(SQL.get, key)))


async def update(connection: database.Connection, current: Subscription, draft: Draft) -> Subscription:
    """Its next revision; `current` must be locked."""
    written = await _written(connection, current.application_id, current.subscription_id, draft)
    revision, created_at, updated_at = await rows.only(await connection.execute(SQL.update, written))
    return replace(current, draft=draft, revision=revision, created_at=created_at, updated_at=updated_at)


async def delete(db: database.Fetching, application_id: uuid.UUID, subscription_id: uuid.UUID) -> bool:
    """End it; what it is still owed is cancelled by delivery. False: there is no such subscription."""
    key = {"application_id": application_id, "subscription_id": subscription_id}
    return await db.fetch_one(SQL.delete, key) is not None


async def delete_all(db: database.Database, application_id: uuid.UUID) -> int:
    """End every subscription of an application, in slices that commit; answers how many."""
    ended = 0
    while slice_ended := len(await db.fetch(SQL.delete_slice, {"application_id": application_id, "size": _SLICE})):
        ended += slice_ended
    return ended


async def _written(
    connection: database.Connection, application_id: uuid.UUID, subscription_id: uuid.UUID, draft: Draft
) -> dict[str, Any]:
    key = {"application_id": application_id, "subscription_id": subscription_id}
    sharers = {routing.pair(name, value): 0 for name, value in draft.labels.items()}
    if len(sharers) > 1:  # else there is nothing to choose
        cursor = await connection.execute(SQL.sharers, {**key, "labels": Jsonb(draft.labels)})
        sharers = dict(await cursor.fetchall())
    return {
        **key,
        "is_enabled": draft.is_enabled,
        "description": draft.description,
        "event_types": draft.event_types,
        "labels": Jsonb(draft.labels),
        "routing_label": routing.label(draft.event_types, sharers),
        "metadata": Jsonb(draft.metadata),
        "retry_policy": Jsonb(draft.retry_policy),
        "delivery_options": Jsonb(draft.delivery_options),
        "target_sealed": draft.target_sealed,
        "dedicated_workers": draft.dedicated_workers,
    }


def _read(row: database.Row) -> Subscription:
    application_id, subscription_id, *decided, revision, created_at, updated_at = row
    return Subscription(application_id, subscription_id, Draft(*decided), revision, created_at, updated_at)
