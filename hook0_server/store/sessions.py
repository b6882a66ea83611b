"""Sessions of people: which refresh token is good, and which sessions have ended."""

import uuid
from dataclasses import dataclass

from hook0_server.store import database, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Session:
    user_id: uuid.UUID
    refresh_token_id: uuid.UUID
    has_ended: bool
    has_expired: bool


async def begin(
    db: database.Fetching,
    session_id: uuid.UUID,
    user_id: uuid.UUID,
    password_revision: int,
    refresh_token_id: uuid.UUID,
    seconds: float,
) -> bool:
    """A session for `seconds`. False: the password is not at this revision any more, or the account is gone."""
    parameters = {
        "session_id": session_id,
        "user_id": user_id,
        "password_revision": password_revision,
        "refresh_token_id": refresh_token_id,
        "seconds": seconds,
    }
    return await db.fetch_one(SQL.begin, parameters) is not None


async def hold(connection: database.Connection, session_id: uuid.UUID) -> Session | None:
    """The session, locked until the transaction ends."""
    row = await (await connection.execute(SQL.hold, {"session_id": session_id})).fetchone()
    return Session(*row) if row else None


async def rotate(connection: database.Connection, session_id: uuid.UUID, refresh_token_id: uuid.UUID, seconds: float) -> None:
    """From now on only this refresh token is good, for `seconds`."""
    parameters = {"session_id": session_id, "refresh_token_id": refresh_token_id, "seconds": seconds}
    await connection.execute(SQL.rotate, parameters)


async def end(connection: database.Connection, session_id: uuid.UUID) -> bool:
    """False: it had ended, or was none."""
    return await (await connection.execute(SQL.end, {"session_id": session_id})).fetchone() is not None


async def end_all(connection: database.Connection, user_id: uuid.UUID, *, kept: uuid.UUID | None = None) -> None:
    """End every session of this person but `kept`."""
    await connection.execute(SQL.end_all, {"user_id": user_id, "kept": kept})
