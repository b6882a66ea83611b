"""The composition root: it makes every part, owns every lifetime, and decides the order of start and stop.

Start: settings → database → migrations → keys → node → stages → edges → ready.
Stop: not ready → refuse new calls → end streams → finish what is in flight within the grace → give the rest back → close.
A second signal stops at once; what was not given back then is taken over.
"""

import asyncio
import contextlib
import dataclasses
import gc
import ipaddress
import resource
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from hook0_server import settings
from hook0_server.access import encryption
from hook0_server.model import errors
from hook0_server.rpc import certificates
from hook0_server.server import Server, Timings
from hook0_server.store import database, embedded, instance
from hook0_server.store import migrate as migrations

log = structlog.get_logger(__name__)

__all__ = ["Server", "StartRefused", "Timings", "migrate", "run", "serving"]

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_REFUSALS = (
    migrations.MigrationRefused, instance.KeysRefused, encryption.InvalidKeys, embedded.EmbeddedError,
    certificates.CertificateRefused, errors.Unavailable, OSError,
)  # fmt: skip


class StartRefused(Exception):
    """The server cannot start; the message is one clear sentence."""


async def run(given: settings.Settings, *, dev: bool, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serve until a signal. Raises StartRefused."""
    _raise_file_limit(given.max_in_flight)
    stopping = _signals()
    async with _opened(given) as dsn, serving(given, dsn, dev=dev) as running:
        _spare_the_collector()
        announce(running.facts())
        if given.master_api_key is None and not dev and "api" in given.roles:
            log.warning("server.no_master_key", consequence="nobody can create applications: set HOOK0_MASTER_API_KEY")
        await stopping.wait()
        log.info("server.stopping")


async def migrate(given: settings.Settings) -> list[str]:
    """Bring the database to this version's schema; answers what was applied. Raises StartRefused."""
    with _refusals():
        async with _database(given) as dsn:
            return await migrations.migrate(dsn)


@contextlib.asynccontextmanager
async def serving(
    given: settings.Settings, dsn: str, *, dev: bool = False, timings: Timings | None = None
) -> AsyncIterator[Server]:
    """A server on a migrated database, for as long as the block lasts. Raises StartRefused."""
    timings = timings or Timings()
    if dev:
        given = dataclasses.replace(given, allow_targets=(*given.allow_targets, *_LOOPBACK))
    async with database.Database(dsn, pool_size=given.pool_size, timing=timings.statements) as db:
        with _refusals():
            keyring = encryption.Keyring.load(given.encryption_keys, given.data_dir)
            await instance.verify(db, keyring)
        made = Server(given, db, keyring, timings)
        started = False
        with contextlib.ExitStack() as refusals:
            refusals.enter_context(_refusals(unless=lambda: started))
            async with made.running(dev=dev):
                started = True
                yield made


@contextlib.asynccontextmanager
async def _opened(given: settings.Settings) -> AsyncIterator[str]:
    """The address of a migrated database: the one that is given, or an embedded one that lives as long as the block."""
    started = False
    with _refusals(unless=lambda: started):
        async with _database(given) as dsn:
            await migrations.migrate(dsn)
            started = True
            yield dsn


@contextlib.asynccontextmanager
async def _database(given: settings.Settings) -> AsyncIterator[str]:
    if given.database_url:
        yield given.database_url
        return
    async with embedded.run(given.data_dir) as started:
        yield started.dsn


@contextlib.contextmanager
def _refusals(unless: Callable[[], bool] = lambda: False) -> Any:
    """What can go wrong at the start becomes one sentence; once started, a failure keeps its stack."""
    try:
        yield
    except Exception as failure:
        cause = _innermost(failure)
        if unless() or not isinstance(cause, _REFUSALS):
            raise
        raise StartRefused(str(cause)) from cause


def _innermost(failure: BaseException) -> BaseException:
    """What the task groups around it have wrapped."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def _signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one cancels everything."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def received() -> None:
        if stopping.is_set() and main is not None:
            main.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received)
    return stopping


def _spare_the_collector() -> None:
    """What lives as long as the process is not looked at again, and the young less often: nothing on the path makes cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _raise_file_limit(in_flight: int) -> None:
    """Each open request is a file: take what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < in_flight + 512:
        log.warning("server.few_files", allowed=hard, wanted=in_flight + 512, before=soft)
