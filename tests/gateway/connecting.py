"""Unary calls in the Connect protocol, for tests: a handler that does as it is told, and what an answer says."""

import asyncio
import base64
import json
from typing import Any

import edges
from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # ships no types

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import pipeline

JSON = "application/json"


class Handler:
    """Answers with the application's id; what it is told to do goes by that, too."""

    def __init__(self) -> None:
        self.requests: list[pb2.PublishEventRequest] = []
        self.refusals: dict[str, Exception] = {}
        self.entered, self.left = asyncio.Event(), asyncio.Event()

    async def answer(self, call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
        self.requests.append(request)
        if request.application_id in self.refusals:
            raise self.refusals[request.application_id]
        if request.application_id == "wait":
            self.entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.left.set()
        many = len(request.event.payload_text) or 1
        return pb2.PublishEventResponse(event_id=request.application_id * many, delivery_count=7)


async def post(port: edges.Port, said: Any = None, *, kind: str = JSON, **headers: Any) -> edges.Said:
    body = said if isinstance(said, bytes) else json.dumps({} if said is None else said).encode()
    return await port.ask("POST", edges.PUBLISH, body, Content_Type=kind, **headers)


def detail(answer: edges.Said, name: str) -> Any:
    """A detail of an error, from its bytes; the type has no prefix, and the base64 no padding."""
    (found,) = [each for each in answer.json["details"] if each["type"] == f"google.rpc.{name}"]
    value = found["value"]
    assert "=" not in value
    message = getattr(error_details_pb2, name).FromString(base64.b64decode(value + "=" * (-len(value) % 4)))
    assert found["debug"]
    return message


def reason(answer: edges.Said) -> str:
    return str(detail(answer, "ErrorInfo").reason)
