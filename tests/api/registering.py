"""AccountService behind the real pipeline, on a real database, with letters that are kept instead of sent."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Hashable
from typing import Any

import argon2
import pytest
from google.protobuf.message import Message

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server import metrics
from hook0_server.access import biscuits, credentials, links, logins, mail, passwords, permissions, sessions
from hook0_server.api import accounts, pipeline
from hook0_server.model import errors
from hook0_server.store import database

EMAIL, PASSWORD = "owner@example.com", "bakery-tuesday-14"
OTHER_PASSWORD = "window-lantern-88"
SOURCE = "192.0.2.7"
TABLES = ("users", "organizations", "members", "invitations", "sessions")


class Counting(argon2.PasswordHasher):
    """Cheap, and counts its work."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.runs = 0

    def hash(self, *args: Any, **kwargs: Any) -> str:
        self.runs += 1
        return super().hash(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return super().verify(*args, **kwargs)


class Kept:
    """Letters that were sent."""

    def __init__(self) -> None:
        self.letters: list[mail.Letter] = []

    async def send(self, letter: mail.Letter) -> None:
        self.letters.append(letter)


class Tries:
    """Refuses what failed `most` times."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.wrong: list[Hashable] = []

    def may_try(self, key: Hashable) -> None:
        if self.wrong.count(key) >= self.most:
            raise errors.QuotaExceeded("RATE_LIMITED", "Too many were wrong.", retry_after=1.0)

    def failed(self, key: Hashable) -> None:
        self.wrong.append(key)


class Service:
    """`await service(request)` without a credential, or with an access token."""

    def __init__(self, db: database.Database, policy: accounts.Policy, lifetimes: sessions.Lifetimes, most_tries: int) -> None:
        self.db, self.hasher, self.kept, self.tries = db, Counting(), Kept(), Tries(most_tries)
        self.root = biscuits.Root(b"r" * 32)
        authenticator = credentials.Authenticator(db, None, self.root)
        self._pipeline = pipeline.Pipeline(authenticator, permissions.Permissions(db), metrics.Metrics())
        self.passwords = passwords.Passwords(shortest=10, hasher=self.hasher)
        self.outbox = mail.Outbox(self.kept, pauses=())
        parts = accounts.Parts(
            passwords=self.passwords,
            logins=logins.Logins(db, self.passwords, self.tries),
            sessions=sessions.Sessions(db, self.root, lifetimes, authenticator.forget),
            links=links.Links(db, self.root, "https://app.example.com/"),
            outbox=self.outbox,
        )
        self.operations = {each.request: each for each in accounts.operations(db, parts, policy)}

    async def __call__(self, request: Message, token: str = "", source: str = SOURCE) -> Any:
        operation = self.operations[type(request)]
        authorization = f"Bearer {token}" if token else None
        answer = await self._pipeline.unary(operation, request, authorization=authorization, source_ip=source)
        await self.outbox.idle()
        return answer

    async def refusal(self, request: Message, token: str = "", source: str = SOURCE) -> errors.Refused:
        """How it is refused; nothing may have been stored."""
        before = await self.stored()
        with pytest.raises(errors.Refused) as caught:
            await self(request, token, source)
        assert await self.stored() == before
        return caught.value

    async def stored(self) -> dict[str, list[Any]]:
        return {table: await self.db.fetch(f"SELECT t::text FROM {table} t ORDER BY 1".encode()) for table in TABLES}

    async def registered(self, email: str = EMAIL, password: str = PASSWORD, **over: str) -> pb2.RegisterResponse:
        answer: pb2.RegisterResponse = await self(register(email, password, **over))
        return answer

    async def logged_in(self, email: str = EMAIL, password: str = PASSWORD) -> pb2.LoginResponse:
        answer: pb2.LoginResponse = await self(pb2.LoginRequest(email=email, password=password))
        return answer

    async def works(self, access_token: str) -> bool:
        """Whether an access token is good."""
        try:
            await self(pb2.GetAccountRequest(), access_token)
        except errors.Unauthenticated:
            return False
        return True

    async def invite(self, email: str, role: int = 2) -> uuid.UUID:
        """To a new organization, whose id is answered."""
        organization_id = uuid.uuid4()
        async with self.db.connection() as connection:
            await connection.execute("INSERT INTO organizations (organization_id, name) VALUES (%s, 'them')", [organization_id])
            await connection.execute(
                "INSERT INTO invitations (organization_id, email, role) VALUES (%s, %s, %s)", [organization_id, email, role]
            )
        return organization_id

    async def roles(self, user_id: str) -> dict[str, int]:
        rows = await self.db.fetch(
            b"SELECT organization_id::text, role FROM members WHERE user_id = %(user_id)s::uuid", {"user_id": user_id}
        )
        return dict(rows)


def register(email: str = EMAIL, password: str = PASSWORD, **over: str) -> pb2.RegisterRequest:
    return pb2.RegisterRequest(**{"email": email, "password": password, "first_name": "Olive", "last_name": "Green", **over})


@contextlib.asynccontextmanager
async def serving(
    db: database.Database,
    *,
    may_register: bool = True,
    needs_verification: bool = False,
    lifetimes: sessions.Lifetimes | None = None,
    most_tries: int = 1000,
) -> AsyncIterator[Service]:
    policy = accounts.Policy(may_register=may_register, needs_verification=needs_verification)
    service = Service(db, policy, lifetimes or sessions.Lifetimes(), most_tries)
    with service.passwords.running():
        async with service.outbox.running():
            yield service
