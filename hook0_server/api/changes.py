"""What the audit log says of calls: the entry of a change is written in its transaction, so that both are there, or neither.

An operation that changes something is declared with `changes`, and its handler makes the change inside `transaction`. What it
is refused is an entry too, in a transaction of its own, as long as the one who calls is not refused all the time.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import structlog
from google.protobuf.message import Message

from hook0_server import metrics
from hook0_server.access import rate_limits
from hook0_server.api import pipeline, registry
from hook0_server.model import errors, ids
from hook0_server.store import audit_entries, database

log = structlog.get_logger(__name__)

_EACH_PER_MINUTE, _ALL_PER_SECOND, _ALL_AT_ONCE = 30.0, 10.0, 100.0
_WRITING = 2  # connections of the pool that refusals take at most
_SECONDS = 1.0
_RESOURCE_CHARACTERS = 300  # what the table takes
# Not what is malformed, comes too often, or meets a server in trouble: that says nothing of who may do what.
_TOLD = (
    errors.Unauthenticated, errors.Denied, errors.NotFound, errors.AlreadyExists, errors.Precondition, errors.Conflict,
    errors.QuotaExceeded,
)  # fmt: skip


@contextlib.asynccontextmanager
async def transaction(db: database.Database, call: pipeline.Call) -> AsyncIterator[database.Connection]:
    """The transaction of a change. Its last statement writes the entry, about what `call.concerns` was told."""
    async with db.connection() as connection, connection.transaction():
        yield connection
        await record(connection, call)


async def record(connection: database.Connection, call: pipeline.Call, **over: Any) -> None:
    """Write the entry of a change before its transaction ends. `over` has members of it that are not the call's own."""
    if not call.resource_id:
        raise AssertionError("an entry says what was changed: tell call.concerns")
    await audit_entries.add(connection, dataclasses.replace(_draft(call, audit_entries.OK), **over))
    call.is_recorded = True


class Refusals:
    """Writes down what was refused. Of each caller so many a minute, and of all so many a second; the rest is only counted."""

    def __init__(self, db: database.Database, counted: metrics.Metrics, *, per_minute: float = _EACH_PER_MINUTE) -> None:
        self._db, self._metrics = db, counted
        self._each = rate_limits.Buckets(per_minute / 60, per_minute)
        self._all = rate_limits.Buckets(_ALL_PER_SECOND, _ALL_AT_ONCE)
        self._turn = asyncio.Semaphore(_WRITING)

    async def record(self, call: pipeline.Call, request: Message, refusal: errors.Refused) -> None:
        """Does not keep the caller waiting for long, who is told the refusal whatever becomes of its entry."""
        if call.is_recorded or not isinstance(refusal, _TOLD) or refusal.reason == rate_limits.REASON:
            return
        who = call.principal.credential_id or rate_limits.network(call.source_ip)
        if self._each.take(who) or self._all.take(None):
            self._metrics.audit_entries_left_out += 1
            return
        try:
            async with asyncio.timeout(_SECONDS), self._turn:
                await audit_entries.add_refused(self._db, _refused(call, request, refusal), _owner(call))
        except Exception as failure:
            self._metrics.audit_entries_left_out += 1
            is_unready = isinstance(failure, (errors.Unavailable, TimeoutError))
            log.error("audit.refusal_unwritten", request_id=call.request_id, exc_info=None if is_unready else failure)


def _draft(call: pipeline.Call, result: str) -> audit_entries.Draft:
    operation = _operation(call)
    kind, actor_id, credential_id = _actor(call)
    return audit_entries.Draft(
        organization_id=call.organization_id,
        application_id=call.application_id,
        action=operation.action,
        operation=f"{operation.service}/{operation.method}",
        actor_kind=kind,
        actor_id=actor_id,
        credential_id=credential_id,
        source_ip=call.source_ip,
        request_id=call.request_id,
        resource_type=operation.changes,
        resource_id=call.resource_id[:_RESOURCE_CHARACTERS].replace("\0", ""),  # of what is refused its form was not judged
        result=result,
    )


def _refused(call: pipeline.Call, request: Message, refusal: errors.Refused) -> audit_entries.Draft:
    """About the organization or application that was named, whether or not the caller has a right on it."""
    draft, operation = _draft(call, refusal.reason), _operation(call)
    if operation.scope is registry.Scope.APPLICATION:
        return dataclasses.replace(draft, application_id=ids.parse(operation.application_id(request)))
    if operation.scope is registry.Scope.ORGANIZATION and call.organization_id is None:
        return dataclasses.replace(draft, organization_id=ids.parse(operation.organization_id(request)))
    return draft


def _owner(call: pipeline.Call) -> audit_entries.Owner:
    """Whose log it may be. What a person does with the own account is no organization's."""
    principal = call.principal
    is_private = principal.kind == "user" and _operation(call).scope is registry.Scope.USER
    return audit_entries.Owner(
        principal.application_id, () if is_private else tuple(principal.roles), principal.kind == "master"
    )


def _actor(call: pipeline.Call) -> tuple[str, str, str]:
    """Kind, id and credential. Who logs in, or has the token of a message, is known only in the course of the call."""
    principal = call.principal
    if call.person_id is not None:
        return "user", str(call.person_id), principal.credential_id
    if principal.user_id is not None:
        return "user", str(principal.user_id), principal.credential_id
    return principal.kind, principal.credential_id, principal.credential_id


def _operation(call: pipeline.Call) -> registry.Operation:
    if call.operation is None:
        raise AssertionError("a call that changes something knows its operation")
    return call.operation
