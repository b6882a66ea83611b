"""Refusals as gRPC says them: a status code, a sentence, and google.rpc.Status with typed details in the trailers."""

from typing import Any, NoReturn

import grpc

from hook0_server.api import details, ending
from hook0_server.model import errors

DETAILS_KEY = "grpc-status-details-bin"


async def abort(context: "grpc.aio.ServicerContext[Any, Any]", refusal: errors.Refused) -> NoReturn:
    """End the call with this refusal."""
    status = details.to_status(refusal)
    code = grpc.StatusCode[ending.code(refusal)]
    await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))
