import pathlib
import shlex
import stat
import uuid
from collections.abc import Awaitable, Callable

import orjson
import pytest

from hook0_server import dev
from hook0_server.access import encryption, issue
from hook0_server.store import credentials, database, subscriptions, wake

URL = "http://127.0.0.1:8081/receiver"
Prepare = Callable[..., Awaitable[dev.Prepared]]
KEYRING = encryption.Keyring([("test", b"k" * 32)])


@pytest.fixture
def prepare(db: database.Database, tmp_path: pathlib.Path) -> Prepare:
    hints = wake.Wake(db)

    async def prepared(receiver_url: str = URL) -> dev.Prepared:
        data_dir = tmp_path / "data"
        return await dev.prepare(db, KEYRING, hints, receiver_url=receiver_url, data_dir=data_dir, grpc="127.0.0.1:5")

    return prepared


async def target(db: database.Database, prepared: dev.Prepared) -> str:
    found = await subscriptions.get(db, uuid.UUID(prepared.application_id), uuid.UUID(prepared.subscription_id))
    assert found is not None
    url: str = orjson.loads(KEYRING.decrypt(found.draft.target_sealed, found.subscription_id))["url"]
    return url


async def test_an_empty_database_becomes_usable(db: database.Database, prepare: Prepare) -> None:
    prepared = await prepare()
    found = await credentials.application_secret(db, issue.digest(prepared.application_secret))
    assert found is not None
    assert str(found.application_id) == prepared.application_id
    assert await target(db, prepared) == URL
    assert await db.fetch(b"SELECT name FROM organizations UNION ALL SELECT name FROM applications") == [("dev",)] * 2
    types = await db.fetch(b"SELECT event_type FROM event_types ORDER BY created_at")
    assert [row[0] for row in types] == list(dev.EVENT_TYPES)
    wanted = await db.fetch(b"SELECT event_types, labels, is_enabled, secret_encrypted, subscription_id FROM subscriptions")
    assert wanted[0][:3] == (["**"], {}, True)
    assert KEYRING.decrypt(wanted[0][3], wanted[0][4]).decode() == prepared.signing_secret


async def test_started_again_it_keeps_ids_and_secrets(db: database.Database, prepare: Prepare, tmp_path: pathlib.Path) -> None:
    prepared = await prepare()
    assert await prepare() == prepared
    assert orjson.loads((tmp_path / "data" / "dev.json").read_bytes())["grpc"] == "127.0.0.1:5"  # what hook0ctl reads
    counts = b"SELECT (SELECT count(*) FROM applications), (SELECT max(revision) FROM subscriptions)"
    assert await db.fetch(counts) == [(1, 1)]


async def test_the_file_with_the_secrets_is_private(prepare: Prepare, tmp_path: pathlib.Path) -> None:
    await prepare()
    assert stat.S_IMODE((tmp_path / "data" / "dev.json").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["dev.json"]


async def test_the_subscription_follows_the_receiver(db: database.Database, prepare: Prepare) -> None:
    first = await prepare()
    moved = await prepare("http://127.0.0.1:9/receiver")
    assert (moved.subscription_id, moved.receiver_url) == (first.subscription_id, "http://127.0.0.1:9/receiver")
    assert await target(db, moved) == "http://127.0.0.1:9/receiver"


async def test_a_subscription_that_somebody_pointed_elsewhere_stays_there(db: database.Database, prepare: Prepare) -> None:
    first = await prepare()
    elsewhere = {"method": "POST", "url": "https://example.com", "headers": {}}
    sealed = KEYRING.encrypt(orjson.dumps(elsewhere), uuid.UUID(first.subscription_id))
    await db.fetch(b"UPDATE subscription_revisions SET target_encrypted = %s", [sealed])
    assert await target(db, await prepare("http://127.0.0.1:9/receiver")) == "https://example.com"


@pytest.mark.parametrize(
    "lost",
    [
        b"UPDATE applications SET deleted_at = now()",
        b"UPDATE application_secrets SET deleted_at = now()",
    ],
)
async def test_what_the_database_lost_is_made_anew(db: database.Database, prepare: Prepare, lost: bytes) -> None:
    first = await prepare()
    await db.fetch(lost)
    second = await prepare()
    assert second.application_id != first.application_id
    assert second.subscription_id != first.subscription_id
    assert await target(db, second) == URL
    assert await prepare() == second


async def test_a_lost_subscription_is_made_anew_in_the_same_application(db: database.Database, prepare: Prepare) -> None:
    first = await prepare()
    await db.fetch(b"UPDATE subscriptions SET is_enabled = false, deleted_at = now()")
    second = await prepare()
    assert (second.application_id, second.application_secret) == (first.application_id, first.application_secret)
    assert second.subscription_id != first.subscription_id
    assert second.signing_secret != first.signing_secret


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"application_id": 1}'])
async def test_a_damaged_file_is_replaced(prepare: Prepare, tmp_path: pathlib.Path, text: str) -> None:
    first = await prepare()
    (tmp_path / "data" / "dev.json").write_text(text)
    second = await prepare()
    assert second.application_id != first.application_id
    assert await prepare() == second


def test_the_welcome_can_be_pasted_and_carries_the_ids() -> None:
    prepared = dev.Prepared("o", str(uuid.uuid4()), str(uuid.uuid4()), "s", URL, str(uuid.uuid4()))
    text = dev.welcome(prepared, "127.0.0.1:1", "http://127.0.0.1:2")
    words = shlex.split(text[text.index("grpcurl") : text.index("PublishEvent")].replace("\\\n", " ") + "PublishEvent")
    assert f"authorization: Bearer {prepared.application_secret}" in words
    assert words[-2:] == ["127.0.0.1:1", "hook0.v1.IngestionService/PublishEvent"]
    request = orjson.loads(words[words.index("-d") + 1])
    assert request["application_id"] == prepared.application_id
    assert request["event"]["event_type"] in dev.EVENT_TYPES
    watch = shlex.split(text[text.index("hook0ctl") :].replace("\\\n", " "))
    given = dict(zip(watch[1:-1:2], watch[2:-1:2], strict=True))
    assert given == {
        "--address": "127.0.0.1:1",
        "--application-id": prepared.application_id,
        "--token": prepared.application_secret,
    }
    assert prepared.signing_secret not in text


def test_the_first_login_can_be_pasted() -> None:
    text = dev.first_login("owner@example.com", "secret-words", "127.0.0.1:1", by_tls=True)
    words = shlex.split(text[text.index("echo") :])
    assert words[:3] == ["echo", "secret-words", "|"]
    assert words[3:] == [
        "hook0ctl", "--tls", "--address", "127.0.0.1:1", "login", "--email", "owner@example.com", "--password-stdin",
    ]  # fmt: skip


def test_the_welcome_of_a_server_by_tls_connects_by_tls() -> None:
    prepared = dev.Prepared("o", str(uuid.uuid4()), str(uuid.uuid4()), "s", URL, str(uuid.uuid4()))
    text = dev.welcome(prepared, "127.0.0.1:1", "http://127.0.0.1:2", by_tls=True)
    assert "hook0ctl --tls --address" in text
    assert "-plaintext" not in text
