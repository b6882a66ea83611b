"""The sessions that `hook0ctl login` began, one for each server, in a file that only its owner can read."""

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, Self

import click
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_client import errors

_FILE = "sessions.json"
_GOOD_FOR = 30.0  # seconds: a token that ends sooner is renewed first, for the call that it goes with


class Pair(Protocol):
    """What LoginResponse and RefreshSessionResponse have."""

    access_token: str
    refresh_token: str

    @property
    def access_token_expires_at(self) -> Timestamp: ...
    @property
    def refresh_token_expires_at(self) -> Timestamp: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """Times are Unix seconds."""

    access_token: str = dataclasses.field(repr=False)
    access_token_expires_at: int
    refresh_token: str = dataclasses.field(repr=False)
    refresh_token_expires_at: int

    @classmethod
    def of(cls, pair: Pair) -> Self:
        until, refresh_until = pair.access_token_expires_at.seconds, pair.refresh_token_expires_at.seconds
        return cls(pair.access_token, until, pair.refresh_token, refresh_until)

    @property
    def is_over(self) -> bool:
        return time.time() >= self.refresh_token_expires_at


def find(address: str) -> Session | None:
    """The session at this server, also one that is over. Raises click.ClickException where the file cannot be read."""
    kept = _read().get(address)
    return Session(**kept) if kept else None


def save(address: str, session: Session) -> None:
    with _locked():
        _write({**_read(), address: dataclasses.asdict(session)})


def forget(address: str) -> None:
    with _locked():
        _write({kept: session for kept, session in _read().items() if kept != address})


async def access_token(address: str, refresh: Callable[[str], Awaitable[Pair]]) -> str:
    """A token for the next call. `refresh` gets the next pair for a refresh token where this one is about to end.

    One command at a time: a refresh token that is used twice ends the session. Raises click.ClickException where it is over.
    """
    with _locked():
        session = find(address)
        if session is not None and session.access_token_expires_at - _GOOD_FOR > time.time():
            return session.access_token
        if session is None or session.is_over:
            raise over(address)
        try:
            fresh = Session.of(await refresh(session.refresh_token))
        except errors.Unauthenticated as ended:
            _write({kept: each for kept, each in _read().items() if kept != address})
            raise over(address) from ended
        _write({**_read(), address: dataclasses.asdict(fresh)})
        return fresh.access_token


def over(address: str) -> click.ClickException:
    return click.ClickException(f"your session at {address} is over; begin another one: hook0ctl login")


def _folder() -> pathlib.Path:
    if given := os.environ.get("HOOK0_CONFIG_DIR"):
        return pathlib.Path(given)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (pathlib.Path(base) if base else pathlib.Path.home() / ".config") / "hook0"


def _read() -> dict[str, Any]:
    path = _folder() / _FILE
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as broken:
        raise click.ClickException(f"{path} cannot be read: {broken}") from broken
    if not isinstance(kept, dict):
        raise click.ClickException(f"{path} is not a JSON object")
    return kept


def _write(kept: dict[str, Any]) -> None:
    """Whole or not at all."""
    path = _folder() / _FILE
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(kept, file)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Other commands wait. Where the system has no such locks, they do not."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / f"{_FILE}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as refused:
        raise click.ClickException(f"{folder} cannot be written: {refused}") from refused
    try:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
