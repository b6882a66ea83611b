"""The embedded PostgreSQL: where it runs, as whom, and whom it refuses."""

import hashlib
import os
import pathlib
import re
import signal
import stat
from collections.abc import Callable, Iterator

import embedded_owner
import in_memory
import psycopg
import pytest

from hook0_server.store import embedded
from hook0_server.store.embedded import directory, leftovers, process, server as embedded_server

Used = Callable[[pathlib.Path], pathlib.Path]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")


@pytest.fixture
def tmp_path() -> Iterator[pathlib.Path]:
    with in_memory.short_directory() as short:
        yield short


@pytest.fixture
def private(tmp_path: pathlib.Path) -> pathlib.Path:
    """A directory nobody else may enter."""
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    return parent


@pytest.fixture
def without_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(process, "can_run", never)


@pytest.fixture
def runtime(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An empty XDG_RUNTIME_DIR with a short path."""
    directory = tmp_path / "run"
    directory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory


def modes(path: pathlib.Path) -> list[tuple[int, int]]:
    return [(one.stat().st_mode, one.stat().st_uid) for one in path.parents]


async def test_a_new_directory_becomes_a_database_that_only_its_owner_can_reach(private: pathlib.Path) -> None:
    data_dir = private / "deep" / "data"
    async with embedded.run(data_dir, durable=False) as server:
        assert await embedded_owner.value(server.dsn, "SELECT current_database()") == "hook0"
        assert await embedded_owner.value(server.dsn, "SHOW server_encoding") == "UTF8"
        assert await embedded_owner.value(server.dsn, "SELECT datcollate FROM pg_database LIMIT 1") == "C"
        assert await embedded_owner.value(server.dsn, "SHOW listen_addresses") == ""
        assert await embedded_owner.value(server.dsn, "SHOW timezone") == "UTC"
        assert str(await embedded_owner.value(server.dsn, "SELECT version()")).startswith("PostgreSQL 18")
        socket = embedded_owner.sockets(server.dsn) / ".s.PGSQL.5432"
        assert data_dir in socket.parents
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert {one.name for one in data_dir.iterdir()} == {"postgres", "postgres.lock", "postgres.log"}


async def test_what_was_written_is_there_at_the_next_start(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path)) as server:
        await embedded_owner.run(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    async with embedded.run(tmp_path) as server:
        assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42


async def test_an_existing_directory_keeps_its_mode(private: pathlib.Path) -> None:
    data_dir = private / "data"
    data_dir.mkdir()
    data_dir.chmod(0o751)
    before = modes(data_dir)
    async with embedded.run(data_dir, durable=False):
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o751
    assert modes(data_dir) == before


@pytest.mark.parametrize(("durable", "setting"), [(True, "on"), (False, "off")])
async def test_durability_is_given_up_only_when_asked(tmp_path: pathlib.Path, durable: bool, setting: str) -> None:
    async with embedded.run(tmp_path, durable=durable) as server:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await embedded_owner.value(server.dsn, f"SHOW {name}") == setting


async def test_another_major_version_runs_and_does_not_open_the_directory_of_this_one(tmp_path: pathlib.Path) -> None:
    async with embedded.run(tmp_path, major=16, durable=False) as server:
        assert str(await embedded_owner.value(server.dsn, "SELECT version()")).startswith("PostgreSQL 16")
    with pytest.raises(embedded.WrongVersion, match=r"made by PostgreSQL 16, this is PostgreSQL 18"):
        async with embedded.run(tmp_path):
            pass


async def test_an_unknown_major_version_is_refused_by_name(tmp_path: pathlib.Path) -> None:
    with pytest.raises(embedded.EmbeddedError, match="no embedded PostgreSQL 9 here"):
        async with embedded.run(tmp_path, major=9):
            pass


@pytest.mark.parametrize("name", ["x" * 120, "a,b", 'a"b', "ü"])
async def test_a_path_no_socket_can_have_gets_a_short_private_one(
    private: pathlib.Path, name: str, runtime: pathlib.Path
) -> None:
    async with embedded.run(private / name, durable=False) as server:
        assert await embedded_owner.value(server.dsn, "SELECT 1") == 1
        (sockets,) = runtime.iterdir()
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert list(runtime.iterdir()) == []


async def test_a_runtime_directory_that_is_too_long_itself_is_not_used(
    private: pathlib.Path, monkeypatch: pytest.MonkeyPatch, used: Used
) -> None:
    runtime = private / ("r" * 120)
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    async with embedded.run(used(private / ("x" * 120)), durable=False) as server:
        assert await embedded_owner.value(server.dsn, "SELECT 1") == 1


async def test_a_short_socket_directory_open_to_others_is_refused(
    private: pathlib.Path, runtime: pathlib.Path, used: Used
) -> None:
    data_dir = private / "a,b"
    name = hashlib.sha256(os.fsencode(data_dir / "postgres")).hexdigest()[:16]
    (runtime / f"hook0-{name}").mkdir()
    (runtime / f"hook0-{name}").chmod(0o755)
    with pytest.raises(embedded.EmbeddedError, match="open to others"):
        async with embedded.run(used(data_dir), durable=False):
            pass


async def test_a_user_who_is_not_root_can_run_it(private: pathlib.Path) -> None:
    owner = embedded_owner.spawn(private / "data", user="mapped:65534" if os.geteuid() == 0 else "self")
    try:
        dsn, _, uid = await embedded_owner.ready(owner)
        assert uid != 0
        assert await embedded_owner.value(dsn, "SELECT 1") == 1
    finally:
        embedded_owner.clean(owner, private / "data")


@as_root
async def test_root_without_user_namespaces_runs_it_as_nobody_behind_private_parents(
    private: pathlib.Path, without_user_namespaces: None
) -> None:
    data_dir = private / "data"
    before = modes(data_dir)
    async with embedded.run(data_dir, durable=False) as server:
        assert await embedded_owner.value(server.dsn, "SELECT 1") == 1
        assert pathlib.Path("/proc", str(server.pid)).stat().st_uid in (0, 65534)
        status = pathlib.Path("/proc", str(server.pid), "status").read_text()
        assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.MULTILINE)
    assert modes(data_dir) == before
    assert data_dir.stat().st_uid == 0


@as_root
async def test_a_cluster_of_root_is_handed_over_and_then_stays_with_its_new_owner(
    private: pathlib.Path, monkeypatch: pytest.MonkeyPatch, used: Used
) -> None:
    async def never(*_: object) -> bool:
        return False

    async with embedded.run(used(private)) as server:
        await embedded_owner.run(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    with monkeypatch.context() as patched:
        patched.setattr(process, "can_run", never)
        async with embedded.run(private) as server:
            assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42
    async with embedded.run(private) as server:
        assert await embedded_owner.value(server.dsn, "SELECT n FROM kept") == 42
        assert (private / "postgres").stat().st_uid == 65534


async def test_a_second_server_on_the_directory_is_refused_at_once(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path), durable=False) as server:
        with pytest.raises(embedded.DataDirectoryInUse, match=rf"{tmp_path} is in use by process {os.getpid()}:"):
            async with embedded.run(tmp_path, durable=False):
                pass
        assert await embedded_owner.value(server.dsn, "SELECT 1") == 1


async def test_a_postgresql_of_somebody_else_on_the_cluster_is_left_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, used: Used
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(embedded_server._SETTINGS, "cluster_name", "another")
        async with embedded.run(used(tmp_path), durable=False) as theirs:
            (tmp_path / "postgres.lock").unlink()
            with pytest.raises(embedded.DataDirectoryInUse, match=f"another PostgreSQL, process {theirs.pid}"):
                async with embedded.run(tmp_path, durable=False):
                    pass
            assert await embedded_owner.value(theirs.dsn, "SELECT 1") == 1


async def test_a_postgresql_that_cannot_start_is_reported_with_its_own_words(tmp_path: pathlib.Path, used: Used) -> None:
    used(tmp_path)
    with (tmp_path / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(embedded.EmbeddedError, match=r"did not start in .*\n(.*\n)*.*no_such_setting"):
        async with embedded.run(tmp_path, durable=False):
            pass
    assert leftovers.find(tmp_path / "postgres") == set()


async def test_an_initdb_that_fails_is_reported_and_leaves_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_server, "_SUPERUSER", "pg_reserved")
    with pytest.raises(embedded.EmbeddedError, match=r"initdb failed in .*\n(.*\n)*.*pg_reserved"):
        async with embedded.run(tmp_path, durable=False):
            pass
    assert {one.name for one in tmp_path.iterdir()} == {"postgres.lock", "postgres.log"}


async def test_a_directory_that_cannot_be_used_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(embedded.EmbeddedError, match=f"the data directory {tmp_path}/file cannot be used: .*exists"):
        async with embedded.run(tmp_path / "file"):
            pass


async def test_a_directory_of_something_else_is_not_overwritten(tmp_path: pathlib.Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(embedded.EmbeddedError, match="not a PostgreSQL data directory"):
        async with embedded.run(tmp_path):
            pass
    assert (tmp_path / "postgres" / "notes.txt").read_text() == "mine"


async def test_the_log_is_moved_away_when_it_is_large(tmp_path: pathlib.Path, used: Used) -> None:
    (tmp_path / "postgres.log").write_bytes(b"x" * (directory._LOG_MAX_BYTES + 1))
    async with embedded.run(used(tmp_path), durable=False):
        pass
    assert (tmp_path / "postgres.log.1").stat().st_size == directory._LOG_MAX_BYTES + 1
    assert 0 < (tmp_path / "postgres.log").stat().st_size < 100_000


async def test_the_terminals_interrupt_does_not_reach_it(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path), durable=False) as server:
        assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid


async def test_stopping_twice_is_harmless_and_nothing_answers_afterwards(tmp_path: pathlib.Path, used: Used) -> None:
    async with embedded.run(used(tmp_path), durable=False) as server:
        await server.stop()
        await server.stop()
        assert await server.wait() == 0
    with pytest.raises(psycopg.OperationalError):
        await embedded_owner.value(server.dsn, "SELECT 1")


async def test_an_error_of_the_user_passes_through_unchanged(tmp_path: pathlib.Path, used: Used) -> None:
    with pytest.raises(FileNotFoundError, match="theirs"):
        async with embedded.run(used(tmp_path), durable=False) as server:
            raise FileNotFoundError("theirs")
    assert await server.wait() == 0


async def test_a_postgresql_that_does_not_stop_is_killed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, used: Used
) -> None:
    monkeypatch.setattr(embedded_server, "_STOP_SECONDS", 0.1)
    monkeypatch.setattr(process, "_IMMEDIATE_SECONDS", 0.1)
    async with embedded.run(used(tmp_path), durable=False) as server:
        os.kill(server.pid, signal.SIGSTOP)
    assert await server.wait() == -signal.SIGKILL
    assert leftovers.find(tmp_path / "postgres") == set()
