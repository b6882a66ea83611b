import pathlib
import stat
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from hook0_server.access import encryption
from hook0_server.store import database, instance

ONE, TWO = "11" * 32, "22" * 32
ROW = uuid.UUID(int=5)


def keyring(setting: str) -> encryption.Keyring:
    return encryption.Keyring.load(setting, pathlib.Path("/nonexistent"))


def test_what_is_sealed_opens_again_and_looks_different_each_time() -> None:
    keys = keyring(f"a:{ONE}")
    first, second = keys.encrypt(b"secret", ROW), keys.encrypt(b"secret", ROW)
    assert first != second
    assert b"secret" not in first
    assert keys.decrypt(first, ROW) == keys.decrypt(second, ROW) == b"secret"


def test_a_value_moved_to_another_row_does_not_open() -> None:
    keys = keyring(f"a:{ONE}")
    with pytest.raises(encryption.WrongKey):
        keys.decrypt(keys.encrypt(b"secret", ROW), uuid.UUID(int=6))


def test_the_first_key_seals_and_every_key_opens() -> None:
    old = keyring(f"a:{ONE}")
    rotated = keyring(f"b:{TWO},a:{ONE}")
    assert rotated.decrypt(old.encrypt(b"old", ROW), ROW) == b"old"
    with pytest.raises(encryption.WrongKey, match="'b'"):
        old.decrypt(rotated.encrypt(b"new", ROW), ROW)


def test_another_key_under_the_same_id_does_not_open() -> None:
    with pytest.raises(encryption.WrongKey):
        keyring(f"a:{TWO}").decrypt(keyring(f"a:{ONE}").encrypt(b"secret", ROW), ROW)


def test_changed_or_cut_values_do_not_open() -> None:
    keys = keyring(f"a:{ONE}")
    sealed = keys.encrypt(b"secret", ROW)
    for at in range(len(sealed)):
        with pytest.raises(encryption.WrongKey):
            keys.decrypt(sealed[:at], ROW)
        with pytest.raises(encryption.WrongKey):
            keys.decrypt(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], ROW)


@pytest.mark.parametrize(
    "setting", [ONE, f"a:{ONE[:-2]}", f"a:{ONE}00", "a:", f":{ONE}", f"a b:{ONE}", f"a:{ONE},", f"a:{'zz' * 32}"]
)
def test_keys_in_another_form_are_refused_naming_the_setting_and_no_key(setting: str) -> None:
    with pytest.raises(encryption.InvalidKeys, match="HOOK0_ENCRYPTION_KEYS") as caught:
        keyring(setting)
    assert ONE[:-2] not in str(caught.value)


def test_one_id_for_two_keys_is_refused() -> None:
    with pytest.raises(encryption.InvalidKeys, match="one id"):
        keyring(f"a:{ONE},a:{TWO}")


def test_without_a_setting_a_private_key_file_is_made_once(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "new" / "data"
    sealed = encryption.Keyring.load(None, folder).encrypt(b"secret", ROW)
    assert stat.S_IMODE((folder / "encryption_key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["encryption_key"]
    assert encryption.Keyring.load("", folder).decrypt(sealed, ROW) == b"secret"


def test_processes_that_start_together_use_one_key_file(tmp_path: pathlib.Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        loaded = list(threads.map(lambda _: encryption.Keyring.load(None, tmp_path).checks(), range(32)))
    assert all(checks == loaded[0] for checks in loaded)


def test_a_damaged_key_file_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "encryption_key").write_text("garbage")
    with pytest.raises(encryption.InvalidKeys, match=str(tmp_path)):
        encryption.Keyring.load(None, tmp_path)


def test_check_values_tell_keys_apart_and_are_not_keys() -> None:
    one, two = keyring(f"a:{ONE}").checks()["a"], keyring(f"a:{TWO}").checks()["a"]
    assert one != two
    assert one != ONE
    assert ONE[:32] not in one


async def test_the_database_remembers_keys_and_takes_further_ones(db: database.Database) -> None:
    await instance.verify(db, keyring(f"a:{ONE}"))
    await instance.verify(db, keyring(f"b:{TWO},a:{ONE}"))
    await instance.verify(db, keyring(f"a:{ONE},b:{TWO}"))


async def test_a_server_without_the_databases_keys_is_refused_naming_the_setting(db: database.Database) -> None:
    await instance.verify(db, keyring(f"a:{ONE}"))
    for wrong in (f"a:{TWO}", f"b:{TWO}"):
        with pytest.raises(instance.KeysRefused, match=r"HOOK0_ENCRYPTION_KEYS.*: a"):
            await instance.verify(db, keyring(wrong))
    await instance.verify(db, keyring(f"a:{ONE}"))  # what was refused left nothing behind
