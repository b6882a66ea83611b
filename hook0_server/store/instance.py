"""What must be the same for every server on one database: the keys of secrets and of tokens."""

from collections.abc import Collection, Mapping
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


async def verify_token_key(db: database.Database, signing: str, accepted: Collection[str]) -> None:
    """Remember the public key of what signs tokens here. Raises KeysRefused where this server would refuse those signed now."""
    async with db.connection() as connection, connection.transaction():
        row = await (await connection.execute(SQL.lock_token_key)).fetchone()
        known: str | None = row[0] if row else None
        if known is not None and known not in accepted:
            raise KeysRefused(
                "HOOK0_BISCUIT_PRIVATE_KEY (or the key file in HOOK0_DATA_DIR) must be the key that signs this database's "
                f"tokens, or HOOK0_BISCUIT_PUBLIC_KEYS must hold its public key, {known}."
            )
        await connection.execute(SQL.set_token_key, {"token_key": signing})
