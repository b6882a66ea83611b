"""Forward-only migrations: numbered .sql files, each in its own transaction, under one advisory lock."""

import hashlib
import pathlib
from dataclasses import dataclass

import psycopg
import structlog

from hook0_server.store import database

log = structlog.get_logger(__name__)

FOLDER = pathlib.Path(__file__).parent / "migrations"
_LOCK = 0x686F6F6B30  # "hook0": one migrating server at a time
_LEDGER = b"""CREATE TABLE IF NOT EXISTS schema_migrations (
  number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""


class MigrationRefused(Exception):
    """The database's history is not the one this version ships; its message says which file."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped(folder: pathlib.Path = FOLDER) -> list[Migration]:
    """The migrations of this version, in order; numbers start at 1 and have no gaps."""
    found = [
        Migration(int(path.name.split("_")[0]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9]*.sql"))
    ]
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise MigrationRefused(f"{folder}: migrations must be numbered 1, 2, 3 … without gaps.")
    return found


async def migrate(dsn: str, folder: pathlib.Path = FOLDER) -> list[str]:
    """Bring the database to this version's schema; answers the names that were applied now.

    Raises MigrationRefused when the database cannot be reached, when an applied file was changed since, when the database is
    newer than this version, or when PostgreSQL is older than 15.
    """
    wanted = shipped(folder)
    async with database.translated(), await _connect(dsn) as connection:
        if connection.info.server_version < database.MINIMUM_VERSION:
            raise MigrationRefused(f"PostgreSQL {connection.info.server_version // 10000} is too old: 15 or newer is needed.")
        await connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        await connection.execute(_LEDGER)
        cursor = await connection.execute("SELECT number, name, checksum FROM schema_migrations ORDER BY number")
        pending = _pending(wanted, await cursor.fetchall())
        for migration in pending:
            async with connection.transaction():
                await connection.execute(migration.text.encode())
                await connection.execute(
                    "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                    [migration.number, migration.name, migration.checksum],
                )
            log.info("database.migrated", migration=migration.name)
        return [migration.name for migration in pending]


async def _connect(dsn: str) -> psycopg.AsyncConnection:
    """The first look at the database: who starts a server is told what is wrong with its address."""
    try:
        return await psycopg.AsyncConnection.connect(dsn, autocommit=True, application_name="hook0 migrate")
    except (psycopg.OperationalError, psycopg.ProgrammingError) as failure:
        raise MigrationRefused(f"The database of DATABASE_URL cannot be used: {str(failure).splitlines()[0]}.") from failure


def _pending(wanted: list[Migration], applied: list[tuple[int, str, str]]) -> list[Migration]:
    by_number = {migration.number: migration for migration in wanted}
    for number, name, checksum in applied:
        if number not in by_number:
            raise MigrationRefused(f"The database has migration {name}, which this version does not know: use a newer version.")
        if by_number[number].checksum != checksum:
            raise MigrationRefused(f"Migration {name} was changed after it had been applied; add a new one instead.")
    return wanted[len(applied) :]
