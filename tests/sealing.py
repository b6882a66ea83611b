"""Values at rest under one key and under another, in every column that has such."""

import pathlib
import uuid

import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app, settings
from hook0_server.access import encryption
from hook0_server.store import database, sealed

K1, K2 = "k1:" + "11" * 32, "k2:" + "22" * 32
BOTH = f"{K2},{K1}"

Values = dict[tuple[str, tuple[object, ...]], bytes]


def keyring(setting: str) -> encryption.Keyring:
    return encryption.Keyring.load(setting, pathlib.Path("/nonexistent"))


async def opened(db: database.Database, keys: encryption.Keyring) -> Values:
    """Every value that is sealed, by column and primary key, as these keys open it. Raises WrongKey."""
    found: Values = {}
    for column in sealed.COLUMNS:
        async for values in sealed.slices(db, column):
            found |= {
                (str(column), value.key): keys.decrypt(value.sealed, value.row_id) if value.sealed else b"" for value in values
            }
    return found


async def sealed_with(db: database.Database) -> dict[str, set[str | None]]:
    """The keys in use, by column; None: a value without one."""
    return {
        str(column): {encryption.key_id(value.sealed) async for values in sealed.slices(db, column) for value in values}
        for column in sealed.COLUMNS
    }


async def fill(given: settings.Settings, dsn: str, keys: str) -> None:
    """By a server with these keys, at least one value in every column; one more answer is not finished."""
    async with app.serving(given, dsn) as server, hook0_client.connect(server.grpc, token=str(given.master_api_key)) as master:
        for _ in range(3):
            made = await workbench.application(master)
            asked = v1.CreateApplicationSecretRequest(
                application_secret=v1.ApplicationSecret(application_id=made.application_id, name="another"),
                request_id=str(uuid.uuid4()),
            )
            await master.applications.CreateApplicationSecret(asked)
            url = "https://example.com/first"
            created = await workbench.subscribe(master, made.application_id, url)
            created.subscription.target.http.url = "https://example.com/second"
            await master.subscriptions.UpdateSubscription(v1.UpdateSubscriptionRequest(subscription=created.subscription))
        await _fill_rest(server.db, keys)


async def _fill_rest(db: database.Database, keys: str) -> None:
    """What no operation leaves behind, or none does yet."""
    token = uuid.uuid4()
    await db.fetch(
        b"""INSERT INTO service_tokens (organization_id, service_token_id, name, root_id, token_encrypted)
        SELECT organization_id, %s, 'a token', '\\x00', %s FROM organizations""",
        [token, keyring(keys).encrypt(b"token", token)],
    )
    await db.fetch(
        b"""INSERT INTO request_answers (scope, request_id, request_hash, answer_encrypted)
        VALUES ('unfinished', gen_random_uuid(), '', '')"""
    )


async def answers(db: database.Database, keys: str, count: int) -> None:
    """So many answers of requests, sealed with the first of these keys."""
    rows = [(uuid.uuid4(), number) for number in range(count)]
    keyed = keyring(keys)
    async with db.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO request_answers (scope, request_id, request_hash, answer_encrypted) VALUES ('many', %s, '', %s)",
            [(request_id, keyed.encrypt(str(number).encode(), request_id)) for request_id, number in rows],
        )
