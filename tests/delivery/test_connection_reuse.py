"""Connections are kept and used again, but never one that might answer for somebody else."""

import asyncio
import socket

import pytest
from hostile import NO_CONTENT, ROUND, Do, eventually, receiving, sending

from hook0_server.delivery import pace
from hook0_server.model.outcome import Outcome


async def test_a_hundred_requests_use_one_connection() -> None:
    async with receiving(ROUND * 100) as receiver, sending() as sender:
        for _ in range(100):
            assert (await sender.send(receiver.url)).outcome == Outcome.SUCCEEDED
        assert (receiver.accepted, sender.client.idle_connections) == (1, 1)


async def test_a_connection_is_not_used_after_its_receiver_wished_to_close_it() -> None:
    for wish in (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"):
        async with receiving([Do.READ, wish + b"Content-Length: 0\r\n\r\n"]) as receiver, sending() as sender:
            await sender.send(receiver.url)
            await sender.send(receiver.url)
            assert (receiver.accepted, sender.client.idle_connections) == (2, 0)


async def test_http_1_0_with_keep_alive_is_kept() -> None:
    kept = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    async with receiving([Do.READ, kept] * 2) as receiver, sending() as sender:
        await sender.send(receiver.url)
        await sender.send(receiver.url)
    assert receiver.accepted == 1


async def test_a_kept_connection_that_closes_without_an_answer_is_tried_once_on_a_new_one() -> None:
    async with receiving([*ROUND, Do.READ, Do.CLOSE], ROUND) as receiver, sending() as sender:
        await sender.send(receiver.url)
        again = await sender.send(receiver.url)
    assert (again.outcome, receiver.accepted, len(receiver.requests)) == (Outcome.SUCCEEDED, 2, 3)


async def test_only_once() -> None:
    async with receiving([*ROUND, Do.READ, Do.CLOSE], [Do.READ, Do.CLOSE]) as receiver, sending() as sender:
        await sender.send(receiver.url)
        again = await sender.send(receiver.url)
    assert (again.outcome, receiver.accepted) == (Outcome.CONNECTION_ERROR, 2)


async def test_a_new_connection_that_closes_without_an_answer_is_not_tried_again() -> None:
    async with receiving([Do.READ, Do.CLOSE], ROUND) as receiver, sending() as sender:
        assert (await sender.send(receiver.url)).outcome == Outcome.CONNECTION_ERROR
    assert receiver.accepted == 1


async def test_a_kept_connection_that_breaks_within_its_answer_is_not_tried_again() -> None:
    async with receiving([*ROUND, Do.READ, b"HTTP/1.1 ", Do.CLOSE], ROUND) as receiver, sending() as sender:
        await sender.send(receiver.url)
        assert (await sender.send(receiver.url)).outcome == Outcome.CONNECTION_ERROR
    assert receiver.accepted == 1


async def test_a_second_answer_to_one_request_is_never_taken_for_the_next() -> None:
    doubled = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    async with receiving([Do.READ, NO_CONTENT + doubled], ROUND) as receiver, sending() as sender:
        assert (await sender.send(receiver.url)).outcome == Outcome.SUCCEEDED
        assert (await sender.send(receiver.url)).outcome == Outcome.SUCCEEDED
    assert receiver.accepted == 2


async def test_garbage_after_an_answer_leaves_the_answer_whole_and_ends_the_connection() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with receiving([Do.READ, whole + b"!!garbage"], ROUND) as receiver, sending() as sender:
        came = await sender.send(receiver.url)
        assert (came.body, came.body_truncated, came.error_message) == (b"ok", False, None)
        assert (await sender.send(receiver.url)).outcome == Outcome.SUCCEEDED
    assert receiver.accepted == 2


async def test_stray_bytes_on_an_idle_connection_close_it() -> None:
    async with receiving([*ROUND, 0.05, b"stray"], ROUND) as receiver, sending() as sender:
        await sender.send(receiver.url)
        await eventually(lambda: sender.client.open_connections == 0)
        assert (await sender.send(receiver.url)).outcome == Outcome.SUCCEEDED
    assert receiver.accepted == 2


async def first_round(listener: socket.socket) -> socket.socket:
    """Serves one request by hand, so that the test decides when its socket speaks again."""
    loop = asyncio.get_running_loop()
    peer, _ = await loop.sock_accept(listener)
    peer.setblocking(False)
    await loop.sock_recv(peer, 65_536)
    await loop.sock_sendall(peer, NO_CONTENT)
    return peer


async def test_bytes_that_the_loop_has_not_read_yet_do_not_pass_for_the_next_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with sending() as sender:
            served = asyncio.create_task(first_round(listener))
            await sender.send(url)
            with await served as peer:
                peer.send(b"HTTP/1.1 500 Poison\r\nContent-Length: 0\r\n\r\n")  # no await until the next request
                served = asyncio.create_task(first_round(listener))
                assert (await sender.send(url)).http_status == 204
            (await served).close()


async def test_an_idle_connection_that_its_receiver_closed_is_noticed_before_anything_is_written() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with sending() as sender:
            served = asyncio.create_task(first_round(listener))
            await sender.send(url)
            with await served as peer:
                peer.shutdown(socket.SHUT_WR)
                served = asyncio.create_task(first_round(listener))
                assert (await sender.send(url)).outcome == Outcome.SUCCEEDED
                peer.setblocking(True)
                peer.settimeout(5)
                assert peer.recv(1) == b""  # the old connection saw an end, not a second request
            (await served).close()


async def test_idle_connections_are_closed_after_their_time() -> None:
    async with receiving(ROUND) as receiver, sending(idle_seconds=0.1) as sender:
        await sender.send(receiver.url)
        assert sender.client.idle_connections == 1
        await eventually(lambda: sender.client.open_connections == 0)


async def test_as_many_are_kept_as_the_bounds_say() -> None:
    async with receiving(ROUND) as receiver, receiving(ROUND) as other, sending(idle_per_key=2, idle_total=3) as sender:
        await asyncio.gather(*(sender.send(receiver.url) for _ in range(5)))
        assert sender.client.idle_connections == 2
        await asyncio.gather(*(sender.send(other.url) for _ in range(5)))
        assert sender.client.idle_connections == 3


async def test_a_connection_is_never_shared_between_names_of_one_address() -> None:
    async with receiving(ROUND * 2) as receiver, sending(addresses=["127.0.0.1"]) as sender:
        await sender.send(f"http://a.test:{receiver.port}/")
        await sender.send(f"http://b.test:{receiver.port}/")
    assert receiver.accepted == 2


async def test_who_waits_to_dial_takes_what_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(ROUND * 11) as receiver, sending() as sender:
        await sender.send(receiver.url)  # the name is known from here on
        nobody_dials_again(monkeypatch)
        came = await asyncio.gather(*(sender.send(receiver.url) for _ in range(10)))
        assert {each.outcome for each in came} == {Outcome.SUCCEEDED}
        assert (receiver.accepted, sender.client.idle_connections) == (1, 1)


async def test_what_is_given_back_to_somebody_who_waits_no_more_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving([*ROUND, Do.READ, 0.2, NO_CONTENT]) as receiver, sending() as sender:
        await sender.send(receiver.url)
        nobody_dials_again(monkeypatch)
        used = asyncio.create_task(sender.send(receiver.url))
        await asyncio.sleep(0)
        came = await sender.send(receiver.url, deadline=0.05)
        assert (came.outcome, came.error_message) == (Outcome.TIMEOUT, "the deadline passed during name resolution")
        assert (await used).outcome == Outcome.SUCCEEDED
        assert (sender.client.open_connections, sender.client.idle_connections) == (1, 1)


def nobody_dials_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace.Pace, "has_room", False)
    monkeypatch.setattr(pace.Pace, "_let_one_go_on", lambda _: None)
