"""Every refusal the server can answer, as one tree.

    Refused                    code it becomes on gRPC    meaning
    ├── InvalidRequest         INVALID_ARGUMENT           a field breaks its rule; `violations` name them (20 at most)
    ├── Unauthenticated        UNAUTHENTICATED            no credential, or one that is not valid
    ├── Denied                 PERMISSION_DENIED          the credential may not do this (or there is no such application)
    ├── NotFound               NOT_FOUND                  what the request names is not there
    ├── AlreadyExists          ALREADY_EXISTS             the id or name is taken by something else
    ├── Precondition           FAILED_PRECONDITION        the state of something forbids it until that is changed
    ├── Conflict               ABORTED                    somebody else changed it first; read again and retry
    ├── OutOfRange             OUT_OF_RANGE               a position that is no longer kept
    ├── QuotaExceeded          RESOURCE_EXHAUSTED         too much at once; `retry_after` says when to come back
    └── Unavailable            UNAVAILABLE                the server or its database cannot now; `retry_after` as above

Anything else that escapes is a fault of the server: INTERNAL with a request id, the stack only in the log.
`reason` is a value of ErrorReason in proto/hook0/v1/error_reason.proto without its prefix; clients rely on it.
`message` is one sentence that says what to do; it never holds a secret, nor more than 100 characters of what was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

MAX_VIOLATIONS = 20  # gRPC trailers are limited to about 8 KiB

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks its rule: where (a proto field path), what was wrong and what is allowed."""

    field: str
    description: str


class Refused(Exception):
    """The root: a stable reason, a sentence, and facts (`metadata`) that a program may read."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] = _NOTHING,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata
        self.violations = tuple(violations[:MAX_VIOLATIONS])
        self.retry_after = retry_after  # seconds


class InvalidRequest(Refused):
    @classmethod
    def of(cls, field: str, description: str, *, reason: str = "FIELD_INVALID") -> "InvalidRequest":
        """The refusal of exactly one field."""
        return cls(reason, f"{field}: {description}", violations=[Violation(field, description)])


class Unauthenticated(Refused):
    pass


class Denied(Refused):
    pass


class NotFound(Refused):
    pass


class AlreadyExists(Refused):
    pass


class Precondition(Refused):
    pass


class Conflict(Refused):
    pass


class OutOfRange(Refused):
    pass


class QuotaExceeded(Refused):
    pass


class Unavailable(Refused):
    pass


def excerpt(text: str) -> str:
    """What was sent, short enough to be shown in an answer."""
    return repr(text if len(text) <= 100 else text[:97] + "…")
