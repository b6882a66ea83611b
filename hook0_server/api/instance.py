"""InstanceService: what this instance is, and the servers that share the database, for those who operate them."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata

from hook0_client._gen import error_reasons
from hook0_client._gen.hook0.v1 import instance_service_pb2 as pb2, node_pb2
from hook0_server.api import ending, new_events, pages, pipeline, quotas as limits, registry, rules
from hook0_server.model import page_tokens, quotas
from hook0_server.store import database, nodes, upkeep

MOST_COUNTED = 10_000
_KIND = "nodes"
_EVERYTHING = uuid.UUID(int=0)  # what page tokens of a list without a parent are bound to


class Instance:
    def __init__(
        self, db: database.Database, living_seconds: float, held: quotas.Quotas, about: pb2.GetInstanceResponse
    ) -> None:
        self._db, self._living_seconds, self._quotas, self._about = db, living_seconds, held, about

    async def get(self, call: pipeline.Call, _: pb2.GetInstanceRequest) -> pb2.GetInstanceResponse:
        return self._about

    async def get_quotas(self, call: pipeline.Call, _: pb2.GetQuotasRequest) -> pb2.GetQuotasResponse:
        return pb2.GetQuotasResponse(quotas=limits.message(self._quotas))

    async def list_error_reasons(self, call: pipeline.Call, _: pb2.ListErrorReasonsRequest) -> pb2.ListErrorReasonsResponse:
        return pb2.ListErrorReasonsResponse(
            error_reasons=[
                pb2.ErrorReasonMeaning(reason=name, codes=_codes(meaning), meaning=meaning)
                for name, meaning in error_reasons.MEANINGS.items()
            ]
        )

    async def list_payload_content_types(
        self, call: pipeline.Call, _: pb2.ListPayloadContentTypesRequest
    ) -> pb2.ListPayloadContentTypesResponse:
        return pb2.ListPayloadContentTypesResponse(payload_content_types=new_events.CONTENT_TYPES)

    async def list_nodes(self, call: pipeline.Call, request: pb2.ListNodesRequest) -> pb2.ListNodesResponse:
        size = rules.page_size(request.page_size)
        found = await nodes.page(self._db, after=_after(request.page_token), size=size + 1)
        shown, token = pages.cut(found, size, _KIND, _EVERYTHING, lambda each: each.node_id)
        backlog = await upkeep.backlog(self._db, most=MOST_COUNTED)
        return pb2.ListNodesResponse(
            nodes=map(self._shown, shown),
            next_page_token=token,
            unheld=node_pb2.UnheldDeliveries(due_count=backlog.due, later_count=backlog.later, parked_count=backlog.parked),
        )

    def _shown(self, node: nodes.Node) -> node_pb2.Node:
        return node_pb2.Node(
            node_id=node.node_id,
            host=node.host,
            pid=node.pid,
            version=node.version,
            is_answering=node.is_answering,
            is_sending=node.is_sending,
            started_at=node.started_at,
            since_last_beat=timedelta(seconds=node.since_last_beat),
            is_living=node.since_last_beat <= self._living_seconds,
            held_count=node.held_count,
            in_flight_count=node.in_flight_count,
        )


def _codes(meaning: str) -> list[str]:
    """As a meaning begins: with one code, or with a code for each case."""
    known = {*ending.CODES.values(), "INTERNAL", "UNIMPLEMENTED", "DEADLINE_EXCEEDED"}
    return [word for word in re.findall("[A-Z_]+", meaning.partition(" Example:")[0]) if word in known]


def _after(token: str) -> int:
    """The last number of the page before; 0 for the first page. Raises InvalidRequest / PAGE_TOKEN_INVALID."""
    text = pages.position(token, _KIND, _EVERYTHING)
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < 2**31):
        raise page_tokens.refused()
    return int(text)


def _rules_of_list(request: pb2.ListNodesRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)


@dataclass(frozen=True, slots=True)
class About:
    """What anybody may know. `key`: the public key of what signs tokens."""

    key: str = ""
    registration: bool = True
    verification: bool = False
    password_minimum_length: int = 0

    def message(self) -> pb2.GetInstanceResponse:
        return pb2.GetInstanceResponse(
            version=metadata.version("hook0-grpc"),
            biscuit_public_key=self.key,
            registration_enabled=self.registration,
            email_verification_required=self.verification,
            password_minimum_length=self.password_minimum_length,
        )


def operations(
    db: database.Database, *, living_seconds: float, held: quotas.Quotas | None = None, about: About | None = None
) -> list[registry.Operation]:
    """InstanceService as far as it exists. A node that beat within `living_seconds` is shown as living."""
    handlers = Instance(db, living_seconds, held or quotas.Quotas(), (about or About()).message())
    return [
        registry.Operation(
            "InstanceService", "ListNodes", pb2.ListNodesRequest, pb2.ListNodesResponse, registry.Kind.UNARY,
            "node:list", handlers.list_nodes, registry.Scope.INSTANCE, rules=_rules_of_list,
        ),
        registry.Operation(
            "InstanceService", "GetInstance", pb2.GetInstanceRequest, pb2.GetInstanceResponse, registry.Kind.UNARY,
            "instance:get", handlers.get, registry.Scope.PUBLIC,
        ),
        registry.Operation(
            "InstanceService", "GetQuotas", pb2.GetQuotasRequest, pb2.GetQuotasResponse, registry.Kind.UNARY,
            "instance:get", handlers.get_quotas, registry.Scope.PUBLIC,
        ),
        registry.Operation(
            "InstanceService", "ListErrorReasons", pb2.ListErrorReasonsRequest, pb2.ListErrorReasonsResponse,
            registry.Kind.UNARY, "errors:list", handlers.list_error_reasons, registry.Scope.PUBLIC,
        ),
        registry.Operation(
            "InstanceService", "ListPayloadContentTypes", pb2.ListPayloadContentTypesRequest,
            pb2.ListPayloadContentTypesResponse, registry.Kind.UNARY, "payload_content_types:list",
            handlers.list_payload_content_types, registry.Scope.PUBLIC,
        ),
    ]  # fmt: skip
