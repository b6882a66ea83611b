"""One route: how a request over REST becomes an operation of the registry, and how its answer is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hook0_server.gateway.rest import asked
from hook0_server.gateway.rest.shapes import kinds

MOST_BODY_BYTES = 2 * 1024 * 1024  # Hook0's
_WITH_BODY = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table; every one is served with and without a slash at its end.

    `read` makes the operation's request and raises problems.Unfit; `show` makes what is answered as JSON, from the answer and
    the request (None: nothing is, as status 204 has it); an iterator for what may be long.
    """

    method: str
    path: str  # below /api/v1
    operation: str  # its whole name: hook0.v1.<service>/<method>, or hook0.rest.… where gRPC has none
    read: Callable[[asked.Asked], Any]
    show: Callable[[Any, asked.Asked], Any] | None
    status: int = 200
    within: str = ""  # what our messages have before the names of fields, e.g. "application."
    problems: Mapping[str, str] = field(default_factory=dict)  # by reason, where they are not those of rest/problems
    headers: Callable[[Any, asked.Asked], Mapping[str, str]] | None = None  # what the answer carries besides
    most_bytes: int = MOST_BODY_BYTES
    takes_body: bool | None = None  # None: POST and PUT do
    described: kinds.Described = field(kw_only=True)  # what the OpenAPI document says of it

    @property
    def has_body(self) -> bool:
        return self.method in _WITH_BODY if self.takes_body is None else self.takes_body
