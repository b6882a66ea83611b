import dataclasses
import pathlib
import re
import stat
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sealing
from sealing import BOTH, K1, K2

from hook0_server import app, settings as server_settings
from hook0_server.access import encryption, key_file, rotation
from hook0_server.store import database, instance, nodes, sealed

COUNTS = {
    "application_secrets.secret_encrypted": 6,
    "subscriptions.secret_encrypted": 3,
    "subscription_revisions.target_encrypted": 6,
    "request_answers.answer_encrypted": 3,
    "service_tokens.token_encrypted": 1,
}
NOWHERE = pathlib.Path("/nonexistent")

Rotate = Callable[..., Any]


class Told(list[str]):
    def counts(self) -> dict[str, int]:
        found = re.findall(r"^(\S+): ([\d,]+) re-encrypted$", "\n".join(self), re.MULTILINE)
        return {column: int(count.replace(",", "")) for column, count in found}


@pytest.fixture
async def filled(settings: server_settings.Settings, dsn: str, db: database.Database) -> database.Database:
    """Values under k1, of a server that has ended."""
    await sealing.fill(dataclasses.replace(settings, encryption_keys=K1), dsn, K1)
    return db


async def rotate(db: database.Database, setting: str | None = BOTH, data_dir: pathlib.Path = NOWHERE) -> tuple[bool, Told]:
    told = Told()
    done = await rotation.Rotation(db, setting, data_dir, tell=told.append).run()
    return done, told


async def node(db: database.Database, *key_ids: str, silent_seconds: float = 0) -> None:
    """A node that was registered, and has not beaten since so long."""
    described = nodes.Description(is_answering=True, is_sending=True, version="1", key_ids=key_ids)
    number = await nodes.register(db.hot("node"), described)
    await db.fetch(b"UPDATE nodes SET beat_at = now() - %s * interval '1 s' WHERE node_id = %s", [silent_seconds, number])


async def test_every_sealed_column_of_the_database_is_listed_with_its_key(db: database.Database) -> None:
    """By name, as the tables have them: whoever adds one has to list it, or its values are lost with the old key."""
    rows = await db.fetch(
        b"""SELECT c.relname, a.attname,
                   ARRAY(SELECT k.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS p (number, place)
                           JOIN pg_attribute k ON k.attnum = p.number
                          WHERE i.indrelid = c.oid AND i.indisprimary AND k.attrelid = c.oid ORDER BY p.place)
              FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE a.attname LIKE '%encrypted' AND c.relkind IN ('r', 'p') AND n.nspname = 'public'"""
    )
    listed = {(column.table, column.name, column.key) for column in sealed.COLUMNS}
    assert listed == {(table, name, tuple(key)) for table, name, key in rows}
    assert all(column.row_id in column.key for column in sealed.COLUMNS)


async def test_everything_is_sealed_with_the_new_key_and_says_what_it_said(filled: database.Database) -> None:
    before = await sealing.opened(filled, sealing.keyring(K1))
    done, told = await rotate(filled)
    assert done
    assert told.counts() == COUNTS
    assert await sealing.opened(filled, sealing.keyring(K2)) == before
    assert told[-2:] == ["In use: k2 (19 values).", "Nothing is sealed with k1: it may be removed from HOOK0_ENCRYPTION_KEYS."]


async def test_again_it_finds_nothing_to_do(filled: database.Database) -> None:
    await rotate(filled)
    done, told = await rotate(filled)
    assert (done, told.counts()) == (True, dict.fromkeys(COUNTS, 0))
    done, told = await rotate(filled, K2)
    assert (done, told[-1]) == (True, "To change the key put a new one before it in HOOK0_ENCRYPTION_KEYS.")


async def test_the_old_key_is_needed_until_then_and_never_again(filled: database.Database) -> None:
    with pytest.raises(instance.KeysRefused, match=r": k1\.$"):
        await instance.verify(filled, sealing.keyring(K2))
    await rotate(filled)
    await instance.verify(filled, sealing.keyring(BOTH))  # a server that is started again with both does not bring it back
    await instance.verify(filled, sealing.keyring(K2))
    with pytest.raises(instance.KeysRefused, match=r": k2\.$"):
        await instance.verify(filled, sealing.keyring(K1))


async def test_many_rows_go_in_slices_by_every_kind_of_key(filled: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "SLICE_ROWS", 2)
    sizes: list[int] = []
    replace = sealed.replace

    async def counting(*given: Any) -> int:
        sizes.append(len(given[2]))
        return await replace(*given)

    monkeypatch.setattr(sealed, "replace", counting)
    before = await sealing.opened(filled, sealing.keyring(K1))
    _, told = await rotate(filled)
    assert told.counts() == COUNTS
    assert max(sizes) == 2
    assert await sealing.opened(filled, sealing.keyring(K2)) == before


async def test_what_changed_meanwhile_is_not_overwritten_and_what_went_stays_gone(
    filled: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, changed = sealed.replace, sealing.keyring(K2).encrypt(b"changed", uuid.UUID(int=1))

    async def late(db: database.Database, column: sealed.Column, changes: Any) -> int:
        if column.table == "subscriptions":
            first, second = (value.row_id for value, _ in changes[:2])
            await db.fetch(b"UPDATE subscriptions SET secret_encrypted = %s WHERE subscription_id = %s", [changed, first])
            await db.fetch(b"DELETE FROM subscriptions WHERE subscription_id = %s", [second])
        return await replace(db, column, changes)

    monkeypatch.setattr(sealed, "replace", late)
    done, told = await rotate(filled)
    assert (done, told.counts()) == (True, COUNTS | {"subscriptions.secret_encrypted": 1})
    rows = await filled.fetch(b"SELECT secret_encrypted FROM subscriptions")
    assert len(rows) == 2
    assert [changed] in [[*row] for row in rows]


async def test_a_value_that_does_not_open_stays_and_so_does_the_old_key(filled: database.Database) -> None:
    foreign = sealing.keyring("lost:" + "33" * 32).encrypt(b"?", uuid.UUID(int=1))
    await filled.fetch(
        b"""UPDATE subscriptions SET secret_encrypted = CASE WHEN subscription_id = (SELECT min(subscription_id::text)::uuid
        FROM subscriptions) THEN %s ELSE set_byte(secret_encrypted, 20, (get_byte(secret_encrypted, 20) + 1) %% 256) END""",
        [foreign],
    )
    done, told = await rotate(filled)
    assert not done
    assert told.counts() == COUNTS | {"subscriptions.secret_encrypted": 0}
    assert told[-2] == "In use: k1 (2 values), k2 (16 values), lost (1 values)."
    assert "Keep k1, lost" in told[-1]
    with pytest.raises(instance.KeysRefused):
        await instance.verify(filled, sealing.keyring(K2))


@pytest.mark.parametrize(("key_ids", "words"), [(("k1",), "encrypts with k1"), ((), "does not tell its keys")])
async def test_a_living_server_with_another_key_stops_it_before_anything_is_done(
    filled: database.Database, key_ids: tuple[str, ...], words: str
) -> None:
    await node(filled, "k2", "k1")
    await node(filled, *key_ids)
    with pytest.raises(rotation.RotationRefused, match=rf"process \d+\) {words}: restart it with k2, k1 in this order"):
        await rotate(filled)
    assert {key for keys in (await sealing.sealed_with(filled)).values() for key in keys} == {"k1", None}
    await instance.verify(filled, sealing.keyring(K1))  # its restart is not refused for a key that nothing needs yet


async def test_a_server_that_comes_up_in_the_middle_with_another_key_stops_it_there(
    filled: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = sealed.replace

    async def meanwhile(*given: Any) -> int:
        await node(filled, "k1", "k2")
        return await replace(*given)

    monkeypatch.setattr(sealed, "replace", meanwhile)
    with pytest.raises(rotation.RotationRefused, match="encrypts with k1"):
        await rotate(filled)
    used = await sealing.sealed_with(filled)
    assert (used["application_secrets.secret_encrypted"], used["subscriptions.secret_encrypted"]) == ({"k2"}, {"k1"})


async def test_a_dead_server_and_one_with_the_new_key_first_do_not_stop_it(filled: database.Database) -> None:
    await node(filled, "k2", "k1")
    await node(filled, "k1", silent_seconds=8.1)
    done, _ = await rotate(filled)
    assert done


async def test_one_at_a_time(filled: database.Database) -> None:
    async with sealed.alone(filled) as is_alone:
        assert is_alone
        with pytest.raises(rotation.RotationRefused, match="another process"):
            await rotate(filled)
    done, _ = await rotate(filled)
    assert done


async def test_a_database_of_other_keys_is_refused(filled: database.Database, tmp_path: pathlib.Path) -> None:
    for setting in (K2, None):
        with pytest.raises(instance.KeysRefused):
            await rotate(filled, setting, tmp_path)
    assert (tmp_path / encryption.FILE_NAME).read_text().count(":") == 1  # no second key beside the one it made


@pytest.fixture
async def by_file(settings: server_settings.Settings, dsn: str, db: database.Database) -> pathlib.Path:
    """The key file under which the database is filled."""
    path = settings.data_dir / encryption.FILE_NAME
    setting = encryption.Keyring.load(None, settings.data_dir) and path.read_text().strip()
    await sealing.fill(settings, dsn, setting)
    return path


async def test_a_key_file_gets_a_new_key_and_loses_the_old_one(by_file: pathlib.Path, db: database.Database) -> None:
    before_file = by_file.read_text()
    before = await sealing.opened(db, encryption.Keyring.load(None, by_file.parent))
    done, told = await rotate(db, None, by_file.parent)
    keys = encryption.Keyring.load(None, by_file.parent)
    assert (done, told.counts(), len(keys.ids)) == (True, COUNTS, 1)
    assert by_file.read_text() != before_file
    assert stat.S_IMODE(by_file.stat().st_mode) == 0o600
    assert [path.name for path in by_file.parent.glob(f"{by_file.name}*")] == [by_file.name]
    assert await sealing.opened(db, keys) == before
    await instance.verify(db, keys)


async def test_a_key_file_is_left_as_it_is_while_a_server_runs(
    by_file: pathlib.Path, settings: server_settings.Settings, dsn: str, db: database.Database
) -> None:
    before = by_file.read_text()
    async with app.serving(settings, dsn):
        with pytest.raises(rotation.RotationRefused, match="stop every server, run this, and start them"):
            await rotate(db, None, by_file.parent)
    assert by_file.read_text() == before
    done, _ = await rotate(db, None, by_file.parent)
    assert done


async def test_a_rotation_of_a_key_file_that_was_left_in_the_middle_goes_on_with_its_key(
    by_file: pathlib.Path, settings: server_settings.Settings, dsn: str, db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    async def killed(*_: Any) -> int:
        raise Killed

    before = await sealing.opened(db, encryption.Keyring.load(None, by_file.parent))
    with monkeypatch.context() as broken:
        broken.setattr(instance, "keep_first_key", killed)
        with pytest.raises(Killed):
            await rotate(db, None, by_file.parent)
    two = encryption.Keyring.load(None, by_file.parent)
    assert len(two.ids) == 2
    async with app.serving(settings, dsn):  # it starts with both, and does not stop what knows both
        done, _ = await rotate(db, None, by_file.parent)
    assert done
    one = encryption.Keyring.load(None, by_file.parent)
    assert one.ids == two.ids[:1]
    assert await sealing.opened(db, one) == before


async def test_where_the_file_cannot_be_written_nothing_was_done(
    by_file: pathlib.Path, db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    before = by_file.read_text()
    monkeypatch.setattr(key_file, "replace", full)
    with pytest.raises(OSError, match="No space"):
        await rotate(db, None, by_file.parent)
    assert by_file.read_text() == before
    await sealing.opened(db, encryption.Keyring.load(None, by_file.parent))
