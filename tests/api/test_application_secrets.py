import uuid

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from management import Management, fields, open_management

from hook0_client._gen.hook0.v1 import application_pb2, application_service_pb2 as pb2
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


@pytest.fixture
async def application_id(management: Management) -> str:
    return await management.new_application()


def create(application_id: str, name: str = "", request_id: str = "") -> pb2.CreateApplicationSecretRequest:
    secret = application_pb2.ApplicationSecret(application_id=application_id, name=name)
    return pb2.CreateApplicationSecretRequest(application_secret=secret, request_id=request_id)


def update(application_id: str, secret_id: str, *paths: str, name: str = "") -> pb2.UpdateApplicationSecretRequest:
    secret = application_pb2.ApplicationSecret(application_id=application_id, application_secret_id=secret_id, name=name)
    return pb2.UpdateApplicationSecretRequest(application_secret=secret, update_mask=FieldMask(paths=paths) if paths else None)


def delete(application_id: str, secret_id: str) -> pb2.DeleteApplicationSecretRequest:
    return pb2.DeleteApplicationSecretRequest(application_id=application_id, application_secret_id=secret_id)


async def test_a_further_secret_opens_the_application_until_it_is_deleted(management: Management, application_id: str) -> None:
    secret = (await management(create(application_id, "worker"))).application_secret
    assert secret.name == "worker"
    get = pb2.GetApplicationRequest(application_id=application_id)
    await management(get, secret=secret.secret.upper())  # a UUID is the same in either case
    await management(delete(application_id, secret.application_secret_id), secret=secret.secret)
    assert (await management.refusal(get, secret=secret.secret)).reason == "CREDENTIALS_INVALID"


async def test_a_secret_opens_no_other_application_whether_that_exists_or_not(management: Management) -> None:
    answer = await management(pb2.CreateApplicationRequest(application=application_pb2.Application(name="mine")))
    secret, other = answer.application_secret.secret, await management.new_application()
    refusals = [await management.refusal(create(foreign), secret=secret) for foreign in (other, str(uuid.uuid4()))]
    assert [type(refusal) for refusal in refusals] == [errors.Denied] * 2
    assert refusals[0].message == refusals[1].message


async def test_values_are_answered_at_creation_only(management: Management, application_id: str) -> None:
    created = (await management(create(application_id))).application_secret
    renamed = (await management(update(application_id, created.application_secret_id, name="new"))).application_secret
    listed = (await management(pb2.ListApplicationSecretsRequest(application_id=application_id))).application_secrets
    assert created.secret
    assert [each.secret for each in (renamed, *listed)] == ["", "", ""]


async def test_a_repeat_answers_the_same_secret(management: Management, application_id: str) -> None:
    request = create(application_id, request_id=str(uuid.uuid4()))
    first = await management(request)
    assert first.application_secret.secret
    assert await management(request) == first
    reused = await management.refusal(create(application_id, "other", request_id=request.request_id))
    assert (type(reused), reused.reason) == (errors.AlreadyExists, "REQUEST_ID_REUSED")


async def test_the_kept_answer_is_sealed(management: Management, application_id: str) -> None:
    request = create(application_id, request_id=str(uuid.uuid4()))
    secret = (await management(request)).application_secret.secret
    rows = await management.db.fetch(b"SELECT request_id, answer_encrypted FROM request_answers")
    assert secret.encode() not in rows[0][1]
    assert secret.encode() in management.keyring.decrypt(rows[0][1], rows[0][0])


@pytest.mark.parametrize("name", ["a", "a" * 51, "a\0b"])
async def test_a_name_is_absent_or_has_2_to_50_characters(management: Management, application_id: str, name: str) -> None:
    secret = (await management(create(application_id))).application_secret
    for request in (create(application_id, name), update(application_id, secret.application_secret_id, name=name)):
        refusal = await management.refusal(request)
        assert (refusal.reason, fields(refusal)) == ("FIELD_INVALID", ["application_secret.name"])


async def test_ids_that_are_no_uuids_are_refused(management: Management, application_id: str) -> None:
    assert fields(await management.refusal(delete(application_id, "x"))) == ["application_secret_id"]
    field = "application_secret.application_secret_id"
    assert fields(await management.refusal(update(application_id, "x", name="new"))) == [field]
    assert fields(await management.refusal(create("x"))) == ["application_secret.application_id"]
    assert fields(await management.refusal(create(application_id, request_id="x"))) == ["request_id"]
    foreign = update("x", application_id, name="new")
    assert fields(await management.refusal(foreign)) == ["application_secret.application_id"]


async def test_a_name_can_be_emptied_and_nothing_else_be_changed(management: Management, application_id: str) -> None:
    secret = (await management(create(application_id, "worker"))).application_secret
    emptied = await management(update(application_id, secret.application_secret_id, "name"))
    assert emptied.application_secret.name == ""
    refusal = await management.refusal(update(application_id, secret.application_secret_id, "secret", name="new"))
    assert refusal.reason == "UPDATE_MASK_INVALID"


async def test_secrets_are_listed_newest_first_with_the_deleted_ones(management: Management, application_id: str) -> None:
    created = [(await management(create(application_id))).application_secret for _ in range(2)]
    await management(delete(application_id, created[0].application_secret_id))
    request = pb2.ListApplicationSecretsRequest(application_id=application_id, page_size=2)
    first = await management(request)
    assert [each.application_secret_id for each in first.application_secrets] == [
        each.application_secret_id for each in reversed(created)
    ]
    assert [each.HasField("deleted_at") for each in first.application_secrets] == [False, True]
    request.page_token = first.next_page_token
    second = await management(request)
    assert ([each.name for each in second.application_secrets], second.next_page_token) == (["Default"], "")


async def test_a_secret_that_is_gone_or_another_applications_is_not_found(management: Management, application_id: str) -> None:
    secret_id = (await management(create(application_id))).application_secret.application_secret_id
    foreign = (await management(create(await management.new_application()))).application_secret.application_secret_id
    await management(delete(application_id, secret_id))
    for absent in (secret_id, foreign, str(uuid.uuid4())):
        for request in (delete(application_id, absent), update(application_id, absent, name="new")):
            refusal = await management.refusal(request)
            assert (type(refusal), refusal.reason) == (errors.NotFound, "APPLICATION_SECRET_NOT_FOUND")
