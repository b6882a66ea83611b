"""Messages as JSON (protobuf's mapping) and as bytes, and back."""

import asyncio
import functools
import re
from collections.abc import Callable, Collection
from concurrent import futures
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from google.protobuf import json_format, message

from hook0_server.api import pipeline
from hook0_server.gateway import compression
from hook0_server.model import errors

Answer = TypeVar("Answer")

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?")

_MOST_ENTRIES = 2_000  # a batch has at most 1,000 events
_MOST_VALUES = 150_000  # and each at most 50 pairs of metadata, 10 labels and 9 fields
_MOST_INLINE_BYTES = 65_536  # what is larger is decoded and compressed beside the loop, which answers others meanwhile


@dataclass(frozen=True, slots=True)
class Codec:
    """One form of messages. `decode` answers what is refused as a value, as it is judged once its caller is known."""

    name: str  # as in a content type
    decode: Callable[[type[message.Message], bytes], pipeline.Decoded]
    encode: Callable[[message.Message], bytes]


def _from_json(kind: type[message.Message], body: bytes) -> pipeline.Decoded:
    """Unknown fields are left out, so that clients may be newer than the server."""
    try:
        found = _object(body)
        _check_size(found)
        _check_bytes(kind.DESCRIPTOR, found)
        return json_format.ParseDict(found, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as failure:
        wrong = f"is not JSON of a {kind.DESCRIPTOR.full_name}: {errors.excerpt(str(failure))}"
        return pipeline.Unreadable(errors.InvalidRequest.of("request", wrong))


def _object(body: bytes) -> dict[str, Any]:
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise ValueError("an object is needed")
    return found


def _check_size(found: dict[str, Any]) -> None:
    """Refuse what no request needs and what takes long: 4 MiB of `{},` would take 26 s to become a message."""
    left = _MOST_VALUES
    waiting: list[Collection[Any]] = [found.values()]
    while waiting:
        values = waiting.pop()
        left -= len(values)
        if left < 0 or len(values) > _MOST_ENTRIES:
            raise ValueError(f"more than {_MOST_ENTRIES} entries in one place, or {_MOST_VALUES} values in all")
        waiting += [each.values() if isinstance(each, dict) else each for each in values if isinstance(each, (dict, list))]


def _check_bytes(kind: Any, found: dict[str, Any]) -> None:
    """Refuse what is no base64, of which protobuf would take the part that is. Its form otherwise is protobuf's to judge."""
    for name, field in _with_bytes(kind).items():
        given = found.get(name)
        for each in given if field.is_repeated and isinstance(given, list) else [given]:
            if field.type == field.TYPE_BYTES and isinstance(each, str) and not _BASE64.fullmatch(each):
                raise ValueError(f"{name} is not base64")
            if field.type == field.TYPE_MESSAGE and isinstance(each, dict):
                _check_bytes(field.message_type, each)


@functools.cache
def _with_bytes(kind: Any) -> dict[str, Any]:
    """The fields that are bytes or hold some, by both names that they have in JSON. No request holds itself."""
    held = [
        field
        for field in kind.fields
        if field.type == field.TYPE_BYTES or (field.type == field.TYPE_MESSAGE and _with_bytes(field.message_type))
    ]
    return {name: field for field in held for name in (field.name, field.json_name)}


def _from_bytes(kind: type[message.Message], body: bytes) -> pipeline.Decoded:
    try:
        return kind.FromString(body)
    except message.DecodeError:
        return pipeline.malformed(kind)


def _to_json(said: message.Message) -> bytes:
    return orjson.dumps(json_format.MessageToDict(said))


JSON = Codec("json", _from_json, _to_json)
PROTO = Codec("proto", _from_bytes, lambda said: said.SerializeToString())
CODECS = {each.name: each for each in (JSON, PROTO)}


class Coder:
    """Decodes and encodes; what is large in one thread of its own. Close it with `with`."""

    def __init__(self) -> None:
        # One: several would take the interpreter from the loop several times as often.
        self._beside = futures.ThreadPoolExecutor(1, "gateway.coder")

    def __enter__(self) -> "Coder":
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown(wait=False, cancel_futures=True)

    async def decode(self, codec: Codec, kind: type[message.Message], body: bytes, *, is_gzip: bool) -> pipeline.Decoded:
        def decode() -> pipeline.Decoded:
            try:
                return codec.decode(kind, compression.inflate(body) if is_gzip else body)
            except errors.InvalidRequest as refusal:
                return pipeline.Unreadable(refusal)

        return await self._run(decode, len(body) * (16 if is_gzip else 1))

    async def encode(self, codec: Codec, said: message.Message, *, accepts_gzip: bool) -> tuple[bytes, bool]:
        """The bytes, and whether they are compressed."""

        def encode() -> tuple[bytes, bool]:
            plain = codec.encode(said)
            is_worth_it = accepts_gzip and len(plain) >= compression.LEAST_BYTES
            return (compression.deflate(plain), True) if is_worth_it else (plain, False)

        return await self._run(encode, said.ByteSize())

    async def _run(self, work: Callable[[], Answer], size_bytes: int) -> Answer:
        if size_bytes <= _MOST_INLINE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._beside, work)
