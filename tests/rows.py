"""Rows as the path leaves them, put there by SQL: each builder inserts one (`over` replaces columns) and answers its id."""

import itertools
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from psycopg import sql
from psycopg.types.json import Jsonb

from hook0_server.model import event_types, ids, routing
from hook0_server.store import database

EVENT_TYPE = "order.paid"
_ORDER = itertools.count()


def now() -> datetime:
    return datetime.now(UTC)


def ago(**past: float) -> datetime:
    return now() - timedelta(**past)


def id7(at: datetime | None = None) -> uuid.UUID:
    """A UUIDv7 of that time; later calls sort after earlier ones of the same millisecond."""
    order = next(_ORDER) << 64 | secrets.randbits(62)
    return ids.uuid7((at or now()).timestamp(), order)


async def insert(db: database.Database, table: str, **columns: Any) -> None:
    names = list(columns)
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
    )
    async with db.connection() as connection:
        await connection.execute(statement, columns)


async def application(db: database.Database) -> uuid.UUID:
    """With the event types that the other builders use."""
    organization_id, application_id = id7(), id7()
    await insert(db, "organizations", organization_id=organization_id, name="org")
    await insert(db, "applications", application_id=application_id, organization_id=organization_id, name="shop")
    await event_type(db, application_id, EVENT_TYPE)
    return application_id


async def event_type(db: database.Database, application_id: uuid.UUID, name: str) -> None:
    candidates = event_types.candidates(name)
    await insert(db, "event_types", application_id=application_id, event_type=name, candidates=candidates)


async def subscription(
    db: database.Database,
    application_id: uuid.UUID,
    *,
    patterns: tuple[str, ...] = ("**",),
    labels: dict[str, str] | None = None,
    **over: Any,
) -> uuid.UUID:
    subscription_id = over.pop("subscription_id", None) or id7()
    given = labels or {}
    await insert(
        db,
        "subscriptions",
        **{
            "application_id": application_id,
            "subscription_id": subscription_id,
            "is_enabled": True,
            "event_types": list(patterns),
            "labels": Jsonb(given),
            "routing_label": routing.label(list(patterns), {routing.pair(key, value): 0 for key, value in given.items()}),
            "metadata": Jsonb({}),
            "secret_encrypted": b"-",
            **over,
        },
    )
    return subscription_id


async def event(
    db: database.Database,
    application_id: uuid.UUID,
    at: datetime | None = None,
    *,
    labels: dict[str, str] | None = None,
    keyed: bool = False,
    **over: Any,
) -> uuid.UUID:
    """Received `at`, under the day of its id; `keyed`: under the day of its reception, with a key row."""
    received_at = at or now()
    event_id: uuid.UUID = over.pop("event_id", None) or id7(received_at)
    day = over.pop("day", None) or (received_at.date() if keyed else ids.day_of(event_id))
    if keyed:
        await insert(db, "event_keys", application_id=application_id, event_id=event_id, day=day)
    await insert(
        db,
        "events",
        **{
            "day": day,
            "application_id": application_id,
            "event_id": event_id,
            "event_type": EVENT_TYPE,
            "payload": b"{}",
            "payload_content_type": "application/json",
            "labels": Jsonb(labels or {}),
            "metadata": Jsonb({}),
            "received_at": received_at,
            **over,
        },
    )
    return event_id


def _delivered(application_id: uuid.UUID, at: datetime, over: dict[str, Any]) -> dict[str, Any]:
    """What rows of deliveries and dead letters have in common."""
    delivery_id = over.get("delivery_id") or id7(at)
    event_id = over.get("event_id") or id7(at)
    return {
        "application_id": application_id,
        "delivery_id": delivery_id,
        "attempt_id": delivery_id,
        "subscription_id": id7(at),
        "event_id": event_id,
        "event_day": at.date(),
        "event_type": EVENT_TYPE,
        "payload_size": 2,
        "created_at": at,
        **over,
    }


async def delivery(db: database.Database, application_id: uuid.UUID, at: datetime | None = None, **over: Any) -> uuid.UUID:
    """Open: waiting unless `owner` says otherwise."""
    created_at = at or now()
    row = {
        "owned_at": created_at,
        "next_attempt_at": created_at,
        "attempt_created_at": created_at,
        **_delivered(application_id, created_at, over),
    }
    await insert(db, "deliveries", **row)
    return uuid.UUID(str(row["delivery_id"]))


async def attempt(db: database.Database, application_id: uuid.UUID, at: datetime | None = None, **over: Any) -> uuid.UUID:
    """Ended and recorded `at`, final and successful unless `over` says otherwise."""
    ended_at = at or now()
    attempt_id = over.pop("attempt_id", None) or id7(ended_at)
    headers = over.pop("headers", None)
    await insert(
        db,
        "attempts",
        **{
            "recorded_at": ended_at,
            "application_id": application_id,
            "attempt_id": attempt_id,
            "delivery_id": id7(ended_at),
            "event_id": id7(ended_at),
            "event_day": ended_at.date(),
            "event_type": EVENT_TYPE,
            "subscription_id": id7(ended_at),
            "attempt_number": 1,
            "takeover_count": 0,
            "trigger": 1,
            "outcome": 1,
            "final": True,
            "reason": "succeeded",
            "http_status": 200,
            "elapsed": 1500,
            "delivery_created_at": ended_at,
            "created_at": ended_at,
            "picked_at": ended_at,
            "finished_at": ended_at,
            "response_headers": None if headers is None else orjson.dumps(headers).decode(),
            **over,
        },
    )
    return uuid.UUID(str(attempt_id))


async def dead_letter(db: database.Database, application_id: uuid.UUID, at: datetime | None = None, **over: Any) -> uuid.UUID:
    """Given up `at`, with the final attempt that recorded it."""
    died_at = at or now()
    row = {
        "day": died_at.date(),
        "died_at": died_at,
        "attempt_number": 1,
        "takeover_count": 0,
        "trigger": 1,
        "reason": "retries_exhausted",
        **_delivered(application_id, died_at, over),
    }
    await insert(db, "dead_letters", **row)
    same = ("delivery_id", "attempt_id", "subscription_id", "event_id", "event_day", "event_type", "attempt_number", "reason")
    shared = {name: row[name] for name in same}
    await attempt(
        db, application_id, died_at, **shared, outcome=2, http_status=500, dead=True, delivery_created_at=row["created_at"]
    )
    return uuid.UUID(str(row["delivery_id"]))
