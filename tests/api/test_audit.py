"""The audit log over real calls: every change has an entry and nothing else has; refusals; who may read which."""

import pathlib
from collections.abc import AsyncIterator

import audited
import audited_account
import every_credential
import grpc
import pytest

import hook0_client
from hook0_server import app, settings as server_settings
from tests import conftest


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> server_settings.Settings:
    return audited.settings(tmp_path, conftest.MASTER_KEY)


@pytest.fixture
async def walk(server: app.Server) -> AsyncIterator[audited.Walk]:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        yield audited.Walk(server, channel)


async def test_every_change_writes_one_entry_and_none_is_made_without(
    walk: audited.Walk, server: app.Server, master: hook0_client.Client
) -> None:
    await audited.walk_organization(walk, master)
    await audited_account.walk_account(walk)
    assert walk.walked == {each.name for each in server.operations() if each.changes}


async def test_what_changes_nothing_writes_nothing(walk: audited.Walk, server: app.Server, master: hook0_client.Client) -> None:
    own = await every_credential.house(server, master)
    entries, stored = await walk.entries(), await walk.stored("deliveries")
    for operation in server.operations():
        if operation.changes:
            continue
        said = await every_credential.outcome(walk.channel, operation, own.request(operation), conftest.MASTER_KEY)
        assert not said.startswith("INTERNAL"), operation.name
        assert await walk.stored("deliveries") == stored, f"{operation.name} changes something"
    assert await walk.entries() == entries
