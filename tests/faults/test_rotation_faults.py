"""The key is changed while a server works beside it, and by a process that is killed in the middle."""

import asyncio
import dataclasses
import os
import pathlib
import re
import signal
import sys
from collections.abc import AsyncIterator

import psycopg
import pytest
import sealing
import workbench
from sealing import BOTH, K1, K2

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.store import database, sealed

TYPE = "user.account.created"
ROTATE = ("-c", "from hook0_server import cli; cli.main()", "rotate-encryption-key")
HOLD = """SELECT FROM request_answers
 WHERE request_id = (SELECT request_id FROM request_answers ORDER BY scope, request_id OFFSET 700 LIMIT 1) FOR UPDATE"""
RESEALED = b"SELECT count(*) FROM request_answers WHERE substring(answer_encrypted FROM 3 FOR 2) = 'k2'"
LOCKS = b"""SELECT count(*) FROM pg_locks
 WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


async def started(dsn: str, data_dir: pathlib.Path, **environment: str) -> asyncio.subprocess.Process:
    """The command as it is run; it logs nothing but failures."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOK0_")}
    given = {"DATABASE_URL": dsn, "HOOK0_DATA_DIR": str(data_dir), "HOOK0_LOG_LEVEL": "error"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *ROTATE),
        env=kept | given | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(40):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


async def until(db: database.Database, query: bytes, wanted: object) -> None:
    async with asyncio.timeout(40):
        while await db.fetch(query) != [(wanted,)]:  # noqa: ASYNC110  # a look into the database
            await asyncio.sleep(0.02)


def is_signed(received: workbench.Received, secret: str) -> bool:
    try:
        hook0_client.verify_webhook(secret, received.headers, received.body)
    except hook0_client.SignatureInvalid:
        return False
    return True


async def test_killed_in_the_middle_it_goes_on_at_the_next_run(dsn: str, db: database.Database, tmp_path: pathlib.Path) -> None:
    await sealing.answers(db, K1, 1200)
    before = await sealing.opened(db, sealing.keyring(K1))
    async with await psycopg.AsyncConnection.connect(dsn) as holding:
        await holding.execute(HOLD)
        process = await started(dsn, tmp_path, HOOK0_ENCRYPTION_KEYS=BOTH)
        await until(db, RESEALED, sealed.SLICE_ROWS)  # the first slice is committed, the second one waits for that row
        process.send_signal(signal.SIGKILL)
        await finished(process)
    assert await sealing.opened(db, sealing.keyring(BOTH)) == before
    await until(db, LOCKS, 0)
    code, said = await finished(await started(dsn, tmp_path, HOOK0_ENCRYPTION_KEYS=BOTH))
    assert code == 0, said
    assert "request_answers.answer_encrypted: 700 re-encrypted" in said
    assert "In use: k2 (1,200 values)." in said
    assert await sealing.opened(db, sealing.keyring(K2)) == before


async def test_a_key_file_survives_a_kill_in_the_middle_too(
    settings: server_settings.Settings, dsn: str, db: database.Database
) -> None:
    folder = settings.data_dir
    async with app.serving(settings, dsn):
        old = (folder / "encryption_key").read_text().strip()
    await sealing.answers(db, old, 1200)
    before = await sealing.opened(db, sealing.keyring(old))
    async with await psycopg.AsyncConnection.connect(dsn) as holding:
        await holding.execute(HOLD)
        process = await started(dsn, folder)
        resealed = b"SELECT count(*) FROM request_answers WHERE substring(answer_encrypted FROM 3 FOR 9) <> '%s'"
        await until(db, resealed % old.partition(":")[0].encode(), sealed.SLICE_ROWS)
        process.send_signal(signal.SIGKILL)
        await finished(process)
    both = (folder / "encryption_key").read_text().strip()
    assert both.endswith(f",{old}")
    assert await sealing.opened(db, sealing.keyring(both)) == before
    await until(db, LOCKS, 0)
    code, said = await finished(await started(dsn, folder))
    assert code == 0, said
    new = (folder / "encryption_key").read_text().strip()
    assert new == both.partition(",")[0]
    assert await sealing.opened(db, sealing.keyring(new)) == before


@pytest.fixture
async def works(settings: server_settings.Settings, dsn: str) -> AsyncIterator[app.Server]:
    """A server that was started again with both keys, on what it made with the old one."""
    await sealing.fill(dataclasses.replace(settings, encryption_keys=K1), dsn, K1)
    async with app.serving(dataclasses.replace(settings, encryption_keys=BOTH), dsn) as server:
        yield server


async def test_a_server_works_on_beside_it(
    works: app.Server, settings: server_settings.Settings, dsn: str, tmp_path: pathlib.Path
) -> None:
    """It publishes, delivers, makes and changes subscriptions meanwhile; afterwards the new key is enough for all of it."""
    secrets: list[str] = []
    async with (
        workbench.receiving() as receiver,
        hook0_client.connect(works.grpc, token=str(settings.master_api_key)) as master,
    ):
        made = await workbench.application(master)

        async def work() -> None:
            """A subscription of its own for an event, changed once before."""
            labels = {"number": str(len(secrets))}
            created = await workbench.subscribe(master, made.application_id, "http://127.0.0.1:1/", labels=labels)
            created.subscription.target.http.url = f"{receiver.url}/{len(secrets)}"
            secrets.append(created.secret)
            await master.subscriptions.UpdateSubscription(v1.UpdateSubscriptionRequest(subscription=created.subscription))
            await master.publish(TYPE, {}, application_id=made.application_id, labels=labels)

        await sealing.answers(works.db, K1, 2000)
        await work()
        process = await started(dsn, tmp_path, HOOK0_ENCRYPTION_KEYS=BOTH)
        while process.returncode is None:
            await work()
        code, said = await finished(process)
        assert code == 0, said
        assert "k1: it may be removed from HOOK0_ENCRYPTION_KEYS" in said
        assert int(re.findall(r"request_answers\.\w+: ([\d,]+)", said)[0].replace(",", "")) >= 2000
        await receiver.until_events(len(secrets))
        assert all(is_signed(each, secrets[int(each.path.rpartition("/")[2])]) for each in receiver.received)
    used = await sealing.sealed_with(works.db)
    assert {key for keys in used.values() for key in keys} == {"k2", None}


async def test_afterwards_the_new_key_alone_delivers_what_was_made_with_the_old_one(
    settings: server_settings.Settings, dsn: str, tmp_path: pathlib.Path
) -> None:
    async with workbench.receiving() as receiver:
        async with (
            app.serving(dataclasses.replace(settings, encryption_keys=K1), dsn) as first,
            hook0_client.connect(first.grpc, token=str(settings.master_api_key)) as master,
        ):
            made = await workbench.application(master)
            created = await workbench.subscribe(master, made.application_id, receiver.url)
        code, said = await finished(await started(dsn, tmp_path, HOOK0_ENCRYPTION_KEYS=BOTH))
        assert code == 0, said
        async with (
            app.serving(dataclasses.replace(settings, encryption_keys=K2), dsn) as second,
            hook0_client.connect(second.grpc, token=made.secret, application_id=made.application_id) as client,
        ):
            await client.publish(TYPE, {})
            await receiver.until_events(1)
        assert is_signed(receiver.received[0], created.secret)


async def test_it_says_why_it_cannot_and_exits_with_1(works: app.Server, dsn: str, tmp_path: pathlib.Path) -> None:
    code, said = await finished(await started(dsn, tmp_path, HOOK0_ENCRYPTION_KEYS=f"{K1},{K2}"))
    assert code == 1
    assert re.search(
        r"^The server on \S+ \(process \d+\) encrypts with k2: restart it with k1, k2 in this order", said, re.MULTILINE
    )
