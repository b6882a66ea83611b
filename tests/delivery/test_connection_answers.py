"""What a receiver answers becomes the outcome, the status and the excerpts."""

import email.utils
import json

import hook0  # type: ignore[import-untyped]
import pytest
from hostile import NO_CONTENT, SECRET, Do, Step, receiving, sending

from hook0_server.delivery import answer, response
from hook0_server.model.outcome import Outcome


async def answered(*script: Step, method: str = "POST", caps: response.Caps | None = None) -> answer.Answer:
    async with receiving([Do.READ, *script]) as receiver, sending(caps=caps) as sender:
        return await sender.send(receiver.url, method=method)


def headers(came: answer.Answer) -> dict[str, str]:
    found: dict[str, str] = json.loads(came.headers or "{}")
    return found


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_success(status: int) -> None:
    came = await answered(b"HTTP/1.1 %d Fine\r\nContent-Length: 0\r\n\r\n" % status)
    assert (came.outcome, came.http_status, came.error_message) == (Outcome.SUCCEEDED, status, None)


@pytest.mark.parametrize("status", [300, 301, 304, 307, 400, 410, 429, 500, 599])
async def test_anything_else_is_an_http_error_and_redirects_are_not_followed(status: int) -> None:
    head = b"HTTP/1.1 %d No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" % status
    came = await answered(head)
    assert (came.outcome, came.http_status) == (Outcome.HTTP_ERROR, status)
    assert came.error_message == f"the receiver answered {status}"


async def test_the_receiver_gets_a_request_that_hook0s_own_verifier_accepts() -> None:
    async with receiving([Do.READ, NO_CONTENT]) as receiver, sending() as sender:
        await sender.send(receiver.url, b'{"a":"\xc3\xa9"}', tenant="acme")
    head, body = receiver.requests[0].split(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert first == "POST /hook HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert headers["x-hook0-attempt"] == "3"
    assert "content-type tenant x-event-id x-event-type" in headers["x-hook0-signature"]
    assert hook0.verify_webhook_signature(headers["x-hook0-signature"], body, headers, SECRET, 1e9)


async def test_headers_are_lower_case_and_repeated_ones_joined() -> None:
    came = await answered(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-B: caf\xe9\r\nContent-Length: 0\r\n\r\n")
    assert headers(came) == {"x-a": "1, 2", "x-b": "café", "content-length": "0"}
    assert not came.headers_truncated


async def test_headers_past_four_kilobytes_are_cut_and_flagged() -> None:
    long = b"".join(b"X-%02d: %s\r\n" % (number, b"v" * 500) for number in range(20))
    came = await answered(b"HTTP/1.1 200 OK\r\n" + long + b"Content-Length: 0\r\n\r\n")
    assert came.headers_truncated
    assert sum(len(name) + len(value) for name, value in headers(came).items()) <= answer.HEADERS_EXCERPT_BYTES
    assert "x-00" in headers(came)


async def test_the_body_is_kept_up_to_the_cap_and_flagged_when_cut() -> None:
    came = await answered(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000)
    assert (len(came.body), came.body_truncated) == (16_384, True)
    exact = await answered(b"HTTP/1.1 200 OK\r\nContent-Length: 16384\r\n\r\n" + b"x" * 16_384)
    assert (len(exact.body), exact.body_truncated) == (16_384, False)


async def test_a_chunked_body_is_put_together() -> None:
    came = await answered(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3;x=y\r\nabc\r\n", b"2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    )
    assert (came.body, came.body_truncated) == (b"abcde", False)
    assert "trailer" not in headers(came)


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_a_response_in_many_pieces_is_the_same_response(pause: float) -> None:
    whole = b"HTTP/1.1 200 OK\r\nX-Long: abc\r\nContent-Length: 5\r\n\r\nabcde"
    pieces: list[Step] = []
    for at in range(0, len(whole), 7 if pause else 1):
        pieces += [whole[at : at + (7 if pause else 1)], pause]
    came = await answered(*pieces)
    assert (came.outcome, came.body, came.error_message) == (Outcome.SUCCEEDED, b"abcde", None)
    assert headers(came) == {"x-long": "abc", "content-length": "5"}


async def test_a_body_may_come_long_after_its_head() -> None:
    came = await answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0.05, b"abcde")
    assert (came.body, came.body_truncated, came.error_message) == (b"abcde", False, None)


async def test_a_compressed_body_is_kept_as_it_came() -> None:
    came = await answered(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
    assert came.body == b"\x1f\x8b\x08\x00"
    assert headers(came)["content-encoding"] == "gzip"


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with receiving([Do.READ, b"HTTP/1.0 200 OK\r\n\r\nall", b" of it", Do.CLOSE]) as receiver, sending() as sender:
        came = await sender.send(receiver.url)
    assert (came.outcome, came.body, came.body_truncated) == (Outcome.SUCCEEDED, b"all of it", False)


async def test_interim_responses_are_skipped() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    came = await answered(early + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (came.http_status, came.body, headers(came)) == (200, b"ok", {"content-length": "2"})


@pytest.mark.parametrize("head", [b"204 None\r\nContent-Length: 4", b"304 Same\r\nContent-Length: 4"])
async def test_a_status_without_a_body_has_none_whatever_its_length_says(head: bytes) -> None:
    came = await answered(b"HTTP/1.1 " + head + b"\r\n\r\n")
    assert (came.http_status, came.body) == (int(head[:3]), b"")


async def test_an_answer_to_head_has_no_body_and_the_connection_is_not_reused() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with receiving([Do.READ, head]) as receiver, sending() as sender:
        came = await sender.send(receiver.url, method="HEAD", deadline=2)
        again = await sender.send(receiver.url, method="HEAD", deadline=2)
    assert (came.outcome, came.body, came.body_truncated) == (Outcome.SUCCEEDED, b"", False)
    assert (again.outcome, receiver.accepted) == (Outcome.SUCCEEDED, 2)


async def test_retry_after_is_read_from_a_429_only() -> None:
    hint = b"Retry-After: 120\r\nContent-Length: 0\r\n\r\n"
    assert (await answered(b"HTTP/1.1 429 Slow\r\n" + hint)).retry_after == 120
    assert (await answered(b"HTTP/1.1 503 Slow\r\n" + hint)).retry_after is None


async def test_retry_after_may_be_a_date() -> None:
    date = email.utils.formatdate(4_000_000_000, usegmt=True).encode()
    came = await answered(b"HTTP/1.1 429 Slow\r\nRetry-After: " + date + b"\r\nContent-Length: 0\r\n\r\n")
    assert came.retry_after == 36_000
