"""AuditService: who did what. The entries are written by api/changes."""

import re
import uuid
from typing import cast

from hook0_client._gen.hook0.v1 import audit_pb2 as resource_pb2, audit_service_pb2 as pb2
from hook0_server.api import filters, listing, parents, pipeline, registry, rules
from hook0_server.model import errors, ids, page_tokens
from hook0_server.store import audit_entries, database

_KIND = "audit_entries"
_OF_NONE = uuid.UUID(int=0)  # what page tokens are bound to where no organization's entries are listed
_ACTION = re.compile(r"[a-z_]{1,50}:([a-z_]{1,50}|\*)")
_WORDS = ("master", "system")  # actors without an id
_RESOURCE_ID_CHARACTERS = (1, 300)


class Audit:
    def __init__(self, db: database.Database) -> None:
        self._db = db

    async def list(self, call: pipeline.Call, request: pb2.ListAuditEntriesRequest) -> pb2.ListAuditEntriesResponse:
        organization_id = None if request.without_organization else parents.organization(call)
        about = listing.digest(organization_id or _OF_NONE, request.filter)
        texts = listing.position(request.page_token, _KIND, about, 1)
        page = await audit_entries.find(
            self._db,
            organization_id,
            filters.of_audit_entries(request.filter),
            size=rules.page_size(request.page_size),
            below=listing.identity(texts[0]) if texts else None,
        )
        token = page_tokens.encode(_KIND, about, (str(page.next),)) if page.next else ""
        return pb2.ListAuditEntriesResponse(audit_entries=map(_shown, page.rows), next_page_token=token)


def _shown(entry: audit_entries.AuditEntry) -> resource_pb2.AuditEntry:
    return resource_pb2.AuditEntry(
        audit_entry_id=str(entry.audit_entry_id),
        organization_id=str(entry.organization_id or ""),
        application_id=str(entry.application_id or ""),
        recorded_at=entry.recorded_at,
        action=entry.action,
        operation=entry.operation,
        actor_kind=_kind(entry.actor_kind),
        actor_id=entry.actor_id,
        credential_id=entry.credential_id,
        source_ip=entry.source_ip or "",
        request_id=entry.request_id,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        result=entry.result,
    )


def _kind(stored: str) -> resource_pb2.AuditActorKind:
    return cast("resource_pb2.AuditActorKind", resource_pb2.AuditActorKind.Value(f"AUDIT_ACTOR_KIND_{stored.upper()}"))


def _scope(request: pb2.ListAuditEntriesRequest) -> registry.Scope:
    return registry.Scope.INSTANCE if request.without_organization else registry.Scope.ORGANIZATION


def _rules_of_list(request: pb2.ListAuditEntriesRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    if request.organization_id and request.without_organization:
        breaches.add("without_organization", "is set beside organization_id; give one of the two")
    breaches.page(request.page_size)
    _judge_filter(request.filter, breaches)


def _judge_filter(given: resource_pb2.AuditFilter, breaches: rules.Breaches) -> None:
    for name in ("actors", "actions", "resource_ids"):
        if (count := len(getattr(given, name))) > filters.MOST_ENTRIES:
            breaches.add(f"filter.{name}", f"has {count} entries; at most {filters.MOST_ENTRIES} are allowed")
            return
    for at, actor in enumerate(given.actors):
        if actor not in _WORDS and ids.parse(actor) is None:
            breaches.add(f"filter.actors[{at}]", f"{errors.excerpt(actor)} is neither a UUID nor one of {', '.join(_WORDS)}")
    for at, action in enumerate(given.actions):
        if not _ACTION.fullmatch(action):
            described = "is not an action such as subscription:edit, nor all of a subject, such as subscription:*"
            breaches.add(f"filter.actions[{at}]", f"{errors.excerpt(action)} {described}")
    for at, resource_id in enumerate(given.resource_ids):
        breaches.text(f"filter.resource_ids[{at}]", resource_id, *_RESOURCE_ID_CHARACTERS)
    filters.judge_range(given, "after", "before", breaches)


def operations(db: database.Database) -> list[registry.Operation]:
    """AuditService, whole."""
    return [
        registry.Operation(
            "AuditService", "ListAuditEntries", pb2.ListAuditEntriesRequest, pb2.ListAuditEntriesResponse,
            registry.Kind.UNARY, "audit:list", Audit(db).list, rules=_rules_of_list, scope_of=_scope,
        ),
    ]  # fmt: skip
