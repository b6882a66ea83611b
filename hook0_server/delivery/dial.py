"""Opens connections to vetted addresses: TCP, then TLS in the name of the host. Nothing is resolved here."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence

from hook0_server.delivery import connection
from hook0_server.model import targets
from hook0_server.model.outcome import Outcome

Factory = Callable[[targets.Address], connection.Connection]


class Failed(Exception):
    """No connection; `outcome` names the stage (CONNECTION_ERROR or TLS_ERROR), the text is for people."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


async def first(
    target: targets.Target,
    addresses: Sequence[targets.Address],
    tls: ssl.SSLContext,
    timeout: float,
    factory: Factory,
) -> connection.Connection:
    """The first address that answers, in their order, each given `timeout` seconds. Raises the last one's `Failed`."""
    failure: Failed | None = None
    for address in addresses:
        try:
            return await _one(target, address, tls, timeout, factory)
        except Failed as error:
            failure = error
    raise failure or Failed(Outcome.CONNECTION_ERROR, "the target has no address")


async def _one(
    target: targets.Target, address: targets.Address, tls: ssl.SSLContext, timeout: float, factory: Factory
) -> connection.Connection:
    stage = Outcome.CONNECTION_ERROR
    within = asyncio.timeout(timeout)
    try:
        async with contextlib.AsyncExitStack() as unless_kept:
            async with within:
                sock = await _connected(address, target.port, unless_kept)
                if target.scheme == "https":
                    stage = Outcome.TLS_ERROR
                kept = await _wrapped(sock, target, address, tls, factory)
            unless_kept.pop_all()
            return kept
    except TimeoutError as error:
        # The kernel's own ETIMEDOUT is a TimeoutError too, and means the same.
        raise Failed(stage, f"{_STAGES[stage]} took longer than {timeout:g} s") from error
    except OSError as error:
        raise Failed(stage, f"{_STAGES[stage]} failed: {_reason(error)}") from error


async def _connected(address: targets.Address, port: int, unless_kept: contextlib.AsyncExitStack) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    unless_kept.callback(sock.close)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    return sock


async def _wrapped(
    sock: socket.socket, target: targets.Target, address: targets.Address, tls: ssl.SSLContext, factory: Factory
) -> connection.Connection:
    secure = target.scheme == "https"
    _, kept = await asyncio.get_running_loop().create_connection(
        lambda: factory(address),
        sock=sock,
        ssl=tls if secure else None,
        server_hostname=target.host if secure else None,
    )
    return kept


_STAGES = {Outcome.CONNECTION_ERROR: "connecting", Outcome.TLS_ERROR: "the TLS handshake"}


def _reason(error: OSError) -> str:
    """What a person can act on: the system's word for an errno, or the TLS library's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return str(error) or "the connection was closed"
