"""Organizations: who applications belong to. There is exactly one so far."""

import uuid

from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


async def ensure_only(db: database.Database, *, name: str = "default") -> uuid.UUID:
    """The organization's id; where there is none, it is made with this name. Servers that start together make one."""
    async with db.connection() as connection, connection.transaction():
        await connection.execute(SQL.lock)
        cursor = await connection.execute(SQL.first)
        row = await cursor.fetchone()
        if row is None:
            row = await rows.only(await connection.execute(SQL.create, {"name": name}))
        organization_id: uuid.UUID = row[0]
        return organization_id
