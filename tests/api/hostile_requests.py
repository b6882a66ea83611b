"""Requests that were right until one to three of their fields were made strange, from nothing but their descriptors."""

import base64
import math
import uuid
from collections.abc import Callable
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_WORDS = (
    "", " ", "\0", "a\0b", "\ufffe", "\u202e", "\U0001d4b3" * 50, "x" * 100_000, "\U0001f9ff" * 30_000, "%s %(a)s {} '\";--",
    "*", "**", "a.b.c", "a.*.**", "NaN", "null", "{", "[" * 20_000, "1e999999", '{"a":"\\u0000"}', "0001-01-01", "9999-12-31",
    "2024-02-30", "10000-01-01", "http://[::1", "http://\ud7ff.example/", "http://a:b@127.0.0.1:99999/",
    "http://127.0.0.1:9/\r\nx: y",
    str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1)), "a@" + "b" * 300 + ".example", "a@b\0.example",
)  # fmt: skip
_LETTERS = "ab._-*0 \u00e9\u00df\0\n\t/:@\u200b\U0001f9ff"
_INT32, _INT64 = (2**31 - 1, -(2**31), 501), (2**63 - 1, -(2**63), 253402300800, -62135596801)
_NUMBERS = (-1, 0, 1)
_DOUBLES = (0.0, -0.0, -1.0, 0.5, 1e308, 5e-324, math.inf, -math.inf, math.nan)


def text(random: Random) -> str:
    made = (
        lambda: random.choice(_WORDS),
        lambda: "".join(random.choices(_LETTERS, k=random.randrange(40))),
        lambda: "".join(random.choices("abc_", k=random.randrange(2, 20))),
        lambda: base64.urlsafe_b64encode(random.randbytes(random.randrange(60))).decode(),
        lambda: str(uuid.UUID(int=random.getrandbits(128))),
    )
    return random.choice(made)()


def _int32(random: Random) -> int:
    return random.choice((*_NUMBERS, *_INT32, random.randint(-(2**31), 2**31 - 1)))


def _int64(random: Random) -> int:
    return random.choice((*_NUMBERS, *_INT64, random.randint(-(2**63), 2**63 - 1)))


_SCALARS: dict[int, Callable[[Random], Any]] = {
    FieldDescriptor.TYPE_STRING: text,
    FieldDescriptor.TYPE_BYTES: lambda random: random.choice((b"", b"\0", b"\xff" * 600_000, random.randbytes(40))),
    FieldDescriptor.TYPE_BOOL: lambda random: random.random() < 0.5,
    FieldDescriptor.TYPE_DOUBLE: lambda random: random.choice(_DOUBLES),
    FieldDescriptor.TYPE_INT32: _int32,
    FieldDescriptor.TYPE_INT64: _int64,
    FieldDescriptor.TYPE_ENUM: lambda random: random.choice((random.randrange(7), _int32(random))),
}
_MOST = 2000  # entries of a repeated field
_LARGEST = 4_000_000


def spoil(message: Message, random: Random) -> None:
    """Make one field of this message, or of one within it, strange."""
    if isinstance(message, (Timestamp, Duration)):
        message.seconds, message.nanos = _int64(random), _int32(random)
        return
    fields = message.DESCRIPTOR.fields
    if not fields:
        return
    field = random.choice(fields)
    if field.is_repeated:
        _spoil_many(message, field, random)
    elif field.message_type is None:
        setattr(message, field.name, _SCALARS[field.type](random))
    elif random.random() < 0.1:
        message.ClearField(field.name)
    else:
        part = getattr(message, field.name)
        part.SetInParent()
        spoil(part, random)


def _spoil_many(message: Message, field: FieldDescriptor, random: Random) -> None:
    values = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _spoil_map(values, random)
    elif field.message_type is not None:
        each = values[0] if values else values.add()
        spoil(each, random)
        if random.random() < 0.5:
            values.extend([each] * _count(each.ByteSize(), random))
    elif isinstance(message, FieldMask):
        known = ("name", "target", "labels", "*", "target.http.url", text(random))
        values.extend(random.choices(known, k=random.randrange(4)))
    else:
        value = _SCALARS[field.type](random)
        values.extend([value] * _count(len(str(value)), random))


def _count(size: int, random: Random) -> int:
    """As many as still fit into a request."""
    return min(int(random.choice((1, 20, _MOST))), _LARGEST // (size + 1))


def _spoil_map(values: Any, random: Random) -> None:
    if random.random() < 0.5:
        values[text(random)] = text(random)
    else:
        values.update({f"key{at}": "value" for at in range(random.choice((10, 11, _MOST)))})
