"""The processes of one supervisor, and one scrape that answers for all of them.

Each tells its own metrics on a socket that its siblings know by name; whichever gets the scrape asks the others and
merges. The names are abstract ones of Linux: nothing is left on disk by who is killed. Anybody on the machine could take
such a name, so what is told is believed only from our own user.
"""

import asyncio
import contextlib
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import structlog

from hook0_server import metrics

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 2.0  # Prometheus waits for 10
_LARGEST_TEXT_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED
_NAME = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(\{| )")


@dataclass(frozen=True, slots=True)
class Member:
    """One of the processes of a supervisor: 0 … `of` - 1. `group` is a word that no other supervisor has."""

    number: int
    of: int
    group: str

    def name(self, number: int) -> str:
        """Where this one of them tells its metrics: a name in the abstract namespace."""
        return f"\0hook0 {self.group} {number}"


class Scrape:
    """What a scrape gets: the metrics of this process, or where it is a member those of all."""

    def __init__(self, counted: metrics.Metrics, member: Member | None = None) -> None:
        self._counted, self._member = counted, member

    async def text(self) -> bytes:
        """In Prometheus's text form, of type metrics.CONTENT_TYPE."""
        member = self._member
        if member is None:
            return self._counted.text()
        others = [number for number in range(member.of) if number != member.number]
        async with asyncio.TaskGroup() as tasks:
            asked = {number: tasks.create_task(_ask(member, number), name=f"gateway.ask {number}") for number in others}
        told = {number: text for number, task in asked.items() if (text := task.result()) is not None}
        self._counted.processes_left_out.inc(len(others) - len(told))
        return merged({**told, member.number: self._counted.text()})

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """The siblings are answered inside the block. Raises OSError where the name is taken."""
        if self._member is None:
            yield
            return
        name = self._member.name(self._member.number)
        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as waking:
            listening.setblocking(False)
            waking.setblocking(False)
            listening.bind(name)
            listening.listen()
            async with asyncio.TaskGroup() as tasks:
                leaving = asyncio.Event()
                tasks.create_task(self._tell(listening, leaving), name="gateway.tell")
                try:
                    yield
                finally:
                    leaving.set()
                    # A cancellation could lose a connection that has just been accepted: it gets one more to see.
                    with contextlib.suppress(BlockingIOError):  # there are enough already
                        waking.connect(name)

    async def _tell(self, listening: socket.socket, leaving: asyncio.Event) -> None:
        """One after the other: only siblings are answered, and they read."""
        loop = asyncio.get_running_loop()
        while not leaving.is_set():
            try:
                asking, _ = await loop.sock_accept(listening)
            except OSError as failure:  # no file is left for it
                log.warning("metrics.not_told", error=str(failure))
                await asyncio.sleep(_PATIENCE_SECONDS)
                continue
            with asking, contextlib.suppress(OSError):  # it has left, or was too slow: it says so itself
                if _is_ours(asking):
                    async with asyncio.timeout(_PATIENCE_SECONDS):
                        await loop.sock_sendall(asking, self._counted.text())


async def _ask(member: Member, number: int) -> bytes | None:
    """What a sibling tells; None where it is not there, is too slow or is not of our user."""
    loop = asyncio.get_running_loop()
    told = bytearray()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await loop.sock_connect(asking, member.name(number))
                if not _is_ours(asking):
                    raise PermissionError("another user answers")
                while len(told) <= _LARGEST_TEXT_BYTES:
                    if not (chunk := await loop.sock_recv(asking, _CHUNK_BYTES)):
                        return bytes(told)
                    told += chunk
                raise OSError("it says too much")
        except OSError as failure:  # TimeoutError is one
            log.warning("metrics.process_left_out", sibling=number, error=str(failure) or type(failure).__name__)
            return None


def _is_ours(connected: socket.socket) -> bool:
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(credentials)[1] == os.geteuid())


def merged(texts: Mapping[int, bytes]) -> bytes:
    """One exposition of several: each family once, with a label `process` on every sample."""
    heads: dict[str, dict[str, str]] = {}
    samples: dict[str, list[str]] = {}
    for number, text in sorted(texts.items()):
        family = ""
        for line in text.decode().split("\n"):
            if line.startswith("# "):
                _, kind, family, _ = line.split(" ", 3)
                heads.setdefault(family, {}).setdefault(kind, line)
            elif line:
                samples.setdefault(family, []).append(_labelled(line, number))
    lines = [line for family, head in heads.items() for line in (*head.values(), *samples.get(family, ()))]
    return "".join(f"{line}\n" for line in lines).encode()


def _labelled(sample: str, number: int) -> str:
    return _NAME.sub(lambda found: f'{found[1]}{{process="{number}"' + ("," if found[2] == "{" else "} "), sample)
