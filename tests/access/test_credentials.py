import asyncio
import hashlib
import uuid

import pytest

from hook0_server.access import credentials, permissions, principals
from hook0_server.model import errors
from hook0_server.store import database

MASTER_KEY = uuid.UUID("5b8f3c5e-7a2b-4c11-8d4e-0123456789ab")
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def application(db: database.Database) -> uuid.UUID:
    application_id = uuid.uuid4()
    await db.fetch(
        b"""WITH o AS (INSERT INTO organizations (organization_id, name) VALUES (gen_random_uuid(), 'acme') RETURNING *)
        INSERT INTO applications (application_id, organization_id, name) SELECT %s, organization_id, 'shop' FROM o""",
        [application_id],
    )
    return application_id


async def secret_of(db: database.Database, application_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """A new secret: its id and its value."""
    secret_id, secret = uuid.uuid4(), uuid.uuid4()
    await db.fetch(
        b"""INSERT INTO application_secrets (application_id, application_secret_id, secret_hash, secret_encrypted)
        VALUES (%s, %s, %s, '')""",
        [application_id, secret_id, hashlib.sha256(str(secret).encode()).digest()],
    )
    return secret_id, secret


def counted(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is asked of the database from now on."""
    asked: list[object] = []
    fetch_one = db.fetch_one

    async def counting(statement: bytes, parameters: object = None) -> database.Row | None:
        asked.append(parameters)
        return await fetch_one(statement, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(db, "fetch_one", counting)
    return asked


async def test_a_secret_is_its_applications_caller(db: database.Database) -> None:
    application_id = await application(db)
    secret_id, secret = await secret_of(db, application_id)
    authenticator = credentials.Authenticator(db, MASTER_KEY)
    for authorization in (f"Bearer {secret}", f"bearer {str(secret).upper()}", f"BEARER  {secret}"):
        principal = await authenticator.authenticate(authorization)
        assert principal == principals.Principal("application_secret", application_id, str(secret_id))


async def test_the_master_key_is_every_applications_caller(db: database.Database) -> None:
    principal = await credentials.Authenticator(db, MASTER_KEY).authenticate(f"Bearer {MASTER_KEY}")
    assert (principal.kind, principal.application_id, principal.credential_id) == ("master", None, "master")


async def test_without_a_configured_master_key_there_is_none(db: database.Database) -> None:
    with pytest.raises(errors.Unauthenticated):
        await credentials.Authenticator(db, None).authenticate(f"Bearer {MASTER_KEY}")


@pytest.mark.parametrize("authorization", [None, ""])
async def test_no_credential_is_told_from_a_wrong_one(db: database.Database, authorization: str | None) -> None:
    with pytest.raises(errors.Unauthenticated) as caught:
        await credentials.Authenticator(db, None).authenticate(authorization)
    assert caught.value.reason == "CREDENTIALS_MISSING"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        f"Basic {MASTER_KEY}",
        str(MASTER_KEY),
        f"Bearer {MASTER_KEY.hex}",
        "Bearer " + "x" * 1000,
        f"Bearer {' ' * 1000}{MASTER_KEY}",
        "Bearer nul\0",
        "Bearer 018f3c5e-7a2b-4c11-8d4e-000000000000",
    ],
)
async def test_a_wrong_credential_is_refused_and_not_repeated(db: database.Database, authorization: str) -> None:
    with pytest.raises(errors.Unauthenticated) as caught:
        await credentials.Authenticator(db, MASTER_KEY).authenticate(authorization)
    assert caught.value.reason == "CREDENTIALS_INVALID"
    credential = authorization.rpartition(" ")[2]
    assert credential in ("", "Bearer") or credential not in caught.value.message


@pytest.mark.parametrize("table", [b"application_secrets", b"applications"])
async def test_a_deleted_secret_or_application_ends_the_credential_within_the_kept_time(
    db: database.Database, table: bytes
) -> None:
    application_id = await application(db)
    _, secret = await secret_of(db, application_id)
    clock = Clock()
    authenticator = credentials.Authenticator(db, None, seconds=2.5, clock=clock)
    await authenticator.authenticate(f"Bearer {secret}")
    await db.fetch(b"UPDATE " + table + b" SET deleted_at = now() WHERE application_id = %s", [application_id])
    clock.now += 2.4
    await authenticator.authenticate(f"Bearer {secret}")
    clock.now += 0.2
    with pytest.raises(errors.Unauthenticated):
        await authenticator.authenticate(f"Bearer {secret}")


async def test_right_and_wrong_verdicts_are_remembered(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = await secret_of(db, await application(db))
    authenticator = credentials.Authenticator(db, None)
    asked = counted(db, monkeypatch)
    wrong = uuid.uuid4()
    for _ in range(3):
        await authenticator.authenticate(f"Bearer {secret}")
        with pytest.raises(errors.Unauthenticated):
            await authenticator.authenticate(f"Bearer {wrong}")
    assert len(asked) == 2


async def test_callers_at_the_same_time_ask_the_database_once(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = await secret_of(db, await application(db))
    asked = counted(db, monkeypatch)
    authenticator = credentials.Authenticator(db, None)
    found = await asyncio.gather(*(authenticator.authenticate(f"Bearer {secret}") for _ in range(50)))
    assert all(each is found[0] for each in found)
    assert len(asked) == 1


async def test_without_a_database_nobody_knows_and_the_next_caller_asks_again(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await secret_of(db, await application(db))
    authenticator = credentials.Authenticator(db, None)

    async def unreachable(*_: object) -> None:
        await asyncio.sleep(0)
        raise database.ResultUnknown("DATABASE_UNAVAILABLE", "gone", retry_after=1)

    with monkeypatch.context() as gone:
        gone.setattr(db, "fetch_one", unreachable)
        tries = [authenticator.authenticate(f"Bearer {secret}") for _ in range(5)]
        failures = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(failure, errors.Unavailable) for failure in failures)
    assert (await authenticator.authenticate(f"Bearer {secret}")).kind == "application_secret"


async def test_a_real_connection_failure_is_unavailable() -> None:
    async with database.Database(NOWHERE, timing=database.Timing(pool_wait=0.2)) as db:
        with pytest.raises(errors.Unavailable):
            await credentials.Authenticator(db, None).authenticate(f"Bearer {uuid.uuid4()}")


async def test_a_secret_does_everything_at_home_and_nothing_elsewhere(db: database.Database) -> None:
    mine, other = await application(db), await application(db)
    principal = principals.Principal("application_secret", mine, "s")
    rights = permissions.Permissions(db)
    await rights.on_application(principal, "event:ingest", mine)
    said = set()
    for application_id in (other, uuid.uuid4()):
        with pytest.raises(errors.Denied) as caught:
            await rights.on_application(principal, "event:ingest", application_id)
        said.add((caught.value.reason, caught.value.message, str(caught.value.metadata)))
    assert len(said) == 1, "absent and forbidden must look the same"
    with pytest.raises(errors.Denied):
        await rights.on_organization(principal, "application:create", None)
    with pytest.raises(errors.Denied):
        rights.on_instance(principal, "node:list")


async def test_the_master_key_is_told_that_an_application_is_absent(db: database.Database) -> None:
    rights = permissions.Permissions(db)
    await rights.on_application(principals.MASTER, "event:ingest", await application(db))
    organization_id = await rights.on_organization(principals.MASTER, "application:create", None)
    assert await rights.on_organization(principals.MASTER, "application:create", organization_id) == organization_id
    with pytest.raises(errors.NotFound) as caught:
        await rights.on_application(principals.MASTER, "event:ingest", uuid.uuid4())
    assert caught.value.reason == "APPLICATION_NOT_FOUND"


async def test_an_application_is_there_for_the_master_key_as_soon_as_it_is_made_and_gone_after_the_kept_time(
    db: database.Database,
) -> None:
    clock = Clock()
    rights = permissions.Permissions(db, seconds=1, clock=clock)
    application_id = await application(db)
    await db.fetch(b"UPDATE applications SET deleted_at = now() WHERE application_id = %s", [application_id])
    with pytest.raises(errors.NotFound):
        await rights.on_application(principals.MASTER, "event:get", application_id)
    await db.fetch(b"UPDATE applications SET deleted_at = NULL WHERE application_id = %s", [application_id])
    await rights.on_application(principals.MASTER, "event:get", application_id)
    await db.fetch(b"UPDATE applications SET deleted_at = now() WHERE application_id = %s", [application_id])
    clock.now += 1.1
    with pytest.raises(errors.NotFound):
        await rights.on_application(principals.MASTER, "event:get", application_id)
