"""Each operation is declared once; the edges walk this table.

A handler is transport-free. Its shape follows the kind:

    UNARY          async def handler(call, request) -> response
    SERVER_STREAM  def handler(call, request) -> AsyncIterator[response]
    BIDI_STREAM    def handler(call, requests: AsyncIterator[request]) -> AsyncIterator[response]

What it refuses it raises as `model.errors.Refused`; everything around it (authentication, field rules, authorization, error
translation, metrics, the log line) is `pipeline`'s.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hook0_server.api import rules as field_rules

PACKAGE = "hook0.v1"
REST_PACKAGE = "hook0.rest"


class Kind(enum.Enum):
    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"


class Scope(enum.Enum):
    """What a credential must have a right on. Who may do what is in access/actions."""

    APPLICATION = "application"  # the application that `application_id` of the request names
    ORGANIZATION = "organization"  # the organization that the request names, or the only visible one
    INSTANCE = "instance"  # the servers themselves
    CALLER = "caller"  # nothing but the action itself: what is answered or made is the caller's own
    USER = "user"  # the person who calls, whole
    PUBLIC = "public"  # nothing: it takes no credential
    STREAM = "stream"  # the handler asks itself, by call.authorize(application_id), for each message
    NAMED = "named"  # the application of what the request names: the handler finds it, and asks by call.authorize


@dataclass(frozen=True, slots=True)
class Operation:
    """One rpc: `hook0.v1.<service>/<method>`, who may call it (`action`, Hook0's word), its field rules and its handler.

    What only REST has is `hook0.rest.<service>/<method>` (`is_rpc` False): gRPC does not serve it, and what it takes and
    answers may be plain records instead of messages.
    """

    service: str
    method: str
    request: type[Any]
    response: type[Any]
    kind: Kind
    action: str  # e.g. event:ingest
    handler: Callable[..., Any]
    scope: Scope = Scope.APPLICATION
    application_id: Callable[[Any], str] = lambda request: str(request.application_id)  # where the request names it
    organization_id: Callable[[Any], str] = lambda request: str(request.organization_id)  # the same
    asks_labels: bool = False  # the handler asks itself, by call.allows_labels, of everything that has some
    rules: Callable[[Any, field_rules.Breaches], None] | None = None
    scope_of: Callable[[Any], Scope] | None = None  # where the request decides; then `scope` says nothing
    organization_action: str = ""  # the action where `scope_of` says ORGANIZATION, when it is another one
    changes: str = ""  # what kind of thing it changes, which the audit log then tells (see api/changes); '': nothing
    resource_id: Callable[[Any], str] | None = None  # where the request names that thing; else the handler says call.concerns
    is_rpc: bool = True

    @property
    def name(self) -> str:
        return f"{PACKAGE if self.is_rpc else REST_PACKAGE}.{self.service}/{self.method}"


def for_rest(operation: Operation, handler: Callable[..., Any], response: type[Any] | None = None) -> Operation:
    """The same for REST alone, with another handler."""
    return dataclasses.replace(operation, handler=handler, response=response or operation.response, is_rpc=False)


def by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """The table. Raises ValueError when two operations have one name."""
    table: dict[str, Operation] = {}
    for operation in operations:
        if operation.name in table:
            raise ValueError(f"{operation.name} is declared twice")
        table[operation.name] = operation
    return table
