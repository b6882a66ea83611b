"""How large a call in the Connect protocol may be, compressed or not."""

import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator

import connecting
import edges
import pytest
import pytest_asyncio

from hook0_server.api import pipeline
from hook0_server.gateway import compression
from hook0_server.model import errors

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTO = "application/proto"
MOST = pipeline.LARGEST_REQUEST_BYTES


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def handler() -> connecting.Handler:
    return connecting.Handler()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port(handler: connecting.Handler) -> AsyncIterator[edges.Port]:
    async with edges.serving(edges.operation("PublishEvent", handler.answer)) as served:
        yield served


async def test_gzip_is_taken_and_given(port: edges.Port) -> None:
    body = gzip.compress(json.dumps({"applicationId": "abc", "event": {"payloadText": " " * 1000}}).encode())
    answer = await connecting.post(port, body, Content_Encoding="gzip", Accept_Encoding="br, gzip")
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert json.loads(gzip.decompress(answer.body))["eventId"] == "abc" * 1000


@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0"])
async def test_an_answer_is_compressed_only_for_who_takes_it(port: edges.Port, accepted: str) -> None:
    answer = await connecting.post(
        port, {"applicationId": "abc", "event": {"payloadText": " " * 1000}}, Accept_Encoding=accepted
    )
    assert "Content-Encoding" not in answer.headers
    assert answer.json["eventId"] == "abc" * 1000


async def test_a_short_answer_is_not_compressed(port: edges.Port) -> None:
    assert "Content-Encoding" not in (await connecting.post(port, Accept_Encoding="gzip")).headers


@pytest.mark.parametrize("given", ["br", "deflate", "gzip, gzip", "zstd"])
async def test_another_compression_is_unimplemented_and_the_supported_ones_are_named(port: edges.Port, given: str) -> None:
    answer = await connecting.post(port, Content_Encoding=given)
    assert (answer.status, answer.json["code"], connecting.reason(answer)) == (501, "unimplemented", "COMPRESSION_UNSUPPORTED")
    assert "gzip, identity" in answer.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-3],
        gzip.compress(b"{}", mtime=0) + b"x",
        gzip.compress(b"{}", mtime=0) * 2,
        b"\x1f\x8b",
    ],
)
async def test_gzip_that_is_none_is_refused(port: edges.Port, body: bytes) -> None:
    answer = await connecting.post(port, body, Content_Encoding="gzip")
    assert (answer.status, connecting.reason(answer)) == (400, "FIELD_INVALID")


async def test_four_mebibytes_are_taken_and_one_byte_more_is_not(port: edges.Port) -> None:
    empty = len(json.dumps({"applicationId": ""}))
    for over, status in ((0, 200), (1, 400)):
        answer = await connecting.post(port, {"applicationId": "x" * (MOST - empty + over)})
        assert answer.status == status
    assert (answer.json["code"], connecting.reason(answer)) == ("invalid_argument", "MESSAGE_TOO_LARGE")


async def test_a_body_without_a_length_is_not_read_past_the_limit(port: edges.Port) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * 1024 * 1024

    answer = await port.ask("POST", edges.PUBLISH, endless(), Content_Type=connecting.JSON)
    assert (answer.status, connecting.reason(answer)) == (400, "MESSAGE_TOO_LARGE")


async def test_a_bomb_is_refused(port: edges.Port) -> None:
    bomb = gzip.compress(b" " * 16 * 1024 * 1024, mtime=0)
    assert connecting.reason(await connecting.post(port, bomb, Content_Encoding="gzip")) == "MESSAGE_TOO_LARGE"


async def test_a_bomb_is_refused_before_it_is_large() -> None:
    bomb, most = gzip.compress(b" " * 32 * 1024 * 1024, mtime=0), 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(errors.InvalidRequest) as caught:
            compression.inflate(bomb, most)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason == "MESSAGE_TOO_LARGE"
    assert peak < 4 * most
