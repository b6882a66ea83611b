"""What a call was authorized for."""

import uuid

from hook0_server.api import pipeline


def application(call: pipeline.Call) -> uuid.UUID:
    """The application of an operation with Scope.APPLICATION."""
    if call.application_id is None:
        raise AssertionError("the operation is not declared with Scope.APPLICATION")
    return call.application_id


def organization(call: pipeline.Call) -> uuid.UUID:
    """The organization of an operation with Scope.ORGANIZATION."""
    if call.organization_id is None:
        raise AssertionError("the operation is not declared with Scope.ORGANIZATION")
    return call.organization_id
