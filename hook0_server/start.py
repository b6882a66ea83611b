"""What comes before serving, in a server of one process and in a supervisor: signals, the database, and refusals."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator

import structlog

from hook0_server import settings
from hook0_server.access import biscuits, encryption, keys
from hook0_server.model import errors
from hook0_server.store import database, embedded, instance, migrate

log = structlog.get_logger(__name__)

_CONNECTIONS_OF_A_PROCESS = 20  # beside its pool: one for each hot stage
_CONNECTIONS_BESIDE = 10  # supervisors, people
_REFUSALS = (
    migrate.MigrationRefused, instance.KeysRefused, encryption.InvalidKeys, embedded.EmbeddedError,
    errors.Unavailable, OSError,
)  # fmt: skip


class StartRefused(Exception):
    """The server cannot start; the message is one clear sentence."""


def signals(*, second_stops_at_once: bool = True) -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one cancels the task that called this, where that is wanted."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def received() -> None:
        if stopping.is_set() and second_stops_at_once and main is not None:
            main.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received)
    return stopping


@contextlib.asynccontextmanager
async def opened(given: settings.Settings) -> AsyncIterator[str]:
    """The address of a migrated database: the one that is given, or an embedded one that lives as long as the block."""
    started = False
    with refusals(unless=lambda: started):
        async with _database(given) as dsn:
            await migrate.migrate(dsn)
            started = True
            yield dsn


async def migrated(given: settings.Settings) -> list[str]:
    """Bring the database to this version's schema; answers what was applied. Raises StartRefused."""
    with refusals():
        async with _database(given) as dsn:
            return await migrate.migrate(dsn)


@contextlib.asynccontextmanager
async def _database(given: settings.Settings) -> AsyncIterator[str]:
    if given.database_url:
        yield given.database_url
        return
    connections = given.processes * (_CONNECTIONS_OF_A_PROCESS + given.pool_size) + _CONNECTIONS_BESIDE
    async with embedded.run(given.data_dir, connections=max(embedded.CONNECTIONS, connections)) as started:
        yield started.dsn


async def load_keys(given: settings.Settings, db: database.Database) -> keys.Keys:
    """The keys, which must be those of the database. Raises StartRefused."""
    with refusals():
        keyring = encryption.Keyring.load(given.encryption_keys, given.data_dir)
        root = biscuits.Root.load(given.biscuit_private_key, given.biscuit_public_keys, given.data_dir)
        await instance.verify(db, keyring)
        await instance.verify_token_key(db, root.public_key, root.public_keys)
    return keys.Keys(keyring, root)


@contextlib.contextmanager
def refusals(*others: type[Exception], unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """What can go wrong at the start, `others` too, becomes one sentence; once started, a failure keeps its stack."""
    try:
        yield
    except Exception as failure:
        cause = _innermost(failure)
        if unless() or not isinstance(cause, (*_REFUSALS, *others)):
            raise
        raise StartRefused(str(cause)) from cause


def _innermost(failure: BaseException) -> BaseException:
    """What the task groups around it have wrapped."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def warn(given: settings.Settings) -> None:
    """Of settings with which nothing can be done, although they are allowed."""
    if given.master_api_key is None and "api" in given.roles:
        log.warning("server.no_master_key", consequence="nobody can create applications: set HOOK0_MASTER_API_KEY")
