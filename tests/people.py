"""People with sessions, made in the tables, and clients with their tokens."""

import time
import uuid
from dataclasses import dataclass

import argon2

import hook0_client
from hook0_client._gen.hook0.v1 import organization_pb2, organization_service_pb2 as pb2
from hook0_server import app

VIEWER, EDITOR, OWNER = organization_pb2.ROLE_VIEWER, organization_pb2.ROLE_EDITOR, organization_pb2.ROLE_OWNER
_HASHED = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("bakery-tuesday-14")


@dataclass(frozen=True)
class Person:
    email: str
    user_id: uuid.UUID
    session_id: uuid.UUID
    token: str


async def person(server: app.Server, name: str) -> Person:
    """Somebody who is logged in and a member of nothing."""
    user_id, session_id, email = uuid.uuid4(), uuid.uuid4(), f"{name}@example.com"
    await server.db.fetch(
        b"INSERT INTO users (user_id, email, first_name, password_hash) VALUES (%s, %s, %s, %s)",
        [user_id, email, name, _HASHED],
    )
    await server.db.fetch(
        b"INSERT INTO sessions (session_id, user_id, refresh_token_id, expire_at) VALUES (%s, %s, %s, now() + interval '1 h')",
        [session_id, user_id, uuid.uuid4()],
    )
    minted = server.root.user_access(
        token_id=uuid.uuid4(), session_id=session_id, user_id=user_id, email=email, first_name=name, last_name="",
        roles={}, now=time.time(), expires_at=time.time() + 300,
    )  # fmt: skip
    return Person(email, user_id, session_id, minted.text)


def as_person(server: app.Server, who: Person) -> hook0_client.Client:
    return hook0_client.connect(server.grpc, token=who.token)


async def founded(client: hook0_client.Client, name: str = "house") -> str:
    """The id of a new organization of whoever calls."""
    request = pb2.CreateOrganizationRequest(organization=organization_pb2.Organization(name=name))
    return str((await client.organizations.CreateOrganization(request)).organization.organization_id)


async def added(client: hook0_client.Client, organization_id: str, email: str, role: organization_pb2.Role) -> None:
    await client.organizations.AddMember(pb2.AddMemberRequest(organization_id=organization_id, email=email, role=role))
