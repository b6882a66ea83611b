"""A running hub, somebody who records, and a recorder that tells the hub."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import watching as reading

from hook0_server.store import database
from hook0_server.watch import hub
from tests import feed_rows


@pytest.fixture
async def watches(db: database.Database) -> AsyncIterator[hub.Hub]:
    async with contextlib.AsyncExitStack() as stack:
        made = hub.Hub(db, patience=0.5)
        await stack.enter_async_context(made.running())
        yield made


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with feed_rows.connected(dsn) as connection:
        yield connection


@pytest.fixture
def record(writer: psycopg.AsyncConnection[Any], watches: hub.Hub) -> reading.Record:
    """Record and tell the hub, as the recorder of the same process does."""

    async def recording(count: int = 1, application_id: uuid.UUID = reading.APPLICATION, **columns: Any) -> list[uuid.UUID]:
        recorded: list[uuid.UUID] = await feed_rows.record(writer, application_id, count, **columns)
        watches.recorded({application_id})
        return recorded

    return recording
