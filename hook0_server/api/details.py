"""Refusals as google.rpc.Status: a code, a sentence and typed details, the same over gRPC and over Connect.

ErrorInfo always (domain `hook0.v1`); BadRequest, RetryInfo, QuotaFailure and ResourceInfo where they apply.
"""

from typing import Any

from google.protobuf import duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]  # ships no types

from hook0_server.api import ending
from hook0_server.model import errors

DOMAIN = "hook0.v1"

# Clients refuse trailers above 8 KiB. The details travel as base64 (4/3) and the sentence percent-encoded (up to 3 times).
_MOST_DETAIL_BYTES = 4800
_MOST_MESSAGE_BYTES = 350
_MOST_TEXT_BYTES = 300
_MOST_FACTS = 10
_ABSENT, _TAKEN = "_NOT_FOUND", ("_ALREADY_EXISTS", "_REUSED")


def to_status(refusal: errors.Refused) -> status_pb2.Status:
    """The whole refusal, cut so that it fits into trailers of 8 KiB; violations are left out from the end."""
    status = status_pb2.Status(
        code=code_pb2.Code.Value(ending.code(refusal)), message=_cut(refusal.message, _MOST_MESSAGE_BYTES)
    )
    bad_request = _bad_request(refusal)
    others = [detail for detail in (_error_info(refusal), _retry_info(refusal), _quota(refusal), _resource(refusal)) if detail]
    while True:
        del status.details[:]
        for detail in [*others, *([bad_request] if bad_request.field_violations else [])]:
            status.details.add().Pack(detail)
        if status.ByteSize() <= _MOST_DETAIL_BYTES or not bad_request.field_violations:
            return status
        del bad_request.field_violations[-1]


def _error_info(refusal: errors.Refused) -> error_details_pb2.ErrorInfo:
    facts = list(refusal.metadata.items())[:_MOST_FACTS]
    return error_details_pb2.ErrorInfo(
        reason=refusal.reason,
        domain=DOMAIN,
        metadata={_cut(name, 64): _cut(value, _MOST_TEXT_BYTES // 2) for name, value in facts},
    )


def _bad_request(refusal: errors.Refused) -> error_details_pb2.BadRequest:
    request = error_details_pb2.BadRequest()
    for violation in refusal.violations:
        request.field_violations.add(
            field=_cut(violation.field, _MOST_TEXT_BYTES),
            description=_cut(violation.description, _MOST_TEXT_BYTES),
            reason=refusal.reason if len(refusal.violations) == 1 else "",
        )
    return request


def _retry_info(refusal: errors.Refused) -> Any:
    if refusal.retry_after is None:
        return None
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(int(refusal.retry_after * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)


def _quota(refusal: errors.Refused) -> Any:
    if not isinstance(refusal, errors.QuotaExceeded):
        return None
    failure = error_details_pb2.QuotaFailure()
    failure.violations.add(
        subject=refusal.metadata.get("quota", refusal.reason), description=_cut(refusal.message, _MOST_TEXT_BYTES)
    )
    return failure


def _resource(refusal: errors.Refused) -> Any:
    """What is absent or taken, from the reason (SUBSCRIPTION_NOT_FOUND) and the fact of that name (subscription_id)."""
    if not isinstance(refusal, (errors.NotFound, errors.AlreadyExists)):
        return None
    noun = refusal.reason
    for suffix in (_ABSENT, *_TAKEN):
        noun = noun.removesuffix(suffix)
    fact = noun.lower().removesuffix("_id")
    name = refusal.metadata.get(f"{fact}_id") or refusal.metadata.get(fact, "")
    kind = "".join(word.capitalize() for word in fact.split("_"))
    return error_details_pb2.ResourceInfo(resource_type=f"{DOMAIN}.{kind}", resource_name=_cut(name, _MOST_TEXT_BYTES))


def _cut(text: str, most_bytes: int) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= most_bytes:
        return text if len(encoded) == len(text) else encoded.decode()
    return encoded[: most_bytes - 3].decode(errors="ignore") + "…"
