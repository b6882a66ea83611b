"""Whatever a receiver does ends as an outcome, by the deadline, in bounded memory, without a word from the loop."""

import asyncio
import pathlib
import resource
import socket
import threading
import time

import hypothesis
import pytest
from hostile import NO_CONTENT, Do, Step, build, eventually, receiving, sending
from hypothesis import strategies

from hook0_server.delivery import answer, response
from hook0_server.model.outcome import Outcome

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY_DRIP: list[Step] = [b"x", 0.04] * 50


async def treated(*script: Step, deadline: float = 5.0, caps: response.Caps | None = None) -> answer.Answer:
    async with receiving([Do.READ, *script]) as receiver, sending(caps=caps) as sender:
        return await sender.send(receiver.url, deadline=deadline)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        OK + b"X-A: a\x00b\r\n\r\n",
        OK + b"X A: b\r\n\r\n",
        OK + b"X-A: a\r\n folded\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"X-A: " + b"a" * 70_000,
        OK + b"X-A: b\r\n" * 101 + b"\r\n",
        OK + b"".join(b"X-%d: %s\r\n" % (number, b"v" * 2_000) for number in range(50)) + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + NO_CONTENT,
    ],
    ids=lambda garbage: repr(garbage[:40]),
)
async def test_what_is_not_a_response_is_a_protocol_error(garbage: bytes) -> None:
    came = await treated(garbage)
    assert (came.outcome, came.http_status, came.body) == (Outcome.PROTOCOL_ERROR, None, b"")
    assert came.error_message
    assert "\0" not in came.error_message


@pytest.mark.parametrize("broken", [b"zz\r\n", b"3\r\nabcdef\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"\x00"])
async def test_wrong_chunking_after_a_2xx_is_a_success_with_a_cut_body(broken: bytes) -> None:
    came = await treated(CHUNKED + broken)
    assert (came.outcome, came.http_status, came.body_truncated) == (Outcome.SUCCEEDED, 200, True)
    assert came.error_message
    assert "cut off" in came.error_message


async def test_an_early_end_before_the_head_is_a_connection_error() -> None:
    for script in ([Do.CLOSE], [Do.RESET], [OK, Do.CLOSE], [b"H", Do.CLOSE]):
        came = await treated(*script)
        assert (came.outcome, came.http_status) == (Outcome.CONNECTION_ERROR, None)


async def test_an_early_end_within_the_body_leaves_the_status_standing() -> None:
    came = await treated(OK + b"Content-Length: 10\r\n\r\nhalf", Do.CLOSE)
    assert (came.outcome, came.body, came.body_truncated) == (Outcome.SUCCEEDED, b"half", True)
    came = await treated(b"HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nhalf", Do.CLOSE)
    assert (came.outcome, came.http_status, came.body_truncated) == (Outcome.HTTP_ERROR, 500, True)


async def test_a_receiver_that_never_answers_times_out_at_the_deadline() -> None:
    began = time.monotonic()
    came = await treated(deadline=0.2)
    assert came.outcome == Outcome.TIMEOUT
    assert 0.19 <= time.monotonic() - began < 1


async def test_dripping_bytes_do_not_extend_the_deadline() -> None:
    began = time.monotonic()
    dripping: list[Step] = [part for byte in OK for part in (bytes([byte]), 0.04)]
    head = await treated(*dripping, deadline=0.3)
    body = await treated(OK + b"Content-Length: 100\r\n\r\n", *BODY_DRIP, deadline=0.3)
    assert head.outcome == Outcome.TIMEOUT
    assert (body.outcome, body.body_truncated) == (Outcome.SUCCEEDED, True)
    assert time.monotonic() - began < 2


async def test_a_shorter_deadline_on_a_kept_connection_is_kept_too() -> None:
    async with receiving([Do.READ, NO_CONTENT, Do.READ]) as receiver, sending() as sender:
        assert (await sender.send(receiver.url, deadline=60)).outcome == Outcome.SUCCEEDED
        async with asyncio.timeout(2):
            assert (await sender.send(receiver.url, deadline=0.1)).outcome == Outcome.TIMEOUT
    assert receiver.accepted == 1


async def test_a_longer_deadline_on_a_kept_connection_outlives_the_first_ones_timer() -> None:
    script: list[Step] = [Do.READ, NO_CONTENT, Do.READ, 0.4, NO_CONTENT]
    async with receiving(script) as receiver, sending() as sender:
        assert (await sender.send(receiver.url, deadline=0.2)).outcome == Outcome.SUCCEEDED
        assert (await sender.send(receiver.url, deadline=5)).outcome == Outcome.SUCCEEDED
    assert receiver.accepted == 1


async def test_a_deadline_is_kept_after_the_timer_of_an_earlier_one_fired() -> None:
    async with receiving([Do.READ, NO_CONTENT, Do.READ]) as receiver, sending() as sender:
        assert (await sender.send(receiver.url, deadline=0.2)).outcome == Outcome.SUCCEEDED
        async with asyncio.timeout(3):
            assert (await sender.send(receiver.url, deadline=0.4)).outcome == Outcome.TIMEOUT
    assert receiver.accepted == 1


async def test_a_receiver_that_does_not_read_a_large_request_is_ended_by_the_deadline() -> None:
    async with receiving([30.0]) as receiver, sending() as sender:
        async with asyncio.timeout(3):
            came = await sender.send(receiver.url, b"x" * 8_000_000, deadline=0.3)
        assert came.outcome == Outcome.TIMEOUT


async def test_an_answer_before_the_request_was_read_counts_and_the_connection_is_dropped() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    async with receiving([Do.BEGIN, refusal, 5.0]) as receiver, sending() as sender:
        came = await sender.send(receiver.url, b"x" * 8_000_000, deadline=3)
        assert (came.outcome, came.http_status) == (Outcome.HTTP_ERROR, 413)
        assert sender.client.idle_connections == 0


async def test_an_endless_body_is_left_after_the_read_cap() -> None:
    async with asyncio.timeout(5):
        came = await treated(OK + b"\r\n", Do.FLOOD, deadline=60)
    assert (came.outcome, came.body_truncated, len(came.body)) == (Outcome.SUCCEEDED, True, 16_384)


async def test_endless_framing_around_no_body_is_left_after_the_read_cap() -> None:
    caps = response.Caps(body_read=100_000)
    async with asyncio.timeout(5):
        came = await treated(CHUNKED + b"1;", *([b"x" * 50_000] * 20), deadline=60, caps=caps)
    assert (came.outcome, came.body_truncated) == (Outcome.SUCCEEDED, True)
    assert came.error_message == "the response body was cut off: the body is longer than 100000 bytes"


def flood(listener: socket.socket) -> None:
    """Sends a body as fast as the peer takes it, until the peer goes away."""
    peer, _ = listener.accept()
    with peer:
        peer.recv(65_536)
        peer.sendall(OK + b"\r\n")
        block = bytes(1024 * 1024)
        try:
            while True:
                peer.sendall(block)
        except ConnectionError:
            return


async def test_memory_stays_flat_while_a_body_pours_in_until_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=flood, args=(listener,))
        thread.start()
        before = resident_bytes()
        async with sending(caps=response.Caps(body_read=1 << 50)) as sender:
            came = await sender.send(f"http://127.0.0.1:{listener.getsockname()[1]}/", deadline=1.0)
            grown = resident_bytes() - before
        thread.join(5)
    assert not thread.is_alive()
    assert (came.outcome, came.body_truncated) == (Outcome.SUCCEEDED, True)
    assert grown < 20 * 1024 * 1024


def resident_bytes() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_cancelling_a_send_closes_its_connection() -> None:
    async with receiving([Do.READ]) as receiver, sending() as sender:
        waiting = asyncio.create_task(sender.client.send(build(receiver.url), 60))
        await eventually(lambda: receiver.requests)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await eventually(lambda: sender.client.open_connections == 0)


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(
    start=strategies.sampled_from([b"", b"H", b"HTTP/1.1 ", OK, OK + b"\r\n", CHUNKED]),
    noise=strategies.lists(strategies.binary(max_size=200), max_size=4),
)
async def test_random_bytes_always_end_as_an_outcome(start: bytes, noise: list[bytes]) -> None:
    script: list[Step] = [Do.READ, start, *noise, Do.CLOSE]
    async with receiving(script) as receiver, sending() as sender:
        came = await sender.send(receiver.url, deadline=5)
    assert came.outcome in {Outcome.SUCCEEDED, Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR, Outcome.PROTOCOL_ERROR}
