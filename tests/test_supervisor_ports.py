"""Addresses kept for processes that share them."""

import contextlib
import select
import socket
from collections import Counter

import pytest

from hook0_server import ports

LISTENER_LIMIT = 400  # connections after which two that share a port have surely both had one


def listening(address: str, *, shared: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    try:
        made.bind((host.strip("[]"), int(port)))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


def test_a_kept_port_takes_no_connections_and_those_who_share_it_get_them_all() -> None:
    with contextlib.ExitStack() as opened:
        address = opened.enter_context(ports.kept("127.0.0.1:0", "gRPC"))
        host, _, port = address.rpartition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), 5)
        both = [opened.enter_context(listening(address, shared=True)) for _ in range(2)]
        taken: Counter[socket.socket] = Counter()
        for _ in range(LISTENER_LIMIT):
            opened.enter_context(socket.create_connection((host, int(port)), 5))
            (one,), _, _ = select.select(both, [], [], 5)
            opened.enter_context(one.accept()[0])
            taken[one] += 1
            if len(taken) == 2:
                break
        assert len(taken) == 2


@pytest.mark.parametrize("spelling", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  it fails
def test_a_stranger_cannot_listen_on_a_kept_port_while_no_child_does(spelling: str) -> None:
    with ports.kept("127.0.0.1:0", "gRPC") as address, pytest.raises(OSError, match="in use"):
        listening(address.replace("127.0.0.1", spelling), shared=False)


def test_a_port_where_somebody_listens_is_refused_even_if_he_would_share_it() -> None:
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(ports.kept("127.0.0.1:0", "gRPC"))
        opened.enter_context(listening(first, shared=True))
        with pytest.raises(OSError, match=rf"^HTTP cannot listen on {first}: Address already in use\.$"):
            opened.enter_context(ports.kept(first, "HTTP"))


def test_a_port_that_another_supervisor_keeps_is_refused_before_anybody_listens() -> None:
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(ports.kept("127.0.0.1:0", "gRPC"))
        with pytest.raises(OSError, match=rf"^HTTP cannot listen on {first}: Address already in use\.$"):
            opened.enter_context(ports.kept(first, "HTTP"))
    with ports.kept(first, "HTTP") as again:
        assert again == first


def test_a_port_that_was_just_closed_can_be_kept() -> None:
    """The connection that the server closed first stays in TIME_WAIT on its port."""
    with listening("127.0.0.1:0", shared=False) as before:
        address = f"127.0.0.1:{before.getsockname()[1]}"
        client = socket.create_connection(before.getsockname(), 5)
        before.accept()[0].close()
        assert client.recv(1) == b""
        client.close()
    with ports.kept(address, "gRPC"):
        pass


@pytest.mark.parametrize("address", ["localhost:0", "0.0.0.0:0", "[::1]:0", "[::]:0"])
def test_every_spelling_of_this_machine_can_be_kept(address: str) -> None:
    with ports.kept(address, "gRPC") as kept:
        host, _, port = kept.rpartition(":")
        assert host == address.rpartition(":")[0]
        assert int(port) > 0


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no-such-host.invalid:0"])
def test_what_is_not_of_this_machine_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(OSError, match=rf"^gRPC cannot listen on {address}: .+\.$"), ports.kept(address, "gRPC"):
        pass
