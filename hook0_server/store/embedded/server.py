"""The embedded PostgreSQL as a context: made, started, watched, started again when it dies, and stopped."""

import asyncio
import contextlib
import os
import pathlib
import signal
import urllib.parse
from collections.abc import AsyncIterator, Iterator

import psycopg
import structlog

from hook0_server.store.embedded import directory, leftovers, process
from hook0_server.store.embedded.errors import EmbeddedError

_DATABASE = "hook0"
_SUPERUSER = "postgres"
_START_SECONDS = 600.0  # recovery replays up to max_wal_size
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LOG_CHECK_SECONDS = 60.0
_BACKOFF_SECONDS = (0.1, 10.0)
_STABLE_SECONDS = 60.0
CONNECTIONS = 100

_log = structlog.get_logger(__name__)

# For many small writes: checkpoints rarely, and their full-page images compressed. UTC, as partitions are days.
_SETTINGS = {
    "cluster_name": leftovers.CLUSTER_NAME,
    "listen_addresses": "",
    "port": str(directory.PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FLEETING = dict.fromkeys(_DURABLE, "off")


@contextlib.asynccontextmanager
async def run(
    data_dir: pathlib.Path, *, major: int = 18, durable: bool = True, connections: int = CONNECTIONS
) -> AsyncIterator["Server"]:
    """Run PostgreSQL on `data_dir`, which is made when absent, until the context ends.

    Whoever may not enter `data_dir/postgres` cannot connect: there is a Unix socket and no password. A server that
    dies is started again at the same address. When this process is killed PostgreSQL shuts down by itself on Linux; on
    macOS it runs on until the next owner of the directory stops it.

    Args:
        data_dir: gets `postgres/`, `postgres.lock` and `postgres.log`; nothing else on disk is changed.
        major: of PostgreSQL, 18 or 16.
        durable: False gives up surviving a crash of the machine (not of a process), for tests.
        connections: how many it accepts at once.

    Raises:
        DataDirectoryInUse: another server holds the directory.
        WrongVersion: another major version of PostgreSQL made it.
        EmbeddedError: PostgreSQL does not start; the message ends with its own last words.
    """
    with contextlib.ExitStack() as held:
        with _naming(data_dir):
            server = await _prepare(held.enter_context(directory.hold(data_dir)), held, major, durable, connections)
        try:
            with _naming(data_dir):
                await server.start()
            yield server
        finally:
            await server.stop()


@contextlib.contextmanager
def _naming(data_dir: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"the data directory {data_dir} cannot be used: {error}") from error


async def _prepare(data_dir: pathlib.Path, held: contextlib.ExitStack, major: int, durable: bool, connections: int) -> "Server":
    cluster, log = data_dir / "postgres", data_dir / "postgres.log"
    exists = directory.has_cluster(cluster, major)
    user = await process.choose_user(cluster, process.program("postgres", major))
    output = directory.open_log(log)
    held.callback(os.close, output)
    directory.bound_log(log)
    if exists:
        directory.hand_over(cluster, user)
    else:
        await _make_cluster(cluster, user, major, durable, log, output)
    sockets = held.enter_context(directory.socket_directory(cluster, user))
    settings = {**_SETTINGS, **(_DURABLE if durable else _FLEETING), "unix_socket_directories": str(sockets)}
    settings["max_connections"] = str(connections)
    command = [str(process.program("postgres", major)), "-D", str(cluster)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Server(cluster, user, command, sockets, log, output)


async def _make_cluster(
    cluster: pathlib.Path, user: process.User, major: int, durable: bool, log: pathlib.Path, output: int
) -> None:
    offset = directory.end_of_log(log)
    with directory.making_cluster(cluster, user, durable=durable) as new:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        options += [] if durable else ["--no-sync"]
        command = [str(process.program("initdb", major)), "-D", str(new), "-U", _SUPERUSER, *options]
        initdb = await process.spawn(user, command, new, output=output, death_signal=signal.SIGKILL)
        try:
            async with asyncio.timeout(_START_SECONDS):
                code = await initdb.wait()
        finally:
            await process.end(initdb, _STOP_SECONDS)
        if code != 0:
            raise EmbeddedError(f"initdb failed in {cluster.parent}:\n{directory.last_lines(log, offset)}")


class Server:
    """A running PostgreSQL; `run` makes it.

    Attributes:
        dsn: URI of the database `hook0`; it stays the same when PostgreSQL is started again.
        restarts: how often PostgreSQL was started again since `run`.
    """

    def __init__(
        self,
        cluster: pathlib.Path,
        user: process.User,
        command: list[str],
        sockets: pathlib.Path,
        log: pathlib.Path,
        output: int,
    ) -> None:
        self._cluster = cluster
        self._user = user
        self._command = command
        self._sockets = sockets
        self._log = log
        self._output = output
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.dsn = self._dsn(_DATABASE)
        self.restarts = 0

    @property
    def pid(self) -> int:
        """Of the postmaster; another one after a restart."""
        return self._running.pid

    async def wait(self) -> int:
        """Wait for the PostgreSQL that runs now to end; its exit code, negative for a signal."""
        return await self._running.wait()

    async def start(self) -> None:
        await self._launch()
        await self._create_database()
        self._keeper = asyncio.create_task(self._keep(), name="embedded-postgresql")

    async def stop(self) -> None:
        """End the watch and PostgreSQL, and whatever outlives it. Harmless the second time."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._process is not None:
            await process.end(self._process, _STOP_SECONDS)
            await leftovers.clear(self._cluster, _STOP_SECONDS)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise EmbeddedError("PostgreSQL was not started")
        return self._process

    def _dsn(self, database: str) -> str:
        host = urllib.parse.quote(str(self._sockets), safe="")
        return f"postgresql://{_SUPERUSER}@/{database}?host={host}&port={directory.PORT}"

    async def _launch(self) -> None:
        """Start PostgreSQL and wait until it answers."""
        await leftovers.clear(self._cluster, _STOP_SECONDS)
        directory.remove_socket(self._sockets)
        directory.bound_log(self._log)
        offset = directory.end_of_log(self._log)
        self._process = await process.spawn(
            self._user, self._command, self._cluster, output=self._output, death_signal=signal.SIGINT
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready(offset)
        except TimeoutError:
            raise self._failure(f"PostgreSQL gave no answer for {_START_SECONDS:.0f} s", offset) from None

    async def _ready(self, offset: int) -> None:
        while not await self._answers():
            if self._running.returncode is not None:
                raise self._failure("PostgreSQL did not start", offset)
            await asyncio.sleep(_POLL_SECONDS)

    def _failure(self, what: str, offset: int) -> EmbeddedError:
        return EmbeddedError(f"{what} in {self._cluster}:\n{directory.last_lines(self._log, offset)}")

    async def _answers(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(self._dsn("postgres"))
        except psycopg.OperationalError:  # not yet listening, or recovering
            return False
        await connection.close()
        return True

    async def _create_database(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._dsn("postgres"), autocommit=True) as connection:
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                await connection.execute(f"CREATE DATABASE {_DATABASE}")  # a constant

    async def _keep(self) -> None:
        """Start PostgreSQL again whenever it ends, later and later while it does not stay up."""
        least, most = _BACKOFF_SECONDS
        loop = asyncio.get_running_loop()
        delay, started = least, loop.time()
        while True:
            code = await self._ended()
            if loop.time() - started > _STABLE_SECONDS:
                delay = least
            _log.warning("embedded_postgresql_ended", exit_code=code, start_again_in_seconds=delay)
            await asyncio.sleep(delay)
            delay, started = min(delay * 2, most), loop.time()
            try:
                await self._launch()
            except Exception:  # whatever it is, the next attempt may do better: giving up is never right
                _log.exception("embedded_postgresql_does_not_start")
                continue
            self.restarts += 1
            _log.info("embedded_postgresql_started_again", pid=self.pid, restarts=self.restarts)

    async def _ended(self) -> int:
        while True:
            try:
                # Not wait_for: up to Python 3.11 it loses a cancellation that comes together with the end.
                async with asyncio.timeout(_LOG_CHECK_SECONDS):
                    return await self._running.wait()
            except TimeoutError:
                directory.bound_log(self._log)
