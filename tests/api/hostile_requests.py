"""Requests that were right until one to three of their fields were made strange, from nothing but their descriptors."""

import base64
import uuid
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

_WORDS = (
    "", " ", "\0", "a\0b", "\ufffe", "\u202e", "\U0001d4b3" * 50, "x" * 100_000, "\U0001f9ff" * 30_000, "%s %(a)s {} '\";--",
    "*", "**", "a.b.c", "a.*.**", "NaN", "null", "{", "[" * 20_000, "1e999999", '{"a":"\\u0000"}', "0001-01-01", "9999-12-31",
    "2024-02-30", "10000-01-01", "http://[::1", "http://\ud7ff.example/", "http://a:b@127.0.0.1:99999/",
    "http://127.0.0.1:9/\r\nx: y",
    str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1)), "a@" + "b" * 300 + ".example", "a@b\0.example",
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(_WORDS),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=60),
    st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    st.uuids().map(str),
)
_INT32 = st.one_of(st.sampled_from((-1, 0, 1, 2**31 - 1, -(2**31), 501)), st.integers(-(2**31), 2**31 - 1))
_INT64 = st.one_of(
    st.sampled_from((-1, 0, 1, 2**63 - 1, -(2**63), 253402300800, -62135596801)), st.integers(-(2**63), 2**63 - 1)
)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BYTES: st.one_of(st.binary(max_size=60), st.sampled_from((b"\0", b"\xff" * 600_000))),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_ENUM: st.one_of(st.integers(0, 6), _INT32),
}
_MOST = 2000  # entries of a repeated field
_LARGEST = 4_000_000


def spoil(message: Message, draw: Any) -> None:
    """Make one field of this message, or of one within it, strange."""
    if isinstance(message, (Timestamp, Duration)):
        message.seconds, message.nanos = draw(_INT64), draw(_INT32)
        return
    fields = message.DESCRIPTOR.fields
    if not fields:
        return
    field = fields[draw(st.integers(0, len(fields) - 1))]
    if field.is_repeated:
        _spoil_many(message, field, draw)
    elif field.message_type is None:
        setattr(message, field.name, draw(_SCALARS[field.type]))
    elif draw(st.integers(0, 9)) == 0:
        message.ClearField(field.name)
    else:
        part = getattr(message, field.name)
        part.SetInParent()
        spoil(part, draw)


def _spoil_many(message: Message, field: FieldDescriptor, draw: Any) -> None:
    values = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _spoil_map(values, draw)
    elif field.message_type is not None:
        each = values[0] if values else values.add()
        spoil(each, draw)
        if draw(st.booleans()):
            values.extend([each] * _count(each.ByteSize(), draw))
    elif isinstance(message, FieldMask):
        values.extend(draw(st.lists(st.one_of(TEXTS, st.sampled_from(("name", "target", "labels", "*", "target.http.url"))))))
    else:
        value = draw(_SCALARS[field.type])
        values.extend([value] * _count(len(str(value)), draw))


def _count(size: int, draw: Any) -> int:
    """As many as still fit into a request."""
    return min(int(draw(st.sampled_from((1, 20, _MOST)))), _LARGEST // (size + 1))


def _spoil_map(values: Any, draw: Any) -> None:
    if draw(st.booleans()):
        values[draw(TEXTS)] = draw(TEXTS)
    else:
        values.update({f"key{at}": "value" for at in range(draw(st.sampled_from((10, 11, _MOST))))})
