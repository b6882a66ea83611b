"""What the embedded PostgreSQL keeps on disk: its lock, cluster, log and socket. All in the data directory but a socket
whose path would be too long for the system.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator

from hook0_server.store.embedded.errors import DataDirectoryInUse, EmbeddedError, WrongVersion
from hook0_server.store.embedded.process import User

PORT = 5432
_SOCKET_NAME = f".s.PGSQL.{PORT}"
_SOCKET_PATH_MAX_BYTES = 103  # sun_path is 108 on Linux and 104 on macOS, with its final zero
_LOG_MAX_BYTES = 10 * 1024 * 1024
_LOG_LINES_SHOWN = 8
_NEW_CLUSTER = "postgres.new-"


@contextlib.contextmanager
def hold(data_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Make the data directory if needed, lock it, and give its absolute path.

    The kernel takes the lock back when this process dies, however it dies.

    Raises:
        DataDirectoryInUse: another process holds it.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            raise DataDirectoryInUse(
                f"the data directory {data_dir} is in use by process {holder}: "
                "stop that server first, or choose another HOOK0_DATA_DIR"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield data_dir
    finally:
        os.close(lock)


def has_cluster(cluster: pathlib.Path, major: int) -> bool:
    """Whether `cluster` is there, complete and of this major version.

    Raises:
        WrongVersion: another major version made it.
        EmbeddedError: the directory holds something else.
    """
    if not cluster.exists() or not any(cluster.iterdir()):
        return False
    try:
        made_by = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedError(f"{cluster} is not a PostgreSQL data directory: move it away, a new one is made") from None
    if made_by != str(major):
        raise WrongVersion(
            f"{cluster} was made by PostgreSQL {made_by}, this is PostgreSQL {major}: "
            f"move it with pg_dump, or choose another HOOK0_DATA_DIR"
        )
    return True


@contextlib.contextmanager
def making_cluster(cluster: pathlib.Path, user: User, *, durable: bool) -> Iterator[pathlib.Path]:
    """Give initdb an empty directory of its own, which becomes `cluster` only when the body succeeds."""
    for abandoned in cluster.parent.glob(f"{_NEW_CLUSTER}*"):
        # An initdb that has just been killed may have a last child writing here: then the next start removes the rest.
        shutil.rmtree(abandoned, ignore_errors=True)
    new = pathlib.Path(tempfile.mkdtemp(prefix=_NEW_CLUSTER, dir=cluster.parent))
    try:
        if user.uid != os.geteuid():
            os.chown(new, user.uid, user.gid)
        yield new
        new.rename(cluster)
        if durable:
            _flush(cluster.parent)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)  # the reason for failing is the better error
        raise


def _flush(directory: pathlib.Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hand_over(cluster: pathlib.Path, user: User) -> None:
    """Give the cluster to `user`. Its top comes last, so that a hand over cut short is done again."""
    if cluster.stat().st_uid == user.uid:
        return
    for folder, _, files in os.walk(cluster, topdown=False):
        for name in files:
            os.chown(pathlib.Path(folder, name), user.uid, user.gid, follow_symlinks=False)
        os.chown(folder, user.uid, user.gid)


def open_log(path: pathlib.Path) -> int:
    """A descriptor that appends; see `bound_log`."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def end_of_log(path: pathlib.Path) -> int:
    return path.stat().st_size


def bound_log(path: pathlib.Path) -> None:
    """Keep the log small: past 10 MiB it moves to `postgres.log.1` and begins anew.

    PostgreSQL writes through a descriptor that appends, so the file can be emptied under it.
    """
    if end_of_log(path) > _LOG_MAX_BYTES:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


def last_lines(log: pathlib.Path, offset: int) -> str:
    """The end of what was written to the log after `offset`, for an error message."""
    with log.open("rb") as lines:
        lines.seek(offset)
        written = lines.read().decode(errors="replace").strip().splitlines()
    return "\n".join(f"  {line}" for line in written[-_LOG_LINES_SHOWN:]) or "  (it wrote nothing)"


@contextlib.contextmanager
def socket_directory(cluster: pathlib.Path, user: User) -> Iterator[pathlib.Path]:
    """Where the socket lives: in the cluster, or in a short private directory that goes away afterwards.

    A short one when the path is too long for a socket, or has what the connection string would read as a list.
    Its name follows from the cluster's, so that what a killed server left is used again.
    """
    if _fits(cluster):
        yield cluster
        return
    name = f"hook0-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"
    short = _runtime_directory(name) / name
    _own_privately(short, user)
    try:
        yield short
    finally:
        remove_socket(short)
        short.rmdir()


def remove_socket(directory: pathlib.Path) -> None:
    """PostgreSQL would trust the number in the socket's lock file, too; call it when no server is left."""
    for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
        (directory / name).unlink(missing_ok=True)


def _fits(directory: pathlib.Path) -> bool:
    too_long = len(os.fsencode(directory / _SOCKET_NAME)) > _SOCKET_PATH_MAX_BYTES
    return not too_long and re.fullmatch(r"[A-Za-z0-9/._+ -]+", str(directory)) is not None


def _runtime_directory(name: str) -> pathlib.Path:
    given = pathlib.Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108  a private directory in it
    usable = given.is_absolute() and given.is_dir() and os.access(given, os.W_OK | os.X_OK)
    return given if usable and _fits(given / name) else pathlib.Path("/tmp")  # noqa: S108


def _own_privately(directory: pathlib.Path, user: User) -> None:
    """Make it, or take over our own; through a descriptor, as anybody may put anything into /tmp."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if status.st_uid not in (os.geteuid(), user.uid) or stat.S_IMODE(status.st_mode) & 0o077:
            raise EmbeddedError(f"{directory} belongs to somebody else or is open to others: remove it")
        if status.st_uid != user.uid:
            os.fchown(handle, user.uid, user.gid)
    finally:
        os.close(handle)
