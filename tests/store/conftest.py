"""A reader of the feed, somebody who records, and somebody who is slow to commit."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from planning import seeded, seeding, tables

from hook0_server.store import database, feed, feed_epoch
from tests import feed_rows

__all__ = ["seeded", "seeding", "tables"]


@pytest.fixture
async def reader(db: database.Database) -> feed.Feed:
    await feed_epoch.open(db)
    return feed.Feed(db, connections=1)


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with feed_rows.connected(dsn) as connection:
        yield connection


@pytest.fixture
async def slow_writer(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with feed_rows.connected(dsn, autocommit=False) as connection:
        yield connection
