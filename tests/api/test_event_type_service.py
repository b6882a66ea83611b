import asyncio
import uuid

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from management import Management, fields, open_management

from hook0_client._gen.hook0.v1 import application_service_pb2, event_type_pb2, event_type_service_pb2 as pb2
from hook0_server.model import errors
from hook0_server.store import database


@pytest.fixture
async def management(db: database.Database) -> Management:
    return await open_management(db)


@pytest.fixture
async def application_id(management: Management) -> str:
    return await management.new_application()


def create(application_id: str, name: str, description: str = "", request_id: str = "") -> pb2.CreateEventTypeRequest:
    event_type = event_type_pb2.EventType(application_id=application_id, event_type=name, description=description)
    return pb2.CreateEventTypeRequest(event_type=event_type, request_id=request_id)


def update(application_id: str, name: str, *paths: str, description: str = "", etag: str = "") -> pb2.UpdateEventTypeRequest:
    event_type = event_type_pb2.EventType(application_id=application_id, event_type=name, description=description, etag=etag)
    return pb2.UpdateEventTypeRequest(event_type=event_type, update_mask=FieldMask(paths=paths) if paths else None)


def get(application_id: str, name: str) -> pb2.GetEventTypeRequest:
    return pb2.GetEventTypeRequest(application_id=application_id, event_type=name)


def delete(application_id: str, name: str) -> pb2.DeleteEventTypeRequest:
    return pb2.DeleteEventTypeRequest(application_id=application_id, event_type=name)


async def test_a_new_type_is_stored_with_the_patterns_that_match_it(management: Management, application_id: str) -> None:
    created = (await management(create(application_id, "order.paid", "money came"))).event_type
    assert (created.event_type, created.description) == ("order.paid", "money came")
    assert not created.HasField("deactivated_at")
    assert (await management(get(application_id, "order.paid"))).event_type == created
    rows = await management.db.fetch(b"SELECT candidates FROM event_types")
    assert rows == [(["order.paid", "order.*", "*.paid", "*.*", "**", "order.**", "*.**"],)]


@pytest.mark.parametrize(
    "name", ["", "order", "a.b.c.d.e.f", "order..paid", "order.paid!", "order.*", "hook0.x", "a\0.b", f"a.{'b' * 51}"]
)
async def test_what_is_no_name_or_is_reserved_is_refused(management: Management, application_id: str, name: str) -> None:
    refusal = await management.refusal(create(application_id, name))
    assert (type(refusal), refusal.reason) == (errors.InvalidRequest, "FIELD_INVALID")
    assert fields(refusal) == ["event_type.event_type"]


@pytest.mark.parametrize("name", ["", "order", "a\0.b", "**"])
async def test_what_is_no_name_is_refused_where_a_type_is_named(management: Management, application_id: str, name: str) -> None:
    for request, field in (
        (get(application_id, name), "event_type"),
        (delete(application_id, name), "event_type"),
        (update(application_id, name, description="x"), "event_type.event_type"),
    ):
        refusal = await management.refusal(request)
        assert (refusal.reason, fields(refusal)) == ("FIELD_INVALID", [field])


@pytest.mark.parametrize("description", ["x" * 501, "a\0b"])
async def test_a_description_that_is_too_long_or_holds_nul_is_refused(
    management: Management, application_id: str, description: str
) -> None:
    await management.new_event_type(application_id)
    for request in (
        create(application_id, "a.b", description),
        update(application_id, "order.paid", description=description),
    ):
        assert fields(await management.refusal(request)) == ["event_type.description"]


async def test_ids_that_are_no_uuids_are_refused(management: Management, application_id: str) -> None:
    for request, field in (
        (create("x", "a.b"), "event_type.application_id"),
        (update("x", "a.b", description="x"), "event_type.application_id"),
        (create(application_id, "a.b", request_id="x"), "request_id"),
    ):
        assert fields(await management.refusal(request)) == [field]


async def test_creating_a_type_that_is_in_use_is_refused(management: Management, application_id: str) -> None:
    await management.new_event_type(application_id)
    refusal = await management.refusal(create(application_id, "order.paid", "another"))
    assert (type(refusal), refusal.reason) == (errors.AlreadyExists, "EVENT_TYPE_ALREADY_EXISTS")


async def test_of_creations_at_the_same_moment_one_wins(management: Management, application_id: str) -> None:
    requests = [create(application_id, "order.paid", f"by {n}") for n in range(6)]
    answers = await asyncio.gather(*map(management, requests), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyExists"] * 5 + ["CreateEventTypeResponse"]


async def test_the_same_name_in_another_application_is_another_type(management: Management, application_id: str) -> None:
    other = await management.new_application()
    await management.new_event_type(other)
    refusal = await management.refusal(get(application_id, "order.paid"))
    assert (type(refusal), refusal.reason) == (errors.NotFound, "EVENT_TYPE_NOT_FOUND")


async def test_a_repeat_answers_the_first_answer_and_a_refused_one_can_be_tried_again(
    management: Management, application_id: str
) -> None:
    request = create(application_id, "order.paid", request_id=str(uuid.uuid4()))
    await management.new_event_type(application_id)
    await management.refusal(request)
    await management(delete(application_id, "order.paid"))
    first = await management(request)
    assert await management(request) == first
    assert (await management.refusal(create(application_id, "a.b", request_id=request.request_id))).reason == (
        "REQUEST_ID_REUSED"
    )


async def test_request_ids_of_two_applications_do_not_meet(management: Management, application_id: str) -> None:
    request_id, other = str(uuid.uuid4()), await management.new_application()
    for each in (application_id, other):
        answer = await management(create(each, "order.paid", request_id=request_id))
        assert answer.event_type.application_id == each


async def test_deleting_deactivates_and_creating_brings_back(management: Management, application_id: str) -> None:
    created = await management.new_event_type(application_id)
    await management(delete(application_id, "order.paid"))
    deleted = (await management(get(application_id, "order.paid"))).event_type
    assert deleted.HasField("deactivated_at")
    assert deleted.etag != created.etag
    back = (await management(create(application_id, "order.paid", "again"))).event_type
    assert not back.HasField("deactivated_at")
    assert (back.description, back.created_at) == ("again", created.created_at)
    assert len({created.etag, deleted.etag, back.etag}) == 3


async def test_what_is_absent_or_deleted_cannot_be_updated_or_deleted(management: Management, application_id: str) -> None:
    await management.new_event_type(application_id)
    await management(delete(application_id, "order.paid"))
    for name in ("order.paid", "never.made"):
        for request in (delete(application_id, name), update(application_id, name, description="x")):
            refusal = await management.refusal(request)
            assert (type(refusal), refusal.reason) == (errors.NotFound, "EVENT_TYPE_NOT_FOUND")


async def test_types_in_use_are_listed_by_name_page_by_page(management: Management, application_id: str) -> None:
    for name in ("c.c", "a.a", "b.b", "d.d"):
        await management.new_event_type(application_id, name)
    await management.new_event_type(await management.new_application(), "a.b")
    await management(delete(application_id, "b.b"))
    first = await management(pb2.ListEventTypesRequest(application_id=application_id, page_size=2))
    assert [each.event_type for each in first.event_types] == ["a.a", "c.c"]
    second = await management(
        pb2.ListEventTypesRequest(application_id=application_id, page_size=2, page_token=first.next_page_token)
    )
    assert ([each.event_type for each in second.event_types], second.next_page_token) == (["d.d"], "")


async def test_a_page_token_of_another_application_or_list_is_refused(management: Management, application_id: str) -> None:
    other = await management.new_application()
    for name in ("a.a", "b.b"):
        await management.new_event_type(other, name)
    token = (await management(pb2.ListEventTypesRequest(application_id=other, page_size=1))).next_page_token
    for request in (
        pb2.ListEventTypesRequest(application_id=application_id, page_token=token),
        application_service_pb2.ListApplicationSecretsRequest(application_id=other, page_token=token),
    ):
        assert (await management.refusal(request)).reason == "PAGE_TOKEN_INVALID"
    negative = pb2.ListEventTypesRequest(application_id=application_id, page_size=-1)
    assert fields(await management.refusal(negative)) == ["page_size"]


async def test_an_update_changes_the_description_and_can_empty_it(management: Management, application_id: str) -> None:
    created = await management.new_event_type(application_id)
    changed = (await management(update(application_id, "order.paid", description="x", etag=created.etag))).event_type
    assert (changed.description, changed.etag != created.etag) == ("x", True)
    left = (await management(update(application_id, "order.paid"))).event_type
    assert left.description == "x"
    emptied = (await management(update(application_id, "order.paid", "description"))).event_type
    assert emptied.description == ""


async def test_a_stale_etag_and_a_mask_of_what_cannot_be_changed_are_refused(
    management: Management, application_id: str
) -> None:
    await management.new_event_type(application_id)
    stale = await management.refusal(update(application_id, "order.paid", description="x", etag="r9"))
    assert (type(stale), stale.reason) == (errors.Conflict, "ETAG_MISMATCH")
    masked = await management.refusal(update(application_id, "order.paid", "event_type", description="x"))
    assert masked.reason == "UPDATE_MASK_INVALID"


async def test_of_updates_at_the_same_moment_with_one_etag_one_wins(management: Management, application_id: str) -> None:
    etag = (await management.new_event_type(application_id)).etag
    requests = [update(application_id, "order.paid", description=f"by {n}", etag=etag) for n in range(6)]
    answers = await asyncio.gather(*map(management, requests), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 5 + ["UpdateEventTypeResponse"]
