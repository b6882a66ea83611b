"""What is used, and what may be."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hook0_server.model import quotas
from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


class Owner(StrEnum):
    """Whose usage it is."""

    APPLICATION = "application"
    ORGANIZATION = "organization"


COUNTED = {Owner.APPLICATION: ("subscriptions", "event_types"), Owner.ORGANIZATION: ("members", "applications")}


@dataclass(frozen=True, slots=True)
class Today:
    """What an application that has a limit published today; the day ends at `ends_at` (Unix seconds)."""

    application_id: uuid.UUID
    limit: int
    events: int
    ends_at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """That somebody comes near a limit, or is there: `line` is that of the log."""

    line: str
    quota: str
    owner_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class EventsOfDay:
    application_id: uuid.UUID
    day: date
    events: int


@dataclass(frozen=True, slots=True)
class Steps:
    """Whether there is an application, an event type, a subscription; whether anything was ever published."""

    application: bool
    event_type: bool
    subscription: bool
    event: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """`limits` are those that hold; `counts` by the names of quotas."""

    limits: quotas.Quotas
    events_today: int
    counts: dict[str, int]


async def today(db: database.Database, application_ids: Collection[uuid.UUID], instance: int | None) -> list[Today]:
    """Those of these applications that have a limit of events per day; `instance` is that of who has none of their own.

    Where nobody has one, that is all that is looked at. Raises errors.Unavailable.
    """
    if instance is None and not (await db.fetch(SQL.is_limited_by_day))[0][0]:
        return []
    parameters = {"application_ids": list(application_ids), "instance": instance}
    return [Today(*row) for row in await db.fetch(SQL.days, parameters)]


async def limits(connection: database.Connection, owner: Owner, owner_id: uuid.UUID, instance: quotas.Quotas) -> quotas.Quotas:
    """Those that hold for the owner; the instance's where there is no such owner."""
    cursor = await connection.execute(getattr(SQL, f"quotas_of_{owner}"), {"owner_id": owner_id})
    own, wider = await cursor.fetchone() or ({}, {})
    return quotas.Quotas.stored(own).within(quotas.Quotas.stored(wider)).within(instance)


async def count_alone(connection: database.Connection, quota: str, owner_id: uuid.UUID) -> int:
    """How many there are, those of this transaction among them. Until it ends nobody else counts these of this owner."""
    await connection.execute(SQL.serialize, {"quota": quota, "owner_id": owner_id})
    return await _count(connection, f"count_{quota}", owner_id)


async def read(connection: database.Connection, owner: Owner, owner_id: uuid.UUID, instance: quotas.Quotas) -> Usage:
    """As of now."""
    held = await limits(connection, owner, owner_id, instance)
    events = await _count(connection, f"events_today_of_{owner}", owner_id)
    return Usage(held, events, {name: await _count(connection, f"count_{name}", owner_id) for name in COUNTED[owner]})


async def days(
    db: database.Database, owner: Owner, owner_id: uuid.UUID, first: date, last: date, *, most: int
) -> list[EventsOfDay]:
    """The days on which anything was published, by day, then by application; `most` at most."""
    parameters = {"owner_id": owner_id, "first": first, "last": last, "most": most}
    return [EventsOfDay(*row) for row in await db.fetch(getattr(SQL, f"days_of_{owner}"), parameters)]


async def begin_notices(db: database.Database, day: date, notices: Sequence[Notice]) -> set[Notice]:
    """Those that no process has begun to tell on this day; they are the caller's to tell. Raises errors.Unavailable."""
    parameters = {
        "day": day,
        "lines": [each.line for each in notices],
        "quotas": [each.quota for each in notices],
        "owner_ids": [each.owner_id for each in notices],
    }
    return {Notice(*row) for row in await db.fetch(SQL.begin_notices, parameters)}


async def has_events(db: database.Database, application_id: uuid.UUID) -> bool:
    """Whether anything was ever published."""
    [row] = await db.fetch(SQL.has_events, {"application_id": application_id})
    return bool(row[0])


async def steps(db: database.Database, organization_id: uuid.UUID) -> Steps:
    """Which of an organization's first steps are done, by any of its applications."""
    [row] = await db.fetch(SQL.steps_of_organization, {"organization_id": organization_id})
    return Steps(*row)


async def _count(connection: database.Connection, name: str, owner_id: uuid.UUID) -> int:
    [count] = await rows.only(await connection.execute(getattr(SQL, name), {"owner_id": owner_id}))
    return int(count)
