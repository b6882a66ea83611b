"""Which address is called, and what it is called when none can be."""

import asyncio
import socket
import time

import pytest
from hostile import LOOPBACK, ROUND, build, receiving, sending

from hook0_server.delivery import http, resolve
from hook0_server.model.outcome import Outcome


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_refused_connection_is_a_connection_error() -> None:
    async with sending() as sender:
        came = await sender.send(f"http://127.0.0.1:{closed_port()}/")
    assert (came.outcome, came.error_message) == (Outcome.CONNECTION_ERROR, "connecting failed: Connection refused")


async def test_the_next_vetted_address_is_tried_when_one_does_not_connect() -> None:
    async with receiving(ROUND, host="127.0.0.2") as receiver, sending(addresses=["127.0.0.1", "127.0.0.2"]) as sender:
        came = await sender.send(f"http://hooks.test:{receiver.port}/")
    assert came.outcome == Outcome.SUCCEEDED


async def test_ipv6_is_spoken() -> None:
    try:
        async with receiving(ROUND, host="::1") as receiver, sending() as sender:
            came = await sender.send(f"http://[::1]:{receiver.port}/")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert came.outcome == Outcome.SUCCEEDED
    assert f"Host: [::1]:{receiver.port}".encode() in receiver.requests[0]


async def test_one_refused_address_refuses_the_target_and_nothing_is_called() -> None:
    async with receiving(ROUND) as receiver, sending(addresses=["127.0.0.1", "10.0.0.1"]) as sender:
        came = await sender.send(f"http://hooks.test:{receiver.port}/")
    assert (came.outcome, receiver.accepted) == (Outcome.TARGET_REFUSED, 0)
    assert came.error_message == "the target's address is a private address"


async def test_a_name_whose_address_changes_after_the_check_is_called_where_it_was_checked() -> None:
    """Nobody asks again between the check and the dial."""
    asked: list[str] = []

    def rebinding(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    bounds = resolve.Bounds(known_for=0.2)
    resolver = resolve.Resolver(allowed=LOOPBACK, lookup=rebinding, bounds=bounds)
    async with receiving(ROUND) as receiver, http.HttpClient(resolver=resolver) as client:
        request = build(f"http://rebinding.test:{receiver.port}/")
        checked = await client.send(request, 5)
        assert (checked.outcome, asked) == (Outcome.SUCCEEDED, ["rebinding.test"])
        await asyncio.sleep(0.3)  # what was found is forgotten
        changed = await client.send(request, 5)
    assert (changed.outcome, len(asked), receiver.accepted) == (Outcome.TARGET_REFUSED, 2, 1)


async def test_a_kept_connection_to_a_former_address_is_not_used() -> None:
    asked: list[str] = []

    def moving(name: str) -> list[str]:
        asked.append(name)
        return [f"127.0.0.{len(asked)}"]

    bounds = resolve.Bounds(known_for=0.2)
    async with (
        receiving(ROUND * 2) as former,
        http.HttpClient(resolver=resolve.Resolver(allowed=LOOPBACK, lookup=moving, bounds=bounds)) as client,
    ):
        request = build(f"http://moving.test:{former.port}/")
        assert (await client.send(request, 5)).outcome == Outcome.SUCCEEDED
        assert client.idle_connections == 1
        await asyncio.sleep(0.3)  # what was found is forgotten
        moved = await client.send(request, 5)
    assert (moved.outcome, len(former.requests)) == (Outcome.CONNECTION_ERROR, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "127.1."])
async def test_a_literal_is_judged_in_every_spelling(host: str) -> None:
    async with receiving(ROUND) as receiver:
        async with http.HttpClient(resolver=resolve.Resolver()) as client:
            refused = await client.send(build(f"http://{host}:{receiver.port}/"), 5)
        async with sending() as sender:
            allowed = await sender.send(f"http://{host}:{receiver.port}/")
    assert (refused.outcome, allowed.outcome) == (Outcome.TARGET_REFUSED, Outcome.SUCCEEDED)
    assert receiver.accepted == 1


async def test_an_unknown_name_is_a_dns_error_that_says_so() -> None:
    def unknown(name: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with http.HttpClient(resolver=resolve.Resolver(lookup=unknown)) as client:
        came = await client.send(build("http://nobody.test/"), 5)
    assert (came.outcome, came.error_message) == (Outcome.DNS_ERROR, "the name is unknown or has no address")


async def test_the_total_deadline_covers_name_resolution() -> None:
    def slow(name: str) -> list[str]:
        time.sleep(0.5)
        return ["127.0.0.1"]

    async with http.HttpClient(resolver=resolve.Resolver(lookup=slow)) as client:
        came = await client.send(build("http://slow.test/"), 0.1)
    assert (came.outcome, came.error_message) == (Outcome.TIMEOUT, "the deadline passed during name resolution")


async def test_an_address_that_never_answers_ends_with_the_connect_timeout_or_the_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address):  # fills the backlog: further handshakes are left unanswered
            url = f"http://127.0.0.1:{address[1]}/"
            async with asyncio.timeout(3), sending(connect_timeout=0.2) as sender:
                connect = await sender.send(url, deadline=5)
                total = await sender.send(url, deadline=0.1)
    assert (connect.outcome, connect.error_message) == (Outcome.CONNECTION_ERROR, "connecting took longer than 0.2 s")
    assert (total.outcome, total.error_message) == (Outcome.TIMEOUT, "the deadline passed during connecting")
