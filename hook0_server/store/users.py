"""Accounts of people. Passwords come hashed; addresses are looked up without regard to upper and lower case."""

import dataclasses
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from hook0_server.store import database, rows, sql

SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class User:
    user_id: uuid.UUID
    email: str
    first_name: str
    last_name: str
    password_hash: str = field(repr=False)
    password_revision: int
    reset_root_id: bytes | None = field(repr=False)
    verified_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person who registers, and the organization that is made with the account."""

    user_id: uuid.UUID
    email: str
    first_name: str
    last_name: str
    password_hash: str = field(repr=False)
    organization_id: uuid.UUID
    organization_name: str
    created_at: datetime


async def register(connection: database.Connection, new: NewUser) -> bool:
    """False: the address has an account already, which stays as it is."""
    row = await rows.only(await connection.execute(SQL.register, dataclasses.asdict(new)))
    return bool(row[0])


async def by_email(db: database.Database, email: str) -> User | None:
    row = await db.fetch_one(SQL.by_email, {"email": email})
    return User(*row) if row else None


async def get(db: database.Database, user_id: uuid.UUID) -> User | None:
    row = await db.fetch_one(SQL.get, {"user_id": user_id})
    return User(*row) if row else None


async def verify(connection: database.Connection, user_id: uuid.UUID) -> User | None:
    """The account, now verified. None: there is none, or it was verified before."""
    row = await (await connection.execute(SQL.verify, {"user_id": user_id})).fetchone()
    return User(*row) if row else None


async def begin_reset(db: database.Fetching, user_id: uuid.UUID, root_id: bytes) -> None:
    """Only the token with this root may reset the password; the ones before it may not any more."""
    await db.fetch(SQL.begin_reset, {"user_id": user_id, "root_id": root_id})


async def reset_password(connection: database.Connection, user_id: uuid.UUID, root_id: bytes, password_hash: str) -> bool:
    """False: this token may not, or not any more."""
    parameters = {"user_id": user_id, "root_id": root_id, "password_hash": password_hash}
    return await (await connection.execute(SQL.reset_password, parameters)).fetchone() is not None


async def change_password(
    connection: database.Connection, user_id: uuid.UUID, password_revision: int, password_hash: str
) -> bool:
    """False: it is not at this revision any more."""
    parameters = {"user_id": user_id, "password_revision": password_revision, "password_hash": password_hash}
    return await (await connection.execute(SQL.change_password, parameters)).fetchone() is not None


async def hash_anew(db: database.Database, user_id: uuid.UUID, password_revision: int, password_hash: str) -> None:
    """Store the same password's new hash, if the password is still at this revision."""
    await db.fetch(SQL.hash_anew, {"user_id": user_id, "password_revision": password_revision, "password_hash": password_hash})


async def delete(connection: database.Connection, user_id: uuid.UUID, password_revision: int) -> bool:
    """False: there is none, or its password is not at this revision any more."""
    parameters = {"user_id": user_id, "password_revision": password_revision}
    return await (await connection.execute(SQL.delete, parameters)).fetchone() is not None
