"""Streams of answers in the Connect protocol: envelopes, of which the last one says how it ended."""

import asyncio
import contextlib
import struct

from aiohttp import web
from google.protobuf import message

from hook0_server.api import pipeline, registry
from hook0_server.gateway import bodies, caller, codec, compression, connect_call, connect_errors, refusals
from hook0_server.model import errors

_HEAD = struct.Struct(">BI")  # flags, and the length of what follows
_COMPRESSED, _END = 0x01, 0x02
_PREFIX = "application/connect+"
# What this port cannot carry, HTTP/1.1 as it is, and what to call there.
_INSTEAD = {"PublishEventStream": "PublishEvents"}


class Stream:
    """One rpc that gives a stream of answers. One that takes a stream, too, is refused: it needs HTTP/2."""

    def __init__(self, operation: registry.Operation, through: pipeline.Pipeline, coder: codec.Coder) -> None:
        self._operation, self._through, self._coder = operation, through, coder

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What is wrong from here on is told in the stream, except what makes it none."""
        if request.method != "POST":
            raise refusals.method_not_allowed(request.method, ("POST",))
        form = connect_call.form(request, _PREFIX)
        accepted = ",".join(request.headers.getall("Connect-Accept-Encoding", []))
        writing = _Writing(request, form, self._coder, accepts_gzip=compression.accepts_gzip(accepted))
        try:
            await self._answer_by(request, form, writing)
        except errors.Refused as refusal:
            return await writing.end(refusal)
        return await writing.end(None)

    async def _answer_by(self, request: web.Request, form: codec.Codec, writing: "_Writing") -> None:
        if self._operation.kind is not registry.Kind.SERVER_STREAM:
            writing.response.force_close()  # its requests have no end
            raise _two_ways(self._operation)
        connect_call.check_version(request.headers.get("Connect-Protocol-Version"), "Connect-Protocol-Version", "1")
        milliseconds = connect_call.timeout(request)
        try:
            async with asyncio.timeout(None if milliseconds is None else milliseconds / 1000):
                await self._pass_on(request, await self._read(request, form), writing)
        except TimeoutError as late:
            raise refusals.deadline_exceeded(milliseconds or 0) from late

    async def _pass_on(self, request: web.Request, asked: pipeline.Request, writing: "_Writing") -> None:
        answers = self._through.server_stream(
            self._operation,
            asked,
            authorization=caller.authorization(request),
            source_ip=caller.source_ip(request),
            request_id=caller.request_id(request),
        )
        async with contextlib.aclosing(answers):
            async for said in answers:
                await writing.write(said)

    async def _read(self, request: web.Request, form: codec.Codec) -> pipeline.Request:
        connect_call.check_identity("Content-Encoding", request.headers.get("Content-Encoding", ""))
        named = connect_call.is_gzip("Connect-Content-Encoding", request.headers.get("Connect-Content-Encoding", ""))
        try:
            body = await bodies.read(request, pipeline.LARGEST_REQUEST_BYTES + _HEAD.size)
            is_gzip, said = _only_one(body)
            if is_gzip and not named:
                raise errors.InvalidRequest.of("request", "is flagged as compressed, but Connect-Content-Encoding says not how")
        except errors.InvalidRequest as refusal:
            return pipeline.Unreadable(refusal)
        return pipeline.Undecoded(lambda: self._coder.decode(form, self._operation.request, said, is_gzip=is_gzip))


class _Writing:
    """The answer: begun with its first envelope, ended by `end`."""

    def __init__(self, request: web.Request, form: codec.Codec, coder: codec.Coder, *, accepts_gzip: bool) -> None:
        headers = {"Content-Type": f"{_PREFIX}{form.name}", "Connect-Accept-Encoding": "gzip", "X-Accel-Buffering": "no"}
        if accepts_gzip:
            headers["Connect-Content-Encoding"] = "gzip"
        self.response = web.StreamResponse(headers=headers)
        self._request, self._form, self._coder, self._accepts_gzip = request, form, coder, accepts_gzip

    async def write(self, said: message.Message) -> None:
        """Waits for a client that reads slowly."""
        body, is_gzip = await self._coder.encode(self._form, said, accepts_gzip=self._accepts_gzip)
        await self._envelope(_COMPRESSED if is_gzip else 0, body)

    async def end(self, refusal: errors.Refused | None) -> web.StreamResponse:
        await self._envelope(_END, connect_errors.end_of_stream(refusal))
        await self.response.write_eof()
        return self.response

    async def _envelope(self, flags: int, body: bytes) -> None:
        if not self.response.prepared:
            await self.response.prepare(self._request)
        await self.response.write(_HEAD.pack(flags, len(body)) + body)


def _only_one(body: bytes) -> tuple[bool, bytes]:
    """Whether the only message of a request is compressed, and the message. Raises InvalidRequest."""
    if len(body) < _HEAD.size:
        raise errors.InvalidRequest.of("request", "has no envelope: 5 bytes with flags and length, and one message")
    flags, length = _HEAD.unpack_from(body)
    if flags & ~_COMPRESSED:
        raise errors.InvalidRequest.of("request", f"has an envelope with the flags {flags}; allowed are 0 and 1")
    if length != len(body) - _HEAD.size:
        told = f"has an envelope of {length} bytes, and {len(body) - _HEAD.size} follow; send exactly one message"
        raise errors.InvalidRequest.of("request", told)
    return bool(flags), body[_HEAD.size :]


def _two_ways(operation: registry.Operation) -> refusals.Unserved:
    instead = _INSTEAD.get(operation.method)
    advice = f"call {registry.PACKAGE}.{operation.service}/{instead} here, or use gRPC" if instead else "use gRPC"
    return refusals.Unserved(
        "STREAM_UNSUPPORTED",
        f"{operation.name} takes a stream of requests, for which HTTP/1.1 has no form; {advice}.",
        code="UNIMPLEMENTED",
    )
