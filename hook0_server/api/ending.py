"""How a call ends: its code, its metrics, its one log line. What was not meant to happen becomes `Internal` here."""

import asyncio
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog

from hook0_server import metrics
from hook0_server.access import rate_limits
from hook0_server.api import registry
from hook0_server.model import errors

log = structlog.get_logger(__name__)

# The canonical codes (google.rpc.Code) of the tree of refusals; both edges have a spelling of their own for each.
CODES: dict[type[errors.Refused], str] = {
    errors.InvalidRequest: "INVALID_ARGUMENT",
    errors.Unauthenticated: "UNAUTHENTICATED",
    errors.Denied: "PERMISSION_DENIED",
    errors.NotFound: "NOT_FOUND",
    errors.AlreadyExists: "ALREADY_EXISTS",
    errors.Precondition: "FAILED_PRECONDITION",
    errors.Conflict: "ABORTED",
    errors.OutOfRange: "OUT_OF_RANGE",
    errors.QuotaExceeded: "RESOURCE_EXHAUSTED",
    errors.Unavailable: "UNAVAILABLE",
}
_OK, _CANCELLED, _INTERNAL = "OK", "CANCELLED", "INTERNAL"

# Thousands of these end well each second: metrics count them, and a line for each would cost more than it says.
_QUIET_ACTIONS = frozenset({"event:ingest"})


class Internal(errors.Refused):
    """A fault of the server. It tells the caller nothing but the request id that leads to the stack in the log."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "INTERNAL",
            f"The server failed; report it with the request id {request_id}.",
            metadata={"request_id": request_id},
        )


def code(refusal: errors.Refused) -> str:
    """The canonical code of a refusal, also of a subclass of one."""
    return next((CODES[kind] for kind in type(refusal).__mro__ if kind in CODES), _INTERNAL)


class Ledger:
    """Writes each call down when it ends, and knows how many are open."""

    def __init__(self, counted: metrics.Metrics) -> None:
        self.metrics = counted
        self.idle = asyncio.Event()  # set while no call is open
        self.idle.set()
        self._open = 0

    def opened(self) -> None:
        self._open += 1
        self.idle.clear()

    def closed(self, operation: registry.Operation, ended: str, seconds: float) -> None:
        """`ended` is a canonical code."""
        self._open -= 1
        if self._open == 0:
            self.idle.set()
        name = operation.name
        self.metrics.rpc_calls[name, ended] += 1
        if operation.kind is registry.Kind.UNARY:
            self.metrics.rpc_seconds[name].add(seconds)

    @property
    def open_calls(self) -> int:
        return self._open


class Entry:
    """One call in the ledger: `with Entry(ledger, operation, request_id):` around everything it does."""

    __slots__ = ("_ledger", "_operation", "_started", "application_id", "credential_id", "request_id")

    def __init__(self, ledger: Ledger, operation: registry.Operation, request_id: str) -> None:
        self._ledger, self._operation, self.request_id = ledger, operation, request_id
        self.credential_id: str | None = None
        self.application_id: uuid.UUID | None = None

    def __enter__(self) -> "Entry":
        self._started = time.perf_counter()
        self._ledger.opened()
        return self

    def __exit__(self, _: type[BaseException] | None, failure: BaseException | None, __: TracebackType | None) -> None:
        refusal = None if failure is None else _refusal_in(failure)
        if refusal is not None:
            self._refused(refusal)
            if refusal is not failure:
                raise refusal from failure
        elif failure is None:
            self._write(log.debug if self._is_quiet() else log.info, _OK)
        elif isinstance(failure, Exception) or _is_stray_cancellation(failure):
            self._write(log.error, _INTERNAL, reason=_INTERNAL, exc_info=failure)
            raise Internal(self.request_id) from failure
        else:
            self._write(log.info, _CANCELLED)

    def _refused(self, refusal: errors.Refused) -> None:
        ended = code(refusal)
        if refusal.reason == "DATABASE_UNAVAILABLE":
            self._ledger.metrics.database_unavailable += 1
        if refusal.reason == rate_limits.REASON:
            if (limit := refusal.metadata.get("limit", "")) in self._ledger.metrics.rate_limited:
                self._ledger.metrics.rate_limited[limit] += 1
            self._write(log.warning, ended, reason=refusal.reason, **refusal.metadata)  # damped: there may be thousands
            return
        self._write(log.warning if ended == "UNAVAILABLE" else log.info, ended, reason=refusal.reason)

    def _is_quiet(self) -> bool:
        return self._operation.action in _QUIET_ACTIONS and self._operation.kind is registry.Kind.UNARY

    def _write(self, write: Callable[..., Any], ended: str, **facts: Any) -> None:
        seconds = time.perf_counter() - self._started
        self._ledger.closed(self._operation, ended, seconds)
        write(
            "rpc.finished",
            method=self._operation.name,
            code=ended,
            ms=round(seconds * 1000, 3),
            principal=self.credential_id,
            application_id=self.application_id and str(self.application_id),
            request_id=self.request_id,
            **facts,
        )


def _refusal_in(failure: BaseException) -> errors.Refused | None:
    """The refusal itself, or the first one of a task group in which nothing else failed."""
    if isinstance(failure, errors.Refused):
        return failure
    if isinstance(failure, BaseExceptionGroup):
        refused, others = failure.split(errors.Refused)
        if others is None and refused is not None:
            return _refusal_in(refused.exceptions[0])
    return None


def _is_stray_cancellation(failure: BaseException) -> bool:
    """A CancelledError although nobody cancelled this task: something the handler awaited was, which is a fault."""
    task = asyncio.current_task()
    return isinstance(failure, asyncio.CancelledError) and task is not None and not task.cancelling()
