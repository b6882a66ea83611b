"""Child processes: started, asked for their ready line, ended; and what a process and its descendants cost, from /proc."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

from hook0_server.store.embedded import become

ROOT = pathlib.Path(__file__).parents[1]
_PROC = pathlib.Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LINE_BYTES = 1 << 24
READY_SECONDS = 60.0
_END_SECONDS = 30.0


class Ended(Exception):
    """A child ended before it said what it was asked for; the message ends with its last words."""


class Child:
    """A running process. `ready` is the JSON line that it said first."""

    def __init__(self, running: asyncio.subprocess.Process, log: pathlib.Path) -> None:
        self._running, self._log = running, log
        self.ready: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._running.pid

    def cpu(self) -> float:
        """Seconds of CPU that it and its descendants have used."""
        return cpu(self.pid)

    def memory(self) -> int:
        """Resident bytes of it and its descendants."""
        return memory(self.pid)

    async def said(self, seconds: float) -> dict[str, Any]:
        """Its next line, read as JSON. Raises Ended, TimeoutError."""
        assert self._running.stdout is not None
        async with asyncio.timeout(seconds):
            line = await self._running.stdout.readline()
        if not line:
            raise Ended(f"process {self.pid} ended:\n{self._log.read_text(errors='replace')[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not follow."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._running.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._running.send_signal(number)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_END_SECONDS):
                        await self._running.wait()


@contextlib.asynccontextmanager
async def running(
    command: list[str], log: pathlib.Path, environ: dict[str, str] | None = None, *, ready_seconds: float | None = READY_SECONDS
) -> AsyncIterator[Child]:
    """A child for as long as the block lasts; it ends also when this process is killed. Its errors go to `log`.

    Without `ready_seconds` no ready line is waited for.
    """
    tied = [
        sys.executable,
        "-I",
        "-S",
        become.__file__,
        str(os.getpid()),
        str(int(signal.SIGTERM)),
        "self",
        str(ROOT),
        *command,
    ]
    with log.open("ab") as errors:
        child = Child(
            await asyncio.create_subprocess_exec(
                *tied,
                cwd=ROOT,
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LINE_BYTES,
            ),
            log,
        )
    try:
        if ready_seconds is not None:
            child.ready = await child.said(ready_seconds)
        yield child
    finally:
        await child.end()


def cpu(root: int) -> float:
    """Seconds used by `root` and its descendants, those included that have ended and were waited for by `root`."""
    return sum(_own_cpu(pid) for pid in family(root)) + sum(_stat(root)[13:15]) / _TICKS


def memory(root: int) -> int:
    """Resident bytes of `root` and its descendants; pages that they share are counted once for each."""
    return sum(_stat(pid)[21] * _PAGE for pid in family(root))


def family(root: int) -> list[int]:
    """`root` and its descendants that live now."""
    parents = {pid: _stat(pid)[1] for pid in _all()}
    found = [root]
    for known in found:
        found.extend(pid for pid, parent in parents.items() if parent == known)
    return found


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[int]:
    """Fields 3 and on of /proc/PID/stat, the state as 0; zeros for a process that has ended. See proc(5)."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0] * 50
    return [0, *map(int, fields[1:])]


def _own_cpu(pid: int) -> float:
    """Nanoseconds of the scheduler where the kernel keeps them, else ticks of 10 ms."""
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
        spent = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    except OSError:
        spent = 0
    ticks = sum(_stat(pid)[11:13]) / _TICKS
    return spent / 1e9 if spent else ticks
