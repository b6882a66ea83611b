"""Connections to PostgreSQL: a bounded pool for requests, and one kept connection for each hot stage.

Nothing of the driver leaves this layer: its errors become `errors.Unavailable` or `Conflict` here, once.
"""

import abc
import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, LiteralString, Self, cast

import orjson
import psycopg
import psycopg_pool
import structlog
from psycopg.types.json import set_json_dumps, set_json_loads

from hook0_server.model import errors
from hook0_server.store import arrays, clock, prepared

log = structlog.get_logger(__name__)

MINIMUM_VERSION = 150000
RETRY_SECONDS = 1.0
RECONNECT_SECONDS = 2.0

# The hot statements are written so that nested index probes are the only good plan: a plan made while a table was empty
# stays until it is analyzed (16 ms instead of 0.5 ms a batch), and small batches planned anew cost 650 instead of 276 µs.
_HOT = """
SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET jit = off; SET work_mem = '32MB'"""
# Requests are few and unlike each other: a kept plan of "NULL or before this" read an application from its beginning. They look
# for little: the other plans are only good while a table is small, and statistics may be of then.
_REQUESTS = """
SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"""
_ALWAYS = "SET timezone = 'UTC'; SET jit = off; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '30s'"

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[Row]


class ResultUnknown(errors.Unavailable):
    """The connection broke while a statement ran: it may have been committed, or not."""


class Unstorable(Exception):
    """The database refused the data of a statement: nothing of it was written, and again would be refused again."""


@contextlib.asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """The one place where the driver's errors become ours; its text goes to the log, never to a caller."""
    try:
        yield
    except (
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
        psycopg.errors.LockNotAvailable,
    ) as failure:
        log.warning("database.contended", error=str(failure))
        raise errors.Unavailable(
            "DATABASE_UNAVAILABLE", "The database is contended; retry.", retry_after=RETRY_SECONDS
        ) from failure
    except (
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg.InternalError,  # read-only after a failover, a transaction that it ended, a table just dropped
        psycopg_pool.PoolTimeout,
        psycopg_pool.PoolClosed,
        OSError,
    ) as failure:
        log.warning("database.unavailable", error=str(failure))
        raise ResultUnknown(
            "DATABASE_UNAVAILABLE", "The database cannot be reached; retry.", retry_after=RETRY_SECONDS
        ) from failure


@contextlib.contextmanager
def _unstorable() -> Iterator[None]:
    """Data that the database refuses is told apart from a database that is not ready."""
    try:
        yield
    except psycopg.errors.CheckViolation as failure:
        if "no partition" not in str(failure):
            raise Unstorable(str(failure)) from failure
        log.error("database.partition_missing", error=str(failure))  # upkeep makes them days ahead: it will come
        raise errors.Unavailable(
            "DATABASE_UNAVAILABLE", "The database is not ready for this day; retry.", retry_after=RETRY_SECONDS
        ) from failure
    except (psycopg.DataError, psycopg.IntegrityError, UnicodeError) as failure:
        raise Unstorable(str(failure)) from failure


class Hot:
    """One kept connection for one stage: autocommit, prepared binary statements, fixed plans, reconnecting when it broke.

    It serves one statement at a time; a broken one is thrown away, and the next statement opens a new one.
    """

    def __init__(self, dsn: str, name: str, statement_seconds: float) -> None:
        self._dsn, self._name, self._statement_seconds = dsn, name, statement_seconds
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of one statement in its own transaction. Raises ResultUnknown when the connection broke."""
        async with self._turn, translated():
            connection = await self._connected()
            try:
                with _unstorable():
                    return await self._prepared.fetch(statement, parameters or {})
            except BaseException as failure:
                await self._discard_after(failure, connection)
                raise

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """The connection itself inside one transaction, for the few writes that need more than one statement."""
        async with self._turn, translated():
            connection = await self._connected()
            try:
                with _unstorable():
                    async with connection.transaction():
                        yield connection
            except BaseException as failure:
                await self._discard_after(failure, connection)
                raise

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name=f"hook0 {self._name}", connect_timeout=5, **KEEPALIVES
            )
            arrays.register(self._connection)
            limit = f"; SET statement_timeout = {int(self._statement_seconds * 1000)}"
            await self._connection.execute((_ALWAYS + ";" + _HOT + limit).encode())
            self._prepared = prepared.Prepared(self._connection)
        return self._connection

    async def _discard_after(self, failure: BaseException, connection: Connection) -> None:
        """After a cancellation or a broken socket nobody knows what the connection would answer next."""
        if not isinstance(failure, (psycopg.Error, errors.Refused, Unstorable)) or connection.broken or _is_stale(failure):
            await self._discard()

    async def _discard(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def close(self) -> None:
        async with self._turn:
            await self._discard()


def _is_stale(failure: BaseException) -> bool:
    """After a failover a session may be one of the former primary, or keep what its start told it: a new one can write."""
    return isinstance(failure, psycopg.errors.ReadOnlySqlTransaction)


# A peer that vanished without a word is noticed within about 10 s.
KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10000,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds; tests shorten them."""

    hot_statement: float = 5.0
    request_statement: float = 10.0
    pool_wait: float = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class PoolUse:
    """How the pool of connections for requests is used now, and what was waited for it since the start."""

    most: int
    used: int
    idle: int
    waiting: int  # requests
    waited_seconds: float
    refused: int  # requests that got none in time


class Fetching(abc.ABC):
    """What runs single statements: a database, or one transaction in it."""

    @abc.abstractmethod
    def connection(self) -> contextlib.AbstractAsyncContextManager[Connection]:
        """An autocommit connection, or the one of the transaction; `async with connection.transaction():` for more than one
        statement.
        """

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[Row]:
        """All rows of one statement in a transaction of its own, or in the one that this is."""
        async with self.connection() as connection:
            cursor = await connection.execute(cast("LiteralString", statement), parameters, binary=True)
            return await cursor.fetchall() if cursor.description else []

    async def fetch_one(self, statement: bytes, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> Row | None:
        """The first row of `fetch`, or None."""
        rows = await self.fetch(statement, parameters)
        return rows[0] if rows else None


class Within(Fetching):
    """The transaction that a connection is in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        yield self._connection


class Database(Fetching):
    """Everything that talks to one PostgreSQL. `async with Database(dsn) as database:`"""

    def __init__(self, dsn: str, *, pool_size: int = 10, timing: Timing | None = None) -> None:
        self.dsn = dsn
        self.timing = timing or Timing()
        self.clock = clock.Clock()
        self._hot: list[Hot] = []
        self._pool: psycopg_pool.AsyncConnectionPool[Connection] = psycopg_pool.AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=pool_size,
            max_waiting=1000,
            timeout=self.timing.pool_wait,
            # The pool doubles its pauses: after 36 s without a database it stayed away for 21 s more.
            reconnect_timeout=RECONNECT_SECONDS,
            kwargs={"autocommit": True, "application_name": "hook0 requests", "connect_timeout": 5, **KEEPALIVES},
            configure=self._configure,
            check=psycopg_pool.AsyncConnectionPool.check_connection,
            open=False,
        )

    async def _configure(self, connection: Connection) -> None:
        limit = f"; SET statement_timeout = {int(self.timing.request_statement * 1000)}"
        await connection.execute((_ALWAYS + ";" + _REQUESTS + limit).encode())

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        for hot in self._hot:
            await hot.close()
        await self._pool.close()

    def hot(self, name: str, *, statement_seconds: float | None = None) -> Hot:
        """A kept connection for one stage, closed with this."""
        hot = Hot(self.dsn, name, self.timing.hot_statement if statement_seconds is None else statement_seconds)
        self._hot.append(hot)
        return hot

    def pool_use(self) -> PoolUse:
        stats = self._pool.get_stats()
        open_now, idle = stats["pool_size"], stats["pool_available"]
        waited, refused = stats.get("requests_wait_ms", 0) / 1000, stats.get("requests_errors", 0)
        return PoolUse(stats["pool_max"], open_now - idle, idle, stats["requests_waiting"], waited, refused)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled autocommit connection; `async with connection.transaction():` for more than one statement."""
        async with translated(), self._pool.connection() as connection:
            try:
                yield connection
            except psycopg.Error as failure:
                if _is_stale(failure):
                    await connection.close()  # the pool opens another one
                raise
