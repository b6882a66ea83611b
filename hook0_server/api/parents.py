"""What a call was authorized for."""

import uuid

from hook0_server.api import pipeline
from hook0_server.model import errors


def application(call: pipeline.Call) -> uuid.UUID:
    """The application of an operation with Scope.APPLICATION."""
    if call.application_id is None:
        raise AssertionError("the operation is not declared with Scope.APPLICATION")
    return call.application_id


def organization(call: pipeline.Call, named: str) -> uuid.UUID:
    """The organization of an operation with Scope.ORGANIZATION; '' names the only one.

    Raises NotFound / ORGANIZATION_NOT_FOUND.
    """
    if call.organization_id is None:
        raise AssertionError("the operation is not declared with Scope.ORGANIZATION")
    if named and uuid.UUID(named) != call.organization_id:
        raise errors.NotFound(
            "ORGANIZATION_NOT_FOUND",
            "There is no such organization; leave organization_id empty for the only one.",
            metadata={"organization_id": named},
        )
    return call.organization_id
