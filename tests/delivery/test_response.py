"""However the network cuts a response, and whatever bytes it is made of, the reader ends in a known state."""

import contextlib

import hypothesis
import pytest
from hypothesis import strategies

from hook0_server.delivery import answer, response

RESPONSES = [
    b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: x\r\n\r\n",
    b"HTTP/1.0 204 None\r\n\r\n",
]


def read(*pieces: bytes) -> answer.Reply:
    reader = response.Reader(response.Caps())
    for piece in pieces:
        reader.feed(piece)
    assert reader.complete
    return reader.reply(None)


@pytest.mark.parametrize("whole", RESPONSES)
@hypothesis.given(data=strategies.data())
def test_a_response_reads_the_same_however_it_is_cut(whole: bytes, data: strategies.DataObject) -> None:
    cuts = sorted(data.draw(strategies.sets(strategies.integers(1, len(whole) - 1))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == read(whole)


@hypothesis.given(
    start=strategies.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", *RESPONSES]),
    noise=strategies.lists(strategies.binary(min_size=1, max_size=100), max_size=5),
)
def test_any_bytes_are_a_response_or_malformed(start: bytes, noise: list[bytes]) -> None:
    reader = response.Reader(response.Caps())
    with contextlib.suppress(response.Malformed):
        for piece in filter(None, [start, *noise]):
            if reader.complete:
                break
            reader.feed(piece)
    assert reader.reply(None).status == reader.status


def test_a_reader_takes_one_response_after_another() -> None:
    reader = response.Reader(response.Caps())
    for whole in RESPONSES[:2]:
        reader.begin(bodiless=False)
        reader.feed(whole)
        assert (reader.complete, reader.keep_alive) == (True, True)
