"""A folder in memory for what need not survive: a database is cloned in 17 ms there, in up to 400 ms on a slow disk."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

_MEMORY = pathlib.Path("/dev/shm")
_PREFIX, _SHORT_PREFIX = "hook0-tests-", "hook0-short-"
_ENOUGH_BYTES = 4 * 2**30  # two workers with a write-ahead log of 1 GiB each, and their databases


@contextlib.contextmanager
def folder(otherwise: pathlib.Path) -> Iterator[pathlib.Path]:
    """An empty folder of this process until the end of the block; `otherwise` where there is no memory to spare."""
    _clear()
    if not _has_room():
        yield otherwise
        return
    made = _MEMORY / f"{_PREFIX}{os.getpid()}"
    made.mkdir(mode=0o711)  # PostgreSQL may run as another user
    try:
        yield made
    finally:
        shutil.rmtree(made)


@contextlib.contextmanager
def short_directory() -> Iterator[pathlib.Path]:
    """A temporary directory whose path leaves room for a socket, as pytest's own may not; in memory where there is some."""
    where = _MEMORY if _has_room() else pathlib.Path("/tmp")
    with tempfile.TemporaryDirectory(dir=where, prefix=f"{_SHORT_PREFIX}{os.getpid()}-") as short:
        yield pathlib.Path(short)


def _has_room() -> bool:
    return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ENOUGH_BYTES


def _clear() -> None:
    """What a killed run left would hold its memory."""
    for left in (*_MEMORY.glob(f"{_PREFIX}*"), *_MEMORY.glob(f"{_SHORT_PREFIX}*")):
        process_id = left.name.split("-")[2]
        if not pathlib.Path("/proc", process_id).exists():
            shutil.rmtree(left, ignore_errors=True)
