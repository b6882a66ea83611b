import asyncio
import hashlib
import uuid

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from management import Management, fields, open_management

from hook0_client._gen.hook0.v1 import application_pb2, application_service_pb2, subscription_pb2
from hook0_server.access import issue
from hook0_server.model import errors
from hook0_server.store import applications, database, organizations, wake

pb2 = application_service_pb2


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


def create(name: str, *, organization_id: str = "", request_id: str = "") -> pb2.CreateApplicationRequest:
    application = application_pb2.Application(name=name, organization_id=organization_id)
    return pb2.CreateApplicationRequest(application=application, request_id=request_id)


def update(application_id: str, *paths: str, name: str = "", etag: str = "") -> pb2.UpdateApplicationRequest:
    return pb2.UpdateApplicationRequest(
        application=application_pb2.Application(application_id=application_id, name=name, etag=etag),
        update_mask=FieldMask(paths=paths) if paths else None,
    )


async def test_a_new_application_comes_with_a_secret_that_opens_it(management: Management) -> None:
    created = await management(create("shop"))
    application_id, secret = created.application.application_id, created.application_secret
    assert secret.name == "Default"
    assert str(uuid.UUID(secret.secret)) == secret.secret
    assert uuid.UUID(secret.secret).version == 4
    assert uuid.UUID(application_id).version == 7
    assert created.application.organization_id == str(management.organization_id)
    got = await management(pb2.GetApplicationRequest(application_id=application_id), secret=secret.secret)
    assert got.application == created.application


async def test_a_secret_is_stored_sealed_and_hashed_and_never_in_clear(management: Management) -> None:
    secret = (await management(create("shop", request_id=str(uuid.uuid4())))).application_secret
    rows = await management.db.fetch(b"SELECT secret_hash, secret_encrypted FROM application_secrets")
    assert rows[0][0] == hashlib.sha256(secret.secret.encode()).digest()
    opened = management.keyring.decrypt(rows[0][1], uuid.UUID(secret.application_secret_id))
    assert opened.decode() == secret.secret
    stored = str(await management.stored())
    assert secret.secret not in stored
    assert secret.secret.encode().hex() not in stored


@pytest.mark.parametrize("name", ["", "a", "a" * 51, "a\0b"])
async def test_a_name_outside_2_to_50_characters_or_with_nul_is_refused(management: Management, name: str) -> None:
    refusal = await management.refusal(create(name))
    assert (type(refusal), refusal.reason) == (errors.InvalidRequest, "FIELD_INVALID")
    assert fields(refusal) == ["application.name"]


async def test_names_of_2_and_of_50_characters_are_taken(management: Management) -> None:
    for name in ("ab", "é" * 50):
        assert (await management(create(name))).application.name == name


async def test_every_broken_field_is_named_at_once(management: Management) -> None:
    refusal = await management.refusal(create("", organization_id="x", request_id="y"))
    assert fields(refusal) == ["application.name", "application.organization_id", "request_id"]
    assert fields(await management.refusal(pb2.ListApplicationsRequest(organization_id="x"))) == ["organization_id"]
    assert fields(await management.refusal(update("x", name="new"))) == ["application.application_id"]


async def test_the_organization_may_be_named_and_must_exist(management: Management) -> None:
    named = await management(create("shop", organization_id=str(management.organization_id)))
    assert named.application.organization_id == str(management.organization_id)
    for request in (
        create("shop", organization_id=str(uuid.uuid4())),
        pb2.ListApplicationsRequest(organization_id=str(uuid.uuid4())),
    ):
        refusal = await management.refusal(request)
        assert (type(refusal), refusal.reason) == (errors.NotFound, "ORGANIZATION_NOT_FOUND")


async def test_servers_that_start_together_make_one_organization(db: database.Database) -> None:
    made = await asyncio.gather(*(organizations.ensure_one(db, issue.new_id(), name="default") for _ in range(4)))
    assert len(set(made)) == 1


async def test_an_application_secret_cannot_create_or_list_applications(management: Management) -> None:
    secret = (await management(create("shop"))).application_secret.secret
    for request in (create("other"), pb2.ListApplicationsRequest()):
        assert (await management.refusal(request, secret=secret)).reason == "PERMISSION_DENIED"


async def test_a_repeat_with_the_same_request_id_answers_the_first_answer(management: Management) -> None:
    request = create("shop", request_id=str(uuid.uuid4()))
    first = await management(request)
    assert await management(request) == first
    assert len((await management(pb2.ListApplicationsRequest())).applications) == 1


async def test_a_request_id_used_for_another_request_is_refused(management: Management) -> None:
    request_id = str(uuid.uuid4())
    await management(create("shop", request_id=request_id))
    refusal = await management.refusal(create("other", request_id=request_id))
    assert (type(refusal), refusal.reason) == (errors.AlreadyExists, "REQUEST_ID_REUSED")


async def test_repeats_at_the_same_moment_create_once(management: Management) -> None:
    request = create("shop", request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(management(request) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len((await management(pb2.ListApplicationsRequest())).applications) == 1


async def test_a_request_id_is_forgotten_after_24_hours(management: Management) -> None:
    request = create("shop", request_id=str(uuid.uuid4()))
    first = await management(request)
    await management.db.fetch(b"UPDATE request_answers SET created_at = now() - interval '23 h 59 min'")
    assert await management(request) == first
    await management.db.fetch(b"UPDATE request_answers SET created_at = now() - interval '24 h 1 s'")
    again = await management(request)
    assert again.application.application_id != first.application.application_id
    assert await management(request) == again


async def test_applications_are_listed_newest_first_page_by_page(management: Management) -> None:
    made = [await management.new_application(f"app {number}") for number in range(5)]
    listed: list[str] = []
    request = pb2.ListApplicationsRequest(page_size=2)
    sizes = []
    while True:
        page = await management(request)
        sizes.append(len(page.applications))
        listed += [each.application_id for each in page.applications]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert listed == sorted(made, reverse=True)
    assert sizes == [2, 2, 1]


async def test_a_page_that_ends_with_the_last_one_has_no_token(management: Management) -> None:
    for _ in range(2):
        await management.new_application()
    assert (await management(pb2.ListApplicationsRequest(page_size=2))).next_page_token == ""


async def test_a_page_token_of_another_list_or_a_negative_size_is_refused(management: Management) -> None:
    for _ in range(2):
        await management.new_application()
    token = (await management(pb2.ListApplicationsRequest(page_size=1))).next_page_token
    application_id = await management.new_application()
    other_list = pb2.ListApplicationSecretsRequest(application_id=application_id, page_token=token)
    for request in (other_list, pb2.ListApplicationsRequest(page_token="x")):
        assert (await management.refusal(request)).reason == "PAGE_TOKEN_INVALID"
    for negative in (
        pb2.ListApplicationsRequest(page_size=-1),
        pb2.ListApplicationSecretsRequest(application_id=application_id, page_size=-1),
    ):
        assert fields(await management.refusal(negative)) == ["page_size"]


async def test_an_update_changes_the_name_and_the_etag(management: Management) -> None:
    created = (await management(create("shop"))).application
    for request, name in ((update(created.application_id, name="new"), "new"),
                          (update(created.application_id, "name", name="newer"), "newer")):  # fmt: skip
        changed = (await management(request)).application
        assert changed.name == name
        assert changed.etag != created.etag
        assert changed.created_at == created.created_at


async def test_an_update_without_what_is_set_or_named_leaves_the_name(management: Management) -> None:
    application_id = await management.new_application("shop")
    assert (await management(update(application_id))).application.name == "shop"


async def test_a_mask_makes_an_empty_name_a_name_to_be_refused(management: Management) -> None:
    application_id = await management.new_application()
    assert fields(await management.refusal(update(application_id, "name"))) == ["application.name"]


@pytest.mark.parametrize("path", ["created_at", "application_id", "organization_id", "nothing", "*", "etag", "Name"])
async def test_a_mask_that_names_what_cannot_be_changed_is_refused(management: Management, path: str) -> None:
    application_id = await management.new_application()
    refusal = await management.refusal(update(application_id, "name", path, name="new"))
    assert (refusal.reason, fields(refusal)) == ("UPDATE_MASK_INVALID", ["update_mask"])


@pytest.mark.parametrize("etag", ["r2", "r0", "x", "1", "r01", f"r{'9' * 40}", '"r1"'])
async def test_a_stale_etag_is_refused(management: Management, etag: str) -> None:
    application_id = await management.new_application()
    refusal = await management.refusal(update(application_id, name="new", etag=etag))
    assert (type(refusal), refusal.reason) == (errors.Conflict, "ETAG_MISMATCH")


async def test_of_updates_at_the_same_moment_with_one_etag_one_wins(management: Management) -> None:
    created = (await management(create("shop"))).application
    requests = [update(created.application_id, name=f"name {n}", etag=created.etag) for n in range(6)]
    answers = await asyncio.gather(*map(management, requests), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 5 + ["UpdateApplicationResponse"]


async def test_a_deleted_application_is_gone_with_its_secrets_and_subscriptions(management: Management) -> None:
    created = await management(create("shop"))
    application_id, secret = created.application.application_id, created.application_secret.secret
    for is_enabled in (True, False):
        await management.new_subscription(a_subscription(application_id, is_enabled=is_enabled))
    await management(pb2.DeleteApplicationRequest(application_id=application_id), secret=secret)
    gone = pb2.GetApplicationRequest(application_id=application_id)
    assert (await management.refusal(gone, secret=secret)).reason == "CREDENTIALS_INVALID"
    for request in (gone, update(application_id, name="new"), pb2.DeleteApplicationRequest(application_id=application_id)):
        refusal = await management.refusal(request)
        assert (type(refusal), refusal.reason) == (errors.NotFound, "APPLICATION_NOT_FOUND")
    assert (await management(pb2.ListApplicationsRequest())).applications == []
    rows = await management.db.fetch(b"SELECT is_enabled, deleted_at IS NOT NULL, revision FROM subscriptions")
    assert rows == [(False, True, 2)] * 2
    assert await management.db.fetch(b"SELECT 1 FROM application_secrets WHERE deleted_at IS NULL") == []


async def test_what_a_dying_server_left_of_a_deleted_application_is_ended_later(management: Management) -> None:
    kept, deleted = await management.new_application(), await management.new_application()
    for application_id in (kept, deleted):
        await management.new_subscription(a_subscription(application_id))
    await management.db.fetch(b"UPDATE applications SET deleted_at = now() WHERE application_id = %s", [deleted])
    assert await applications.finish_deletions(management.db) == 1
    assert await applications.finish_deletions(management.db) == 0
    assert await management.db.fetch(b"SELECT application_id::text FROM subscriptions WHERE deleted_at IS NULL") == [(kept,)]


async def test_a_deletion_waits_for_what_is_being_created(management: Management) -> None:
    application_id = await management.new_application()
    async with management.db.connection() as connection, connection.transaction():
        await applications.hold(connection, uuid.UUID(application_id))
        deleting = asyncio.create_task(management(pb2.DeleteApplicationRequest(application_id=application_id)))
        await blocked(management.db)
        await management.new_subscription(a_subscription(application_id))
    await deleting
    assert await management.db.fetch(b"SELECT 1 FROM subscriptions WHERE deleted_at IS NULL") == []


async def test_nothing_is_created_in_an_application_that_is_being_deleted(management: Management) -> None:
    application_id = await management.new_application()
    async with management.db.connection() as connection, connection.transaction():
        await connection.execute(b"UPDATE applications SET deleted_at = now()")
        creating = asyncio.create_task(management.new_subscription(a_subscription(application_id)))
        await blocked(management.db)
    with pytest.raises(errors.NotFound) as caught:
        await creating
    assert caught.value.reason == "APPLICATION_NOT_FOUND"
    assert await management.db.fetch(b"SELECT 1 FROM subscriptions") == []


async def blocked(db: database.Database) -> None:
    """Returns when a statement waits for a lock."""
    waiting = b"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while not await db.fetch(waiting):  # noqa: ASYNC110 - another session's lock gives no signal
            await asyncio.sleep(0.005)


async def test_deleting_an_application_wakes_those_who_read_subscriptions(management: Management) -> None:
    application_id = await management.new_application()
    heard = asyncio.Event()
    management.wake.listen(wake.SUBSCRIPTIONS, lambda _: heard.set())
    async with management.wake.running(), asyncio.timeout(20):
        await heard.wait()  # it listens
        heard.clear()
        await management(pb2.DeleteApplicationRequest(application_id=application_id))
        await heard.wait()


def a_subscription(application_id: str, *, is_enabled: bool = True) -> subscription_pb2.Subscription:
    return subscription_pb2.Subscription(
        application_id=application_id,
        is_enabled=is_enabled,
        event_types=["**"],
        target=subscription_pb2.Target(http=subscription_pb2.HttpTarget(url="https://example.com")),
    )
