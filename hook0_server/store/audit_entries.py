"""The audit log: who did what, written in the transaction of what was done. Entries never change."""

import dataclasses
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from hook0_server.store import database, keyset, sql

SQL = sql.beside(__file__)
OK = "OK"

_SLICE_ROWS = 1000
_BETWEEN_CLOCKS = timedelta(seconds=1)  # an entry's id and its time are read one after the other, and the id's is rounded


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written. `result`: OK, or the reason of a refusal."""

    organization_id: uuid.UUID | None
    application_id: uuid.UUID | None
    action: str
    operation: str
    actor_kind: str
    actor_id: str
    credential_id: str
    source_ip: str | None
    request_id: str
    resource_type: str
    resource_id: str
    result: str


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """To whom a credential belongs: an application (a secret), organizations (a token, a person), or everywhere."""

    application_id: uuid.UUID | None
    organization_ids: Sequence[uuid.UUID]
    is_everywhere: bool


@dataclasses.dataclass(frozen=True, slots=True)
class AuditEntry:
    audit_entry_id: uuid.UUID
    organization_id: uuid.UUID | None
    application_id: uuid.UUID | None
    recorded_at: datetime
    action: str
    operation: str
    actor_kind: str
    actor_id: str
    credential_id: str
    source_ip: str | None
    request_id: str
    resource_type: str
    resource_id: str
    result: str


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """Every member that is not empty must hold. `actions` are whole ones, or all of a subject: `subscription:*`."""

    actors: Sequence[str] = ()
    actions: Sequence[str] = ()
    resource_ids: Sequence[str] = ()
    after: datetime | None = None
    before: datetime | None = None


def by_system(
    action: str, resource_type: str, resource_id: uuid.UUID, organization_id: uuid.UUID | None = None, *, by: str = "upkeep"
) -> Draft:
    """What a server did by itself, or by a command of who runs it; `by` says which."""
    return Draft(
        organization_id=organization_id,
        application_id=None,
        action=action,
        operation=by,
        actor_kind="system",
        actor_id="system",
        credential_id="system",
        source_ip=None,
        request_id="",
        resource_type=resource_type,
        resource_id=str(resource_id),
        result=OK,
    )


async def add(connection: database.Connection, draft: Draft) -> None:
    """To be called inside the transaction of what was done. An organization that is not given is the application's."""
    await connection.execute(SQL.add, dataclasses.asdict(draft))


async def add_refused(db: database.Database, draft: Draft, owner: Owner) -> None:
    """What was tried, in a transaction of its own. The draft's organization and application are those that were named."""
    owned = {
        "own_application_id": owner.application_id,
        "own_organization_ids": list(owner.organization_ids),
        "is_everywhere": owner.is_everywhere,
    }
    await db.fetch(SQL.add_refused, dataclasses.asdict(draft) | owned)


async def find(
    db: database.Database, organization_id: uuid.UUID | None, wanted: Filter, *, size: int, below: uuid.UUID | None = None
) -> keyset.Page[AuditEntry, uuid.UUID]:
    """A page of an organization's entries (None: of those that are of none), newest first, of those below `below`."""
    parameters = _parameters(wanted, below) | {
        "organization_id": organization_id,
        "rows": size + 1,
        "scan": keyset.scan_rows(size, is_filtered=wanted != Filter()),
    }
    rows = await keyset.fetch(db, SQL.find, parameters)
    found = [AuditEntry(*row[1:]) for row in rows if row[1] is not None]
    return keyset.cut(found, size, rows[0][0], lambda entry: entry.audit_entry_id)


async def forget(db: database.Database, *, before: datetime) -> int:
    """Delete what is older, in slices that commit; answers how many. Several servers may do so at once."""
    total, parameters = 0, {"below": keyset.lowest7(before), "slice": _SLICE_ROWS}
    while True:
        async with db.connection() as connection:
            count = (await connection.execute(SQL.forget, parameters)).rowcount
        total += count
        if count < _SLICE_ROWS:
            return total


def _parameters(wanted: Filter, below: uuid.UUID | None) -> dict[str, object]:
    ceiling, since = below or keyset.HIGHEST, keyset.LOWEST
    if wanted.before is not None:
        ceiling = min(ceiling, keyset.lowest7(keyset.shifted(wanted.before, _BETWEEN_CLOCKS)))
    if wanted.after is not None:
        since = keyset.lowest7(keyset.shifted(wanted.after, -_BETWEEN_CLOCKS))
    subjects = [action.removesuffix(":*") for action in wanted.actions if action.endswith(":*")]
    return {
        "below": ceiling,
        "since": since,
        "actors": list(wanted.actors) or None,
        "actions": list(wanted.actions) or None,
        "subjects": subjects,
        "resource_ids": list(wanted.resource_ids) or None,
        "after": wanted.after,
        "before": wanted.before,
    }
