"""What a killed owner or a killed postmaster leaves running on a cluster, and how that ends.

PostgreSQL trusts the number in postmaster.pid, which may by now belong to a zombie or to a stranger. Here a process
counts by what it does: it is PostgreSQL and works in this directory. (Without /proc, on macOS: by its command line.)
"""

import asyncio
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterable

from hook0_server.store.embedded.errors import DataDirectoryInUse

# A setting in every command line of ours: what carries it is our own to end.
CLUSTER_NAME = "hook0"
_MARK = f"cluster_name={CLUSTER_NAME}".encode()
_PROC = pathlib.Path("/proc")
_POLL_SECONDS = 0.02
_IMMEDIATE_SECONDS = 5.0


async def clear(cluster: pathlib.Path, patience_seconds: float) -> None:
    """End what still runs on `cluster` and remove its pid file; only for who holds the lock of the data directory.

    A postmaster whose owner was killed is shutting down by then and gets `patience_seconds`. The backends of a killed
    postmaster notice only when they next wait, and write until then: nothing may start before the last has ended.

    Raises:
        DataDirectoryInUse: a PostgreSQL that is not ours works here, or one of ours does not end.
    """
    postmaster = _noted_pid(cluster)
    if postmaster is not None and postmaster in find(cluster):
        if _MARK not in _command_line(postmaster):
            raise DataDirectoryInUse(f"{cluster} is used by another PostgreSQL, process {postmaster}: stop that first")
        _signal([postmaster], signal.SIGINT)
        await _gone(cluster, patience_seconds)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        _signal(find(cluster), number)
        await _gone(cluster, _IMMEDIATE_SECONDS)
    if left := find(cluster):
        raise DataDirectoryInUse(f"{cluster} is used by process {min(left)}, which does not end when it is killed")
    if _PROC.joinpath("self").exists():  # elsewhere PostgreSQL is the better judge of its pid file
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def find(cluster: pathlib.Path) -> set[int]:
    """The processes that work on this cluster: PostgreSQL's, and launchers about to become it."""
    if not _PROC.joinpath("self").exists():
        postmaster = _noted_pid(cluster)
        return {postmaster} if postmaster is not None and _names(_command_line(postmaster), cluster) else set()
    pids = {int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()}
    return {pid for pid in pids if _works_in(pid, cluster) or _names(_command_line(pid), cluster)}


def _works_in(pid: int, cluster: pathlib.Path) -> bool:
    try:
        if _PROC.joinpath(str(pid), "comm").read_text().strip() != "postgres":
            return False
        return _PROC.joinpath(str(pid), "cwd").samefile(cluster)
    except OSError:  # it has ended, is a zombie, or is none of our business
        return False


def _names(command_line: bytes, cluster: pathlib.Path) -> bool:
    return _MARK in command_line and os.fsencode(cluster) in command_line


def _command_line(pid: int) -> bytes:
    if not _PROC.joinpath("self").exists():
        listing = subprocess.run(["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True)  # noqa: S603
        return listing.stdout
    try:
        return _PROC.joinpath(str(pid), "cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def _noted_pid(cluster: pathlib.Path) -> int | None:
    """The first line of postmaster.pid; None when there is none, or a crash left it empty."""
    try:
        first, *_ = (cluster / "postmaster.pid").read_text().splitlines() or [""]
    except FileNotFoundError:
        return None
    return int(first) if first.strip().isdigit() else None


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:  # it ended first, which is what we want
            continue


async def _gone(cluster: pathlib.Path, seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while find(cluster):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
