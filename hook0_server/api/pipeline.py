"""What surrounds every operation, once, for both edges.

rate of the address → authenticate → rate of the credential → field rules → authorize → handler → error → metrics → one
log line. A request that could not be read is judged where its field rules would be, so that nobody without a credential
learns anything. Errors leave as `errors.Refused`; what was not meant to happen leaves as `ending.Internal`, its stack only
in the log. A stream counts as one call: its messages are bounded by the queue.
"""

import asyncio
import contextlib
import itertools
import secrets
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.protobuf.message import Message

from hook0_server import metrics
from hook0_server.access import credentials, permissions, principals, rate_limits
from hook0_server.api import ending, registry, rights, rules
from hook0_server.model import errors, ids

log = structlog.get_logger(__name__)

LARGEST_REQUEST_BYTES = 4 * 1024 * 1024
_GUESSES = frozenset({"CREDENTIALS_MISSING", "CREDENTIALS_INVALID", "TOKEN_REFUSED"})
_UNLIMITED = frozenset({"master", "anonymous"})  # no rate of a credential: all of the latter's callers would share it
STOPPING_SECONDS = 1.0  # a client comes back after this; another server answers then, or this one again


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What an edge passes on in place of a request that is too large, or not the message it should be."""

    refusal: errors.InvalidRequest


def too_large(size_bytes: int | None, most_bytes: int = LARGEST_REQUEST_BYTES) -> Unreadable:
    """`size_bytes` None: nobody read on to count them."""
    what = f"has {'too many' if size_bytes is None else size_bytes} bytes; at most {most_bytes} are allowed"
    return Unreadable(errors.InvalidRequest.of("request", what, reason="MESSAGE_TOO_LARGE"))


def malformed(message: type[Message]) -> Unreadable:
    what = f"is not a {message.DESCRIPTOR.full_name} whose texts are all UTF-8; send one"
    return Unreadable(errors.InvalidRequest.of("request", what))


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A request of which the decoding costs time: it is done once its caller is known."""

    decode: "Callable[[], Awaitable[Decoded]]"


Decoded = Any  # what the operation takes, or Unreadable
Request = Any  # that, or Undecoded


def stopping_refusal() -> errors.Unavailable:
    """How calls are refused and streams end while the server drains."""
    return errors.Unavailable("SERVER_STOPPING", "This server is stopping; connect again.", retry_after=STOPPING_SECONDS)


@dataclass(slots=True)
class Call:
    """What a handler knows of a call besides its request."""

    principal: principals.Principal
    request_id: str  # for logs, and in the INTERNAL error that a caller reports
    source_ip: str | None = None
    application_id: uuid.UUID | None = None  # Scope.APPLICATION: parsed and authorized
    organization_id: uuid.UUID | None = None  # Scope.ORGANIZATION: the one that is named, or the only visible one
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # once set, streams end with `stopping_refusal()`
    _rights: rights.Rights | None = field(default=None, repr=False)
    operation: registry.Operation | None = None
    resource_id: str = ""  # of what is changed; see api/changes, as of the next two
    person_id: uuid.UUID | None = None  # who calls, of a call without a credential: of who logs in
    is_recorded: bool = False  # in the audit log

    def concerns(self, resource_id: object) -> None:
        """Say what is changed, where the request does not."""
        self.resource_id = str(resource_id)

    async def authorize(self, application_id: str) -> uuid.UUID:
        """Scope.STREAM: the application, parsed. Raises InvalidRequest, Denied or NotFound."""
        self.application_id = await self._asked().on_application(self.principal, application_id)
        return self.application_id

    async def allows_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether the credential reaches what carries these labels; only a token that asks for labels may not.

        For operations that are declared with `asks_labels`.
        """
        if self.application_id is None:
            raise AssertionError("labels are asked for within an application")
        if not self.principal.asks_labels:
            return True
        return await self._asked().on_labels(self.principal, self.application_id, labels)

    async def may(self, action: str) -> bool:
        """Whether the credential may also do this on the call's application, or else on its organization."""
        if self.application_id is not None:
            return await self._asked().may(self.principal, action, self.application_id)
        if self.organization_id is not None:
            return await self._asked().may_in(self.principal, action, self.organization_id)
        raise AssertionError("it is asked within an application or an organization")

    async def check_labels(self, labels: Mapping[str, str]) -> None:
        """Raises Denied where `allows_labels` says no."""
        if not await self.allows_labels(labels):
            raise errors.Denied("PERMISSION_DENIED", "A check in the token does not allow these labels; use another token.")

    async def recheck(self) -> None:
        """Raise Unauthenticated (CREDENTIALS_REVOKED) when the credential is valid no more; streams ask every 5 s.

        While the database cannot be reached nothing is known and nothing refused: what the stream does next will fail.
        """
        await self._asked().recheck()

    def _asked(self) -> rights.Rights:
        if self._rights is None:
            raise AssertionError("only a call that a pipeline made can ask for rights")
        return self._rights


class Pipeline:
    """Runs operations for the edges. `stop()` refuses new calls and tells the open streams to end."""

    def __init__(
        self,
        authenticator: credentials.Authenticator,
        permitted: permissions.Permissions,
        counted: metrics.Metrics,
        limits: rate_limits.RateLimits | None = None,
        refused: "Callable[[Call, Message, errors.Refused], Awaitable[None]] | None" = None,
    ) -> None:
        """`limits` None: there are none. `refused` is told of each change that is refused."""
        self._authenticator, self._permissions, self._refused = authenticator, permitted, refused
        self._limits = limits or rate_limits.RateLimits()
        self._ledger = ending.Ledger(counted)
        self._stopping = asyncio.Event()
        self._prefix, self._numbers = secrets.token_hex(6), itertools.count(1)

    def stop(self) -> None:
        """From now on: new calls are refused with SERVER_STOPPING, and `call.stopping` of the open ones is set."""
        self._stopping.set()

    async def idle(self) -> None:
        """Returns when no call is open."""
        await self._ledger.idle.wait()

    @property
    def open_calls(self) -> int:
        return self._ledger.open_calls

    async def unary(
        self,
        operation: registry.Operation,
        request: Request,
        *,
        authorization: str | None,
        source_ip: str | None,
        request_id: str | None = None,
        rights_first: bool = False,
    ) -> Any:
        """The answer. Raises errors.Refused, Internal among them. `request_id` None: it gets a new one.

        `rights_first`: field rules are asked after rights, as in Hook0; the ids in the request must be well-formed then.
        """
        with self._entry(operation, request_id) as entry:
            call = await self._admit(entry, operation, authorization, source_ip)
            decoded = await request.decode() if isinstance(request, Undecoded) else request
            try:
                await self._judge(call, operation, decoded, rights_first=rights_first)
                return await operation.handler(call, decoded)
            except errors.Refused as refusal:
                if operation.changes and self._refused is not None and not isinstance(decoded, Unreadable):
                    await self._refused(call, decoded, refusal)
                raise

    async def server_stream(
        self,
        operation: registry.Operation,
        request: Request,
        *,
        authorization: str | None,
        source_ip: str | None,
        request_id: str | None = None,
    ) -> AsyncGenerator[Message, None]:
        """The answers as they come; closing it (contextlib.aclosing) ends the handler. Raises as `unary` does."""
        with self._entry(operation, request_id) as entry:
            call = await self._admit(entry, operation, authorization, source_ip)
            decoded = await request.decode() if isinstance(request, Undecoded) else request
            await self._judge(call, operation, decoded)
            async with contextlib.aclosing(operation.handler(call, decoded)) as responses:
                async for response in responses:
                    yield response

    async def bidi_stream(
        self,
        operation: registry.Operation,
        requests: AsyncIterator[Decoded],
        *,
        authorization: str | None,
        source_ip: str | None,
    ) -> AsyncGenerator[Message, None]:
        """As `server_stream`, Scope.STREAM only; a refused request raises where the handler takes it."""
        if operation.scope is not registry.Scope.STREAM:
            raise ValueError(f"{operation.name}: the handler of a stream of requests authorizes each itself (Scope.STREAM)")
        with self._entry(operation) as entry:
            call = await self._admit(entry, operation, authorization, source_ip)
            async with contextlib.aclosing(operation.handler(call, _each_judged(operation, requests))) as responses:
                async for response in responses:
                    yield response

    def new_request_id(self) -> str:
        """Leads to the call's line in the log."""
        return f"{self._prefix}-{next(self._numbers):x}"

    def _entry(self, operation: registry.Operation, request_id: str | None = None) -> ending.Entry:
        return ending.Entry(self._ledger, operation, request_id or self.new_request_id())

    async def _admit(
        self, entry: ending.Entry, operation: registry.Operation, authorization: str | None, source_ip: str | None
    ) -> Call:
        if self._stopping.is_set():
            raise stopping_refusal()
        principal = await self._authenticated(operation, authorization, source_ip)
        entry.credential_id = principal.credential_id
        if principal.kind not in _UNLIMITED:
            self._limits.called_by(principal.credential_id)
        held = rights.Rights(self._authenticator, self._permissions, operation, authorization, entry)
        return Call(principal, entry.request_id, source_ip, None, None, self._stopping, held, operation)

    async def _authenticated(
        self, operation: registry.Operation, authorization: str | None, source_ip: str | None
    ) -> principals.Principal:
        """Who guesses is refused before the database is asked; a neighbour behind the same address calls on."""
        network = rate_limits.network(source_ip)
        self._limits.called_from(network)
        if operation.scope is registry.Scope.PUBLIC:
            return principals.ANONYMOUS  # whatever is sent along
        if not self._authenticator.was_valid(authorization):
            self._limits.may_try(network)
        try:
            return await self._authenticator.authenticate(authorization)
        except errors.Unauthenticated as refusal:
            if refusal.reason in _GUESSES:
                self._limits.failed(network)
            raise

    async def _judge(self, call: Call, operation: registry.Operation, request: Decoded, *, rights_first: bool = False) -> None:
        readable = _readable(request) if rights_first else _judged(operation, request)
        if operation.resource_id is not None:
            resource_id = operation.resource_id(readable)
            call.concerns(ids.parse(resource_id) or resource_id)
        await self._authorize(call, operation, readable)
        if rights_first:
            _judged(operation, readable)

    async def _authorize(self, call: Call, operation: registry.Operation, readable: Any) -> None:
        scope = operation.scope_of(readable) if operation.scope_of else operation.scope
        if scope is registry.Scope.APPLICATION:
            await call.authorize(operation.application_id(readable))
        elif scope is registry.Scope.ORGANIZATION:
            named = ids.parse(operation.organization_id(readable))  # its form is a field rule's
            action = operation.organization_action or operation.action
            call.organization_id = await self._permissions.on_organization(call.principal, action, named)
        elif scope is registry.Scope.INSTANCE:
            self._permissions.on_instance(call.principal, operation.action)
        elif scope is registry.Scope.CALLER:
            self._permissions.on_caller(call.principal, operation.action)
        elif scope is registry.Scope.USER:
            self._permissions.on_self(call.principal, operation.action)


def _readable(request: Decoded) -> Any:
    if isinstance(request, Unreadable):
        raise request.refusal
    return request


def _judged(operation: registry.Operation, request: Decoded) -> Any:
    """The request, once its field rules hold."""
    readable = _readable(request)
    if operation.rules is not None:
        breaches = rules.Breaches()
        operation.rules(readable, breaches)
        breaches.refuse()
    return readable


async def _each_judged(operation: registry.Operation, requests: AsyncIterator[Decoded]) -> AsyncGenerator[Message, None]:
    async for request in requests:
        yield _judged(operation, request)
