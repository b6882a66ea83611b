"""The database's disk is full: callers are told to come back, nothing is lost, and all goes on when there is room."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator

import clones
import psycopg
import pytest
import workbench
from psycopg import conninfo

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from tests import conftest

TYPE = "user.account.created"
DISK_MIB = 64
PAYLOAD = "x" * 100_000
SOME = 20


@contextlib.contextmanager
def _small_disk(mib: int) -> Iterator[pathlib.Path]:
    """A file system of this size, for as long as the block lasts; skips where nobody may mount one."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="hook0-disk-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=777", "hook0-test", folder], capture_output=True
        )
        if mounted.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
        try:
            yield pathlib.Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@dataclasses.dataclass
class Disk:
    """Where the database is, and how to fill it."""

    folder: pathlib.Path
    dsn: str

    @property
    def _ballast(self) -> pathlib.Path:
        return self.folder / "ballast"

    def fill(self, spare_bytes: int) -> None:
        """Leave only so much."""
        free = os.statvfs(self.folder)
        os.posix_fallocate(
            fd := os.open(self._ballast, os.O_CREAT | os.O_WRONLY), 0, free.f_bavail * free.f_frsize - spare_bytes
        )
        os.close(fd)

    def clear(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(postgres_dsn: str, template: clones.Template) -> Iterator[Disk]:
    """A fresh database on a small disk of its own; the log of transactions is elsewhere."""
    name = f"disk_{uuid.uuid4().hex}"
    with _small_disk(DISK_MIB) as folder, psycopg.connect(postgres_dsn, autocommit=True) as connection:
        [data] = connection.execute("SHOW data_directory").fetchone() or [""]
        if not pathlib.Path(data).is_dir():
            pytest.skip("PostgreSQL is on another machine")
        owner = pathlib.Path(data).stat()
        (where := folder / "tables").mkdir()
        os.chown(where, owner.st_uid, owner.st_gid)
        connection.execute(f"CREATE TABLESPACE {name} LOCATION '{where}'")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template.name} TABLESPACE {name} STRATEGY file_copy")
        try:
            yield Disk(folder, conninfo.make_conninfo(postgres_dsn, dbname=name))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.execute(f"DROP TABLESPACE {name}")


async def _publish(client: hook0_client.Client, application_id: str, payload: str) -> str:
    event = v1.NewEvent(event_type=TYPE, payload_text=payload, payload_content_type="text/plain")
    answer = await client.ingestion.PublishEvent(v1.PublishEventRequest(application_id=application_id, event=event))
    return answer.event_id


async def test_a_full_disk_refuses_and_loses_nothing(disk: Disk, settings: server_settings.Settings) -> None:
    given = dataclasses.replace(settings, stop_grace=1.0)
    acknowledged: list[str] = []
    refusals: list[hook0_client.Unavailable] = []
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(app.serving(given, disk.dsn))
        client = await stack.enter_async_context(hook0_client.connect(server.grpc, token=conftest.MASTER_KEY))
        receiver = await stack.enter_async_context(workbench.receiving())
        made = await workbench.application(client, TYPE)
        await workbench.subscribe(client, made.application_id, receiver.url)
        disk.fill(spare_bytes=SOME * len(PAYLOAD))
        while len(refusals) < SOME and len(acknowledged) < 1000:
            try:
                acknowledged.append(await _publish(client, made.application_id, PAYLOAD))
            except hook0_client.Unavailable as refusal:
                refusals.append(refusal)
        assert len(refusals) == SOME
        before = len(acknowledged)
        disk.clear()
        acknowledged += [await _publish(client, made.application_id, PAYLOAD) for _ in range(SOME)]
        await receiver.until_events(len(acknowledged))
    print(f"acknowledged {before} before, {len(refusals)} refused, {len(acknowledged) - before} afterwards")
    assert {(each.reason, bool(each.retry_after)) for each in refusals} == {("DATABASE_UNAVAILABLE", True)}
    assert receiver.counts == dict.fromkeys(acknowledged, 1)
