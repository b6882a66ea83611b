"""JSON of every request: whatever stands in a field, it is read or refused, and never a fault."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from google.protobuf import message

from hook0_client import v1
from hook0_server.api import pipeline
from hook0_server.gateway import codec

REQUESTS = sorted(name for name in dir(v1) if name.endswith("Request"))
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e300, 2**63, -(2**64), "", "x", "\0", "1", "-1s", "1e9s", "9" * 400, "NaN", [], [None], [1],
    [[]], ["x"], [{}], {}, {"x": None}, {"x": {}}, {"seconds": "x"}, {"@type": "x"}, "0000-00-00T00:00:00Z", "2026-01-01",
    "a,b..c",
)  # fmt: skip
_DEPTH = 3


def bodies(kind: Any, depth: int = _DEPTH) -> Iterator[dict[str, Any]]:
    """Each hostile value in each field, also of the messages within."""
    for field in kind.fields:
        for value in HOSTILE:
            yield {field.json_name: value}
        if field.type == field.TYPE_MESSAGE and depth:
            for inner in bodies(field.message_type, depth - 1):
                yield {field.json_name: [inner] if field.is_repeated else inner}


@pytest.mark.parametrize("name", REQUESTS)
def test_whatever_a_field_holds_it_is_read_or_refused(name: str) -> None:
    kind: type[message.Message] = getattr(v1, name)
    for said in bodies(kind.DESCRIPTOR):
        try:
            body = orjson.dumps(said)
        except TypeError:  # orjson has no integers of more than 64 bits
            body = str(said).replace("'", '"').encode()
        found = codec.JSON.decode(kind, body)
        assert isinstance(found, (kind, pipeline.Unreadable)), said
        if isinstance(found, message.Message):
            assert found.SerializeToString() is not None
            codec.JSON.encode(found)


def test_there_are_requests_to_try() -> None:
    assert len(REQUESTS) > 50
