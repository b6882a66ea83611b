"""The embedded PostgreSQL when somebody is killed: it, its owner, or both."""

import asyncio
import os
import pathlib
import signal
import subprocess
from collections.abc import Callable, Iterator

import embedded_owner
import in_memory
import psycopg
import pytest

from hook0_server.store import embedded
from hook0_server.store.embedded import leftovers

DEADLINE_SECONDS = 20.0
Used = Callable[[pathlib.Path], pathlib.Path]

linux = pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="the kernel has to end it")


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not claim():  # noqa: ASYNC110  other processes set no asyncio.Event
            await asyncio.sleep(0.01)


@pytest.fixture
def tmp_path() -> Iterator[pathlib.Path]:
    with in_memory.short_directory() as short:
        yield short


@pytest.fixture
def owner(tmp_path: pathlib.Path, used: Used) -> Iterator[subprocess.Popen[str]]:
    spawned = embedded_owner.spawn(used(tmp_path / "data"))
    yield spawned
    embedded_owner.clean(spawned, tmp_path / "data")


@pytest.fixture
def first_owner(tmp_path: pathlib.Path) -> Iterator[subprocess.Popen[str]]:
    """One that has to make the cluster."""
    spawned = embedded_owner.spawn(tmp_path / "data")
    yield spawned
    embedded_owner.clean(spawned, tmp_path / "data")


def kill_together(owner: subprocess.Popen[str], pid: int) -> None:
    """The owner and PostgreSQL, which is stopped first, so that it cannot notice its owner's death."""
    os.kill(pid, signal.SIGSTOP)
    embedded_owner.kill(owner)
    os.kill(pid, signal.SIGKILL)


@linux
async def test_postgresql_ends_by_itself_when_its_owner_is_killed(owner: subprocess.Popen[str], tmp_path: pathlib.Path) -> None:
    await embedded_owner.ready(owner)
    embedded_owner.kill(owner)
    await until(lambda: not leftovers.find(tmp_path / "data" / "postgres"))
    assert "database system is shut down" in (tmp_path / "data" / "postgres.log").read_text()


@linux
async def test_a_new_owner_waits_for_the_old_postgresql_to_end(owner: subprocess.Popen[str], tmp_path: pathlib.Path) -> None:
    dsn, pid, _ = await embedded_owner.ready(owner)
    await embedded_owner.run(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    os.kill(pid, signal.SIGSTOP)
    embedded_owner.kill(owner)

    async def own_next() -> object:
        async with embedded.run(tmp_path / "data") as server:
            return await embedded_owner.value(server.dsn, "SELECT n FROM kept")

    async with asyncio.TaskGroup() as tasks:
        taken_over = tasks.create_task(own_next(), name="next owner")
        # The lock names the next owner by the time it waits.
        await until(lambda: (tmp_path / "data" / "postgres.lock").read_text() == f"{os.getpid()}\n")
        done, _ = await asyncio.wait([taken_over], timeout=0.5)
        assert not done
        os.kill(pid, signal.SIGCONT)
    assert taken_over.result() == 42
    log = (tmp_path / "data" / "postgres.log").read_text()
    assert "not properly shut down" not in log


async def test_a_new_owner_that_comes_at_once_finds_everything(owner: subprocess.Popen[str], tmp_path: pathlib.Path) -> None:
    dsn, _, _ = await embedded_owner.ready(owner)
    await embedded_owner.run(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    embedded_owner.kill(owner)
    async with embedded.run(tmp_path / "data") as server:
        assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42


@linux
@pytest.mark.parametrize("successor", ["nobody", "stranger", "zombie"])
async def test_after_both_were_killed_a_stale_pid_file_stops_no_one(
    owner: subprocess.Popen[str], tmp_path: pathlib.Path, successor: str
) -> None:
    dsn, pid, _ = await embedded_owner.ready(owner)
    await embedded_owner.run(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    kill_together(owner, pid)
    cluster = tmp_path / "data" / "postgres"
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            if successor == "zombie":
                other.kill()
                os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
            if successor != "nobody":
                _, *rest = (cluster / "postmaster.pid").read_text().splitlines()
                (cluster / "postmaster.pid").write_text("\n".join([str(other.pid), *rest]))
                (embedded_owner.sockets(dsn) / ".s.PGSQL.5432.lock").write_text(f"{other.pid}\n")
            async with embedded.run(tmp_path / "data") as server:
                assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42
            if successor == "stranger":
                assert other.poll() is None
        finally:
            other.kill()


@linux
async def test_a_backend_that_outlives_its_postmaster_is_ended_before_the_next_start(
    owner: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    dsn, pid, _ = await embedded_owner.ready(owner)
    await embedded_owner.run(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    busy = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    backend = busy.info.backend_pid
    endless = asyncio.create_task(busy.execute("DO $$ BEGIN LOOP END LOOP; END $$"), name="endless query")
    await until_active(dsn, backend)
    kill_together(owner, pid)
    assert backend in leftovers.find(tmp_path / "data" / "postgres")
    async with embedded.run(tmp_path / "data") as server:
        assert backend not in leftovers.find(tmp_path / "data" / "postgres")
        assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42
    with pytest.raises(psycopg.OperationalError):
        await endless


async def until_active(dsn: str, backend: int) -> None:
    query = f"SELECT state FROM pg_stat_activity WHERE pid = {backend} AND query LIKE 'DO%'"
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await embedded_owner.value(dsn, query) != "active":  # noqa: ASYNC110  as above
            await asyncio.sleep(0.01)


async def test_a_second_process_is_refused_with_the_pid_of_the_first(
    owner: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    await embedded_owner.ready(owner)
    with pytest.raises(embedded.DataDirectoryInUse, match=f"{tmp_path}/data is in use by process {owner.pid}:"):
        async with embedded.run(tmp_path / "data"):
            pass


async def test_an_initdb_killed_in_the_middle_is_begun_again(
    first_owner: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    data_dir = tmp_path / "data"
    await until(lambda: any(data_dir.glob("postgres.new-*/PG_VERSION")))
    embedded_owner.kill(first_owner)
    assert not (data_dir / "postgres").exists()
    async with embedded.run(data_dir) as server:
        assert await embedded_owner.value(server.dsn, "SELECT 1") == 1


async def test_half_a_cluster_of_an_earlier_start_is_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "postgres.new-abandoned").mkdir()
    (tmp_path / "postgres.new-abandoned" / "PG_VERSION").write_text("18\n")
    async with embedded.run(tmp_path, durable=False):
        assert not (tmp_path / "postgres.new-abandoned").exists()


async def test_a_killed_postgresql_is_started_again_at_the_same_address(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path)) as server:
        await embedded_owner.run(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        for restarts in (1, 2):
            first = server.pid
            os.kill(first, signal.SIGKILL)
            assert await server.wait() == -signal.SIGKILL
            await until(lambda restarts=restarts: server.restarts == restarts)  # type: ignore[misc]
            assert server.pid != first
            assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42


async def test_it_keeps_trying_while_postgresql_cannot_start(tmp_path: pathlib.Path, used: Used) -> None:
    cluster, away = tmp_path / "postgres", tmp_path / "away"
    async with embedded.run(used(tmp_path)) as server:
        await embedded_owner.run(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        os.kill(server.pid, signal.SIGSTOP)
        cluster.rename(away)
        os.kill(server.pid, signal.SIGKILL)
        refused = "cannot run"
        await until(lambda: refused in (tmp_path / "postgres.log").read_text())
        assert server.restarts == 0
        away.rename(cluster)
        await until(lambda: server.restarts == 1)
        assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42


async def test_stopping_while_it_is_being_started_again_leaves_nothing(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path), durable=False) as server:
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
    assert leftovers.find(tmp_path / "postgres") == set()
