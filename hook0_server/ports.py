"""Addresses that several processes will share: kept for them by who never accepts.

A socket that is bound and does not listen gets no connections, but its port is taken: for port 0, and while no child lives.
Linux, as SO_REUSEPORT divides connections between processes only there.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def kept(address: str, edge: str) -> Iterator[str]:
    """Keep "host:port" (port 0: any) for processes of this user inside the block; yields it with the number.

    `edge` is who will listen there, for the sentence of the OSError where it is taken or not of this machine.
    """
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as held:
        number = int(port)
        try:
            found = socket.getaddrinfo(host.strip("[]"), number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, _, _, _, place in dict.fromkeys(found):
                number = _keep(held, family, (place[0], number, *place[2:]))
        except OSError as failure:
            raise OSError(f"{edge} cannot listen on {address}: {failure.strerror or failure}.") from failure
        yield f"{host}:{number}"


def _keep(held: contextlib.ExitStack, family: socket.AddressFamily, place: tuple[object, ...]) -> int:
    """Bind with SO_REUSEADDR, as what has just been closed here shall not hinder; then take it back, as it would let in
    whoever has it too. SO_REUSEPORT comes after, for the children: bound with it we would join a stranger who shares.
    """
    bound = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind(place)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    number = int(bound.getsockname()[1])
    _claim(held, f"{place[0]} {number}")
    return number


def _claim(held: contextlib.ExitStack, name: str) -> None:
    """Two may be bound that do not listen: a second supervisor, as long as our children do not listen yet.

    A name in the abstract namespace has one owner, lives in the same network namespace, and ends with its owner.
    """
    claim = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        claim.bind(f"\0hook0 port {name}")
    except OSError as failure:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from failure
