"""A reader of the feed, somebody who records, somebody who is slow to commit, and clusters of an embedded PostgreSQL."""

import asyncio
import pathlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import in_memory
import psycopg
import pytest
from planning import seeded, seeding, tables

from hook0_server.store import database, embedded, feed, feed_epoch
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


@pytest.fixture(scope="session")
def first_cluster() -> Iterator[pathlib.Path]:
    """What the first start in a directory leaves there."""

    async def start(data_dir: pathlib.Path) -> None:
        async with embedded.run(data_dir, durable=False):
            pass

    with in_memory.short_directory() as data_dir:
        asyncio.run(start(data_dir))
        yield data_dir / "postgres"


@pytest.fixture
def used(first_cluster: pathlib.Path) -> Callable[[pathlib.Path], pathlib.Path]:
    """Makes a data directory one that is used again. For what is not about the first start: initdb is most of that."""

    def used_before(data_dir: pathlib.Path) -> pathlib.Path:
        shutil.copytree(first_cluster, data_dir / "postgres")
        return data_dir

    return used_before
