"""Attempts as server-sent events: `curl -N …/v1/applications/<id>/attempts:watch`, and EventSource where it can send headers.

    id: <cursor>        send it back as Last-Event-ID to go on after it, without gap or repetition
    event: attempts     or heartbeat, which has none
    data: {…}           a WatchAttemptsResponse as JSON

A stream that ends says why as `event: error`, with a problem document as data, and with `retry:` where it is worth one.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable
from typing import Any

from aiohttp import web

from hook0_server.api import pipeline, registry
from hook0_server.gateway import caller, codec, problems, watch_query
from hook0_server.model import errors

PATH = "/v1/applications/{application_id}/attempts:watch"
_OPERATION = f"{registry.PACKAGE}.AttemptService/WatchAttempts"
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


def routes(operations: Iterable[registry.Operation], through: pipeline.Pipeline, coder: codec.Coder) -> list[web.RouteDef]:
    """None where attempts are not watched."""
    found = registry.by_name(operations).get(_OPERATION)
    return [] if found is None else [web.get(PATH, Watch(found, through, coder).answer, allow_head=False)]


class Watch:
    def __init__(self, operation: registry.Operation, through: pipeline.Pipeline, coder: codec.Coder) -> None:
        self._operation, self._through, self._coder = operation, through, coder

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises errors.Refused as long as nothing was written."""
        answers = self._through.server_stream(
            self._operation,
            watch_query.read(request),
            authorization=caller.authorization(request),
            source_ip=caller.source_ip(request),
            request_id=caller.request_id(request),
        )
        async with contextlib.aclosing(answers):
            first = await anext(answers)
            response = web.StreamResponse(headers=_HEADERS)
            await response.prepare(request)
            try:
                await self._pass_on(response, first, answers)
            except errors.Refused as refusal:
                await response.write(_error(refusal, caller.request_id(request)))
        await response.write_eof()
        return response

    async def _pass_on(self, response: web.StreamResponse, first: Any, rest: AsyncGenerator[Any, None]) -> None:
        """Each write waits for a client that reads slowly."""
        await response.write(await self._event(first))
        async for said in rest:
            await response.write(await self._event(said))

    async def _event(self, said: Any) -> bytes:
        data, _ = await self._coder.encode(codec.JSON, said, accepts_gzip=False)
        name = "attempts" if said.attempts else "heartbeat"
        return f"id: {said.cursor}\nevent: {name}\ndata: ".encode() + data + b"\n\n"


def _error(refusal: errors.Refused, request_id: str) -> bytes:
    retry = "" if refusal.retry_after is None else f"retry: {int(refusal.retry_after * 1000)}\n"
    return f"{retry}event: error\ndata: ".encode() + problems.body(refusal, request_id) + b"\n\n"
