"""What must be the same for every server on one database: here, the encryption keys."""

from collections.abc import Mapping
from typing import Protocol

from psycopg.types.json import Jsonb

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


class KeysRefused(Exception):
    """Not the keys that the database's secrets are sealed with; the text names the setting and the key ids."""


class Keys(Protocol):
    def checks(self) -> Mapping[str, str]: ...


async def verify(db: database.Database, keyring: Keys) -> None:
    """Remember the check values of new keys. Raises KeysRefused when a known key is missing or is another one here."""
    checks = keyring.checks()
    async with db.connection() as connection, connection.transaction():
        await connection.execute(SQL.ensure)
        cursor = await connection.execute(SQL.lock_key_checks)
        row = await cursor.fetchone()
        known: dict[str, str] = row[0] if row else {}
        wrong = sorted(key_id for key_id, check in known.items() if checks.get(key_id) != check)
        if wrong:
            raise KeysRefused(
                f"HOOK0_ENCRYPTION_KEYS (or the key file in HOOK0_DATA_DIR) must hold the keys that this database was "
                f"used with; missing or different: {', '.join(wrong)}."
            )
        await connection.execute(SQL.add_key_checks, {"checks": Jsonb(dict(checks))})
