"""A private key in a file of its own, made where there is none. The file is always whole."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Callable, Iterator


def read(path: pathlib.Path, make: Callable[[], str]) -> str:
    """The key in this file; where there is no file, the one that `make` gives is written first.

    Raises OSError when the folder cannot be written, and UnicodeDecodeError when the file is no text.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, make() + "\n")
    return path.read_text(encoding="utf-8").strip()


def replace(path: pathlib.Path, text: str) -> None:
    """Whoever reads it finds what it held before or this. Raises OSError, and then it holds what it held."""
    with _drafted(path, text) as draft:
        draft.replace(path)


def _create(path: pathlib.Path, text: str) -> None:
    """Where another process was first, its file stays."""
    with _drafted(path, text) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, path)


@contextlib.contextmanager
def _drafted(path: pathlib.Path, text: str) -> Iterator[pathlib.Path]:
    """A private file beside it, on the disk; what the block makes of it is so, too, when the block has ended."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield draft
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
