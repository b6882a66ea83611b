"""The first owner: made once, with a password that logs in."""

import dataclasses
from importlib import metadata

import pytest

import hook0_client
from hook0_client import v1
from hook0_client._gen.hook0.v1 import account_service_pb2, organization_pb2, organization_service_pb2
from hook0_server import app, settings as server_settings
from hook0_server.start import StartRefused


async def test_the_first_owner_logs_in_and_owns_what_was_there(settings: server_settings.Settings, dsn: str) -> None:
    given = with_database(settings, dsn)
    async with app.serving(settings, dsn) as server:
        owner = await app.create_owner(given, "owner@example.com")
        async with hook0_client.connect(server.grpc, token="") as nobody:
            request = account_service_pb2.LoginRequest(email="Owner@Example.com", password=owner.password)
            session = await nobody.accounts.Login(request)
        async with hook0_client.connect(server.grpc, token=session.access_token) as client:
            got = await client.organizations.GetOrganization(organization_service_pb2.GetOrganizationRequest())
        told = b"SELECT operation, organization_id FROM audit_entries WHERE actor_kind = 'system'"
        [entry] = await server.db.fetch(told)
    assert got.organization.organization_id == str(owner.organization_id)
    assert got.organization.role == organization_pb2.ROLE_OWNER
    assert entry == ("bootstrap", owner.organization_id)


async def test_there_is_one_first_owner(settings: server_settings.Settings, dsn: str) -> None:
    given = with_database(settings, dsn)
    await app.create_owner(given, "owner@example.com")
    for email in ("owner@example.com", "other@example.com"):
        with pytest.raises(StartRefused, match="has an owner already"):
            await app.create_owner(given, email)


def with_database(given: server_settings.Settings, dsn: str) -> server_settings.Settings:
    return dataclasses.replace(given, database_url=dsn)


async def test_dev_tells_its_owners_password_once(settings: server_settings.Settings, dsn: str) -> None:
    told = []
    for _ in range(2):
        async with app.serving(settings, dsn, dev=True) as server:
            told.append("--password-stdin" in server.facts()["welcome"])
    assert told == [True, False]


async def test_anybody_may_know_what_the_instance_is(server: app.Server) -> None:
    async with hook0_client.connect(server.grpc, token="") as nobody:
        told = await nobody.instance.GetInstance(v1.GetInstanceRequest())
    assert told == v1.GetInstanceResponse(
        version=metadata.version("hook0-grpc"),
        biscuit_public_key=server.root.public_key,
        registration_enabled=True,
        password_minimum_length=10,
    )
