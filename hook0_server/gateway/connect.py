"""The Connect protocol (version 1): every rpc of the registry at POST /hook0.v1.Service/Method, as JSON or as bytes.

What has no side effects may be asked by GET, too. Streams of answers are in `connect_stream`. The handlers, and everything
around them, are those of gRPC.
"""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler
from google.protobuf import descriptor_pb2

from hook0_server.api import pipeline, registry
from hook0_server.gateway import bodies, caller, codec, compression, connect_call, connect_errors, connect_stream, refusals
from hook0_server.model import errors

_NO_SIDE_EFFECTS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS


def routes(operations: Iterable[registry.Operation], through: pipeline.Pipeline, coder: codec.Coder) -> list[web.RouteDef]:
    """One for each rpc, and one for what is none."""
    served = [web.route("*", f"/{each.name}", _answering(_handler(each, through, coder))) for each in operations]
    return [*served, web.route("*", f"/{registry.PACKAGE}.{{rest:.*}}", _answering(_unknown))]


def _handler(operation: registry.Operation, through: pipeline.Pipeline, coder: codec.Coder) -> Handler:
    if operation.kind is registry.Kind.UNARY:
        return Unary(operation, through, coder).answer
    return connect_stream.Stream(operation, through, coder).answer


def _answering(handler: Handler) -> Handler:
    """What is raised is said in the protocol's own form."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except errors.Refused as refusal:
            return connect_errors.response(refusal)

    return answer


async def _unknown(request: web.Request) -> web.StreamResponse:
    raise refusals.path_not_found(request.path)


class Unary:
    """One rpc that takes one request and gives one answer."""

    def __init__(self, operation: registry.Operation, through: pipeline.Pipeline, coder: codec.Coder) -> None:
        self._operation, self._through, self._coder = operation, through, coder
        self._methods = ("GET", "POST") if has_no_side_effects(operation) else ("POST",)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method not in self._methods:
            raise refusals.method_not_allowed(request.method, self._methods)
        milliseconds = connect_call.timeout(request)
        try:
            async with asyncio.timeout(None if milliseconds is None else milliseconds / 1000):
                return await self._answer(request)
        except TimeoutError as late:
            raise refusals.deadline_exceeded(milliseconds or 0) from late

    async def _answer(self, request: web.Request) -> web.Response:
        form, asked = await (self._of_query if request.method == "GET" else self._of_body)(request)
        said = await self._through.unary(
            self._operation,
            asked,
            authorization=caller.authorization(request),
            source_ip=caller.source_ip(request),
            request_id=caller.request_id(request),
        )
        accepted = compression.accepts_gzip(",".join(request.headers.getall("Accept-Encoding", [])))
        body, is_gzip = await self._coder.encode(form, said, accepts_gzip=accepted)
        headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if is_gzip else {})
        return web.Response(body=body, content_type=f"application/{form.name}", headers=headers)

    async def _of_body(self, request: web.Request) -> tuple[codec.Codec, pipeline.Request]:
        form = connect_call.form(request, "application/")
        connect_call.check_version(request.headers.get("Connect-Protocol-Version"), "Connect-Protocol-Version", "1")
        is_gzip = connect_call.is_gzip("Content-Encoding", request.headers.get("Content-Encoding", ""))
        try:
            body = await bodies.read(request)
        except errors.InvalidRequest as refusal:
            return form, pipeline.Unreadable(refusal)
        return form, self._undecoded(form, body, is_gzip=is_gzip)

    async def _of_query(self, request: web.Request) -> tuple[codec.Codec, pipeline.Request]:
        asked = connect_call.query(request)
        return asked.form, self._undecoded(asked.form, asked.body, is_gzip=asked.is_gzip)

    def _undecoded(self, form: codec.Codec, body: bytes, *, is_gzip: bool) -> pipeline.Undecoded:
        return pipeline.Undecoded(lambda: self._coder.decode(form, self._operation.request, body, is_gzip=is_gzip))


def has_no_side_effects(operation: registry.Operation) -> bool:
    """What the proto declares."""
    service = operation.request.DESCRIPTOR.file.services_by_name.get(operation.service)
    method = service and service.methods_by_name.get(operation.method)
    return bool(method and method.GetOptions().idempotency_level == _NO_SIDE_EFFECTS)
