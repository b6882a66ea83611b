"""Every way a call can fail, as one tree; the names are the server's.

    Hook0Error                 gRPC code
    ├── InvalidRequest         INVALID_ARGUMENT      a field breaks its rule; `violations` name them
    ├── Unauthenticated        UNAUTHENTICATED       no token, or one that is not valid
    ├── Denied                 PERMISSION_DENIED     the token may not do this
    ├── NotFound               NOT_FOUND             what the request names is not there
    ├── AlreadyExists          ALREADY_EXISTS        the id or name is taken by something else
    ├── Precondition           FAILED_PRECONDITION   the state of something forbids it until that is changed
    ├── Conflict               ABORTED               somebody else changed it first; read again and retry
    ├── OutOfRange             OUT_OF_RANGE          a position that is no longer kept
    ├── QuotaExceeded          RESOURCE_EXHAUSTED    too much at once; `retry_after` says when to come back
    ├── Unavailable            UNAVAILABLE           the server, its database or the way there is down; `retry_after`
    ├── DeadlineExceeded       DEADLINE_EXCEEDED     no answer in time: whether it was done is unknown
    └── ServerFault            every other code      a fault; metadata `request_id` leads to the server's log

Source: google.rpc.Status in the answer's trailers, with ErrorInfo (domain `hook0.v1`), BadRequest, QuotaFailure and
RetryInfo; the reasons are listed in proto/hook0/v1/error_reason.proto.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from hook0_client._gen.hook0.v1 import error_reason_pb2, ingestion_service_pb2

DOMAIN = "hook0.v1"

_NOTHING: Mapping[str, str] = MappingProxyType({})
_PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks its rule: its proto path, and what is wrong and allowed."""

    field: str
    description: str


class Hook0Error(Exception):
    """A call that failed.

    `code` is gRPC's; `reason` a stable word to branch on ('' where the answer is not from a Hook0 server, e.g. nobody
    listens); `message` one sentence for people; `metadata` facts for programs; `retry_after` seconds, where the server
    names a time. `str()` is the message.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] = _NOTHING,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = MappingProxyType(dict(metadata))
        self.retry_after = retry_after

    @property
    def field(self) -> str:
        """The first field that breaks its rule; '' where it is not about a field."""
        return self.violations[0].field if self.violations else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(code={self.code.name}, reason={self.reason!r}, message={self.message!r})"


class InvalidRequest(Hook0Error):
    pass


class Unauthenticated(Hook0Error):
    pass


class Denied(Hook0Error):
    pass


class NotFound(Hook0Error):
    pass


class AlreadyExists(Hook0Error):
    pass


class Precondition(Hook0Error):
    pass


class Conflict(Hook0Error):
    pass


class OutOfRange(Hook0Error):
    pass


class QuotaExceeded(Hook0Error):
    pass


class Unavailable(Hook0Error):
    pass


class DeadlineExceeded(Hook0Error):
    pass


class ServerFault(Hook0Error):
    pass


_CLASSES: Mapping[grpc.StatusCode, type[Hook0Error]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: Precondition,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.RESOURCE_EXHAUSTED: QuotaExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}

# What PublishEvent answers these with; every other reason of a refused event is INVALID_ARGUMENT.
_EVENT_CODES: Mapping[int, grpc.StatusCode] = {
    error_reason_pb2.ERROR_REASON_EVENT_TYPE_NOT_FOUND: grpc.StatusCode.FAILED_PRECONDITION,
    error_reason_pb2.ERROR_REASON_EVENT_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    error_reason_pb2.ERROR_REASON_QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def unavailable(message: str) -> Unavailable:
    """The server went quiet or hung up without saying why."""
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "", message)


def fault(message: str) -> ServerFault:
    """The server answered what the protocol does not allow."""
    return ServerFault(grpc.StatusCode.INTERNAL, "", message)


def from_rpc(error: grpc.aio.AioRpcError) -> Hook0Error:
    """What a failed call means. Details that cannot be read are left out; code and message remain."""
    try:
        details = _read(rpc_status.from_call(cast("grpc.Call", error)) or status_pb2.Status())
    except (ValueError, DecodeError):  # trailers that something between us and the server has made up
        details = _Details()
    return _CLASSES.get(error.code(), ServerFault)(
        error.code(),
        details.reason,
        error.details() or error.code().name,
        violations=details.violations,
        metadata=details.metadata,
        retry_after=details.retry_after,
    )


def from_item(refused: ingestion_service_pb2.PublishError) -> Hook0Error:
    """Why one event of a batch was refused: the same class as PublishEvent would raise."""
    code = _EVENT_CODES.get(refused.reason, grpc.StatusCode.INVALID_ARGUMENT)
    return _CLASSES[code](
        code,
        _reason(refused.reason),
        refused.message,
        violations=[Violation(refused.field, refused.message)] if refused.field else (),
    )


def _reason(value: "error_reason_pb2.ErrorReason") -> str:
    """The word of a reason; its number where a newer server has more of them."""
    known = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(value)
    return known.name.removeprefix(_PREFIX) if known else str(value)


@dataclass(slots=True)
class _Details:
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    retry_after: float | None = None


def _read(status: status_pb2.Status) -> _Details:
    read = _Details()
    for detail in status.details:
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.ErrorInfo":
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
                read.reason, read.metadata = (info.reason if info.domain == DOMAIN else ""), dict(info.metadata)
            case "google.rpc.RetryInfo":
                wait = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
                read.retry_after = wait.seconds + wait.nanos / 1e9
            case "google.rpc.BadRequest":
                fields = error_details_pb2.BadRequest.FromString(detail.value).field_violations
                read.violations = [Violation(each.field, each.description) for each in fields]
            case "google.rpc.QuotaFailure":
                quotas = error_details_pb2.QuotaFailure.FromString(detail.value).violations
                read.violations = [Violation(each.subject, each.description) for each in quotas]
    return read
