"""However the network cuts a response, and whatever bytes it is made of, the reader ends in a known state."""

import contextlib
from collections.abc import Iterable

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


def outcome(pieces: Iterable[bytes], caps: response.Caps) -> tuple[object, ...]:
    """All that a connection learns of a response: what it is, and whether it was refused in head or body."""
    reader = response.Reader(caps)
    refused = False
    for piece in pieces:
        if reader.complete:
            break
        try:
            reader.feed(piece)
        except response.Malformed:
            refused = True
            break
    if refused:  # how much came before it was refused depends on the cuts, and nothing else does
        return True, reader.status
    reply = reader.reply(None)
    return False, reader.status, reader.complete, reply.headers, reply.body, reply.body_truncated


HEADERS = strategies.lists(
    strategies.sampled_from([b"X-A: 1", b"x-a:2", b"Connection: close", b"Retry-After: 5", b"X-B: " + b"b" * 900, b"Broken"]),
    max_size=4,
)


@strategies.composite
def responses(draw: strategies.DrawFn) -> bytes:
    """Interim ones first or not; a length that is right, wrong or absent, chunks with extensions and trailers, broken lines."""
    interim = b"".join(draw(strategies.lists(strategies.sampled_from([b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"]), max_size=2)))
    status = draw(strategies.sampled_from([b"200 OK", b"204 None", b"304 Same", b"500 No", b"429 Wait", b"099 Odd", b"2x0"]))
    version = draw(strategies.sampled_from([b"HTTP/1.1", b"HTTP/1.0"]))
    head = b"".join(line + b"\r\n" for line in draw(HEADERS))
    body = draw(strategies.binary(max_size=60))
    framed = draw(strategies.sampled_from(["length", "long", "chunked", "none"]))
    if framed == "chunked":
        chunk = b"%x;ext=1\r\n%b\r\n" % (len(body), body) if body else b""
        return b"%b%b %b\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\nT: t\r\n\r\n" % (interim, version, status, head, chunk)
    length = {"length": b"Content-Length: %d\r\n" % len(body), "long": b"Content-Length: 999\r\n", "none": b""}[framed]
    return b"%b%b %b\r\n%b%b\r\n%b" % (interim, version, status, head, length, body)


@hypothesis.given(whole=responses())
def test_every_response_ends_the_same_wherever_it_is_split(whole: bytes) -> None:
    # A body of the cap's size is whole where its last byte came in the read that passed it: no body drawn is that long.
    caps = response.Caps(head=500, header_count=6, body_read=400, body_kept=20)
    expected = outcome([whole], caps)
    assert outcome([whole[at : at + 1] for at in range(len(whole))], caps) == expected
    for at in range(1, len(whole)):
        assert outcome([whole[:at], whole[at:]], caps) == expected, at


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
