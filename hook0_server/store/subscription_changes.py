"""Subscriptions as delivery sees them: what sending needs, what was changed, and what a change does to open deliveries."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hook0_server.model import outcome
from hook0_server.store import database, sql

SQL = sql.beside(__file__)

SLICE = 1000  # rows in one short transaction


@dataclass(frozen=True, slots=True)
class Change:
    application_id: uuid.UUID
    subscription_id: uuid.UUID
    revision: int
    is_enabled: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A subscription's row; target and secret are still sealed."""

    application_id: uuid.UUID
    subscription_id: uuid.UUID
    revision: int
    is_enabled: bool
    is_deleted: bool
    retry_policy: dict[str, Any]
    delivery_options: dict[str, Any]
    secret_encrypted: bytes
    target_encrypted: bytes | None


@dataclass(frozen=True, slots=True)
class Parked:
    """A subscription with parked deliveries; is_enabled None: the subscription is gone."""

    application_id: uuid.UUID
    subscription_id: uuid.UUID
    is_enabled: bool | None
    is_deleted: bool
    max_age: float | None


async def position(hot: database.Hot) -> str:
    """Where `changes` begins: everything that is committed by now is before it."""
    [(at,)] = await hot.fetch(SQL.position)
    return str(at)


async def changes(hot: database.Hot, since: str) -> tuple[str, list[Change]]:
    """What was changed since that position (some of it again), and the next position."""
    rows = await hot.fetch(SQL.changes, {"since": since})
    return rows[0][0], [Change(*row[1:]) for row in rows if row[2] is not None]


async def load(hot: database.Hot, subscription_ids: Collection[uuid.UUID]) -> list[Stored]:
    return [Stored(*row) for row in await hot.fetch(SQL.load, {"subscription_ids": list(subscription_ids)})]


async def park(hot: database.Hot, application_id: uuid.UUID, subscription_id: uuid.UUID) -> int:
    """A slice of a disabled subscription's unowned deliveries; answers how many."""
    return len(await hot.fetch(SQL.park, _slice(application_id, subscription_id)))


async def release(hot: database.Hot, application_id: uuid.UUID, subscription_id: uuid.UUID) -> int:
    """A slice of an enabled subscription's parked deliveries; answers how many."""
    return len(await hot.fetch(SQL.release, _slice(application_id, subscription_id)))


async def cancel(hot: database.Hot, application_id: uuid.UUID, subscription_id: uuid.UUID) -> int:
    """A slice of a deleted subscription's deliveries that nobody holds ends; answers how many."""
    parameters = _slice(application_id, subscription_id) | {"cancelled": int(outcome.Outcome.CANCELLED)}
    return len(await hot.fetch(SQL.cancel, parameters))


async def parked(hot: database.Hot) -> list[Parked]:
    """Every subscription that has parked deliveries."""
    return [Parked(*row) for row in await hot.fetch(SQL.parked_subscriptions)]


async def expire_parked(hot: database.Hot, application_id: uuid.UUID, subscription_id: uuid.UUID, max_age: float) -> int:
    """A slice of parked deliveries older than max_age (seconds) is given up; answers how many."""
    parameters = _slice(application_id, subscription_id) | {"max_age": max_age, "expired": int(outcome.Outcome.EXPIRED)}
    return len(await hot.fetch(SQL.expire_parked, parameters))


def _slice(application_id: uuid.UUID, subscription_id: uuid.UUID) -> dict[str, Any]:
    return {"application_id": application_id, "subscription_id": subscription_id, "slice": SLICE}
