"""The first owner: made once, with a password that logs in."""

import dataclasses

import pytest

import hook0_client
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
    assert got.organization.organization_id == str(owner.organization_id)
    assert got.organization.role == organization_pb2.ROLE_OWNER


async def test_there_is_one_first_owner(settings: server_settings.Settings, dsn: str) -> None:
    given = with_database(settings, dsn)
    await app.create_owner(given, "owner@example.com")
    for email in ("owner@example.com", "other@example.com"):
        with pytest.raises(StartRefused, match="has an owner already"):
            await app.create_owner(given, email)


def with_database(given: server_settings.Settings, dsn: str) -> server_settings.Settings:
    return dataclasses.replace(given, database_url=dsn)
