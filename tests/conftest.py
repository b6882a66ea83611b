"""A real PostgreSQL for every test that touches SQL: one server a run, one template database, a clone of it for each test."""

import asyncio
import functools
import os
import pathlib
import signal
import time
from collections.abc import AsyncIterator, Iterator

import clones
import hypothesis
import in_memory
import psycopg
import pytest
import rest_rig

import hook0_client
from hook0_server import app, settings as server_settings
from hook0_server.delivery import http
from hook0_server.store import database, embedded

# The same examples in every run, and no test that fails because the machine was busy; scripts/soak looks further.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60, database=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000, database=None, print_blob=True)
hypothesis.settings.load_profile("suite")

MASTER_KEY = "6b1d2c9e-6a53-4a8a-9f57-0f3f5f0c7a11"
_DAY_SECONDS, _SHORT_SECONDS = 86_400.0, 20.0  # what a test takes, but for a few that are not about a day


@pytest.fixture(scope="session", autouse=True)
def default_tls() -> Iterator[None]:
    """The context by which receivers are verified is the same one for every server of a run: reading the system's
    authorities takes 30 ms, a tenth of what a server takes to start and to stop."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(http, "_default_tls", functools.cache(http._default_tls))
        yield


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """TEST_DATABASE_URL, or an embedded server without fsync that ends with the run. PG_MAJOR chooses 18 or 16."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    folder: pathlib.Path = tmp_path_factory.mktemp("postgres")
    with in_memory.folder(folder) as where, asyncio.Runner() as runner:
        server = embedded.run(where, major=int(os.environ.get("PG_MAJOR", "18")), durable=False)
        running = runner.run(server.__aenter__())
        # Statistics are those that a test makes, tables as large as it leaves them, and nobody else writes: autovacuum would
        # come now and then, and an ANALYZE of it in any database of the server holds up what is shown of the feed.
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
        yield running.dsn
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture(autouse=True)
def one_day() -> None:
    """No test begins in the last seconds of a UTC day: what it makes today would not be of today when it looks."""
    left = _DAY_SECONDS - time.time() % _DAY_SECONDS
    if left < _SHORT_SECONDS:
        time.sleep(left)


@pytest.fixture(scope="session")
def template(postgres_dsn: str) -> Iterator[clones.Template]:
    made = clones.Template(postgres_dsn)
    yield made
    made.drop()


@pytest.fixture
def dsn(postgres_dsn: str, template: clones.Template) -> Iterator[str]:
    """A fresh, migrated database of its own."""
    with clones.clone(postgres_dsn, template.name) as fresh:
        yield fresh


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[database.Database]:
    async with database.Database(dsn, pool_size=4) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> server_settings.Settings:
    """What a server of a test has: any ports, loopback targets allowed, a master key, its own keys."""
    return server_settings.Settings.from_environ(
        {
            "HOOK0_DATA_DIR": str(tmp_path / "data"),
            "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
            "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
            "HOOK0_MASTER_API_KEY": MASTER_KEY,
            "HOOK0_RETENTION_DAYS": str(clones.RETENTION_DAYS),
            "HOOK0_STOP_GRACE": "5",
        }
    )


@pytest.fixture
async def server(settings: server_settings.Settings, dsn: str) -> AsyncIterator[app.Server]:
    """A whole server in this process: real gRPC and HTTP on any port, a database of its own."""
    async with app.serving(settings, dsn) as running:
        yield running


@pytest.fixture(scope="module")
def served(postgres_dsn: str, template: clones.Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rest_rig.Served]:
    """One server on a thread of its own for all tests of a file; each makes an application of its own."""
    folder = tmp_path_factory.mktemp("data")
    with clones.clone(postgres_dsn, template.name) as dsn, rest_rig.serving(dsn, folder, MASTER_KEY) as running:
        yield running


@pytest.fixture
def shop(served: rest_rig.Served) -> rest_rig.Shop:
    return served.new_application()


@pytest.fixture
async def master(server: app.Server) -> AsyncIterator[hook0_client.Client]:
    """A client with the master key."""
    async with hook0_client.connect(server.grpc, token=MASTER_KEY) as client:
        yield client


def pytest_configure() -> None:
    """A run that was started in the background ignores Ctrl-C, and so would the programs that are told to end by it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


_LONG = ("/faults/", "test_neighbours", "test_embedded", "test_readme", "test_hook0ctl", "test_storm", "plans")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long go first, so that no worker is left with one in the end. Without --no-loadscope-reorder
    pytest-xdist would hand out those with the most tests first instead, and these, which have few, last."""
    items.sort(key=lambda item: not any(name in item.nodeid.partition("::")[0] for name in _LONG))
