"""AttemptService without the watch: the history of tries."""

import uuid
from datetime import timedelta
from typing import Any

import orjson
import pytest
import rows
from google.protobuf.timestamp_pb2 import Timestamp
from reads import ABSENT, Reads, open_reads

from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2, view_pb2
from hook0_server.model import cursors, errors
from hook0_server.store import database

pb2 = attempt_service_pb2


@pytest.fixture
async def reads(db: database.Database) -> Reads:
    return await open_reads(db)


def listing(page_size: int = 0, page_token: str = "", view: int = 0, **given: Any) -> pb2.ListAttemptsRequest:
    wanted = attempt_pb2.AttemptFilter(**given) if given else None
    return pb2.ListAttemptsRequest(filter=wanted, page_size=page_size, page_token=page_token, view=view)  # type: ignore[arg-type]


async def answers(reads: Reads, **wanted: Any) -> list[pb2.ListAttemptsResponse]:
    shown: list[pb2.ListAttemptsResponse] = []
    token = ""
    while not shown or token:
        shown.append(await reads(listing(page_token=token, **wanted)))
        token = shown[-1].next_page_token
        assert len(shown) < 100
    return shown


async def pages(reads: Reads, **wanted: Any) -> list[list[str]]:
    return [[each.attempt_id for each in answer.attempts] for answer in await answers(reads, **wanted)]


async def sent(reads: Reads, **over: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """An attempt that was answered, to a target with secrets; and its subscription."""
    subscription_id = rows.id7()
    for revision, url in ((1, "https://old.example/"), (2, "https://user:secret@hooks.example/in?x=1")):
        target = orjson.dumps({"method": "PUT", "url": url, "headers": {"X-Token": "secret"}})
        await rows.insert(
            reads.db,
            "subscription_revisions",
            application_id=reads.application_id,
            subscription_id=subscription_id,
            revision=revision,
            target_encrypted=reads.keyring.encrypt(target, subscription_id),
        )
    attempt_id = await rows.attempt(
        reads.db,
        reads.application_id,
        **{
            "subscription_id": subscription_id,
            "subscription_revision": 2,
            "headers": {"server": "x"},
            "response_body": b"\x00ok",
            "body_truncated": True,
            **over,
        },
    )
    return attempt_id, subscription_id


async def test_an_attempt_is_shown_whole_with_secrets_masked(reads: Reads) -> None:
    at = [rows.ago(minutes=minute) for minute in range(5)]
    event_id, delivery_id = rows.id7(), rows.id7()
    attempt_id, subscription_id = await sent(
        reads, event_id=event_id, delivery_id=delivery_id, attempt_number=2, trigger=3, outcome=2, final=False, http_status=503,
        elapsed=1_500_000, created_at=at[3], picked_at=at[2], finished_at=at[1], next_attempt_at=at[0], error_message="no",
        takeover_count=1,
    )  # fmt: skip
    shown = (await reads(pb2.GetAttemptRequest(attempt_id=str(attempt_id)))).attempt
    assert shown == attempt_pb2.Attempt(
        application_id=str(reads.application_id),
        attempt_id=str(attempt_id),
        delivery_id=str(delivery_id),
        event_id=str(event_id),
        event_type=rows.EVENT_TYPE,
        subscription_id=str(subscription_id),
        attempt_number=2,
        trigger=attempt_pb2.ATTEMPT_TRIGGER_REPLAY,
        outcome=attempt_pb2.OUTCOME_HTTP_ERROR,
        final=False,
        created_at=at[3],
        picked_at=at[2],
        finished_at=at[1],
        elapsed=timedelta(seconds=1.5),
        http_status=503,
        error_message="no",
        next_attempt_at=at[0],
        request=attempt_pb2.AttemptRequest(method="PUT", url="https://***@hooks.example/in?x=1", headers={"x-token": "***"}),
        response=attempt_pb2.AttemptResponse(headers={"server": "x"}, body=b"\x00ok", body_truncated=True),
        takeover_count=1,
    )
    assert "secret" not in str(shown)


async def test_an_attempt_without_a_request_shows_none(reads: Reads) -> None:
    attempt_id = await rows.attempt(
        reads.db, reads.application_id, outcome=10, http_status=None, elapsed=None, picked_at=None, reason="cancelled"
    )
    shown = (await reads(pb2.GetAttemptRequest(attempt_id=str(attempt_id)))).attempt
    absent = ("request", "response", "picked_at", "elapsed", "next_attempt_at")
    assert [name for name in absent if shown.HasField(name)] == []
    assert shown.http_status == 0


async def test_an_unknown_attempt_is_not_found(reads: Reads) -> None:
    foreign = await rows.attempt(reads.db, await rows.application(reads.db))
    running = await rows.delivery(reads.db, reads.application_id, owner=1)
    for attempt_id in (ABSENT, str(uuid.uuid4()), str(foreign), str(running)):
        refusal = await reads.refusal(pb2.GetAttemptRequest(attempt_id=attempt_id))
        assert isinstance(refusal, errors.NotFound)
        assert (refusal.reason, refusal.metadata["attempt_id"]) == ("ATTEMPT_NOT_FOUND", attempt_id)
    assert await reads.breach(pb2.GetAttemptRequest(attempt_id="")) == ("FIELD_INVALID", ["attempt_id"])


async def test_a_list_shows_requests_and_responses_only_in_full_view(reads: Reads) -> None:
    await sent(reads)
    for view in (view_pb2.VIEW_UNSPECIFIED, view_pb2.VIEW_BASIC):
        shown = (await reads(listing(view=view))).attempts[0]
        assert not shown.HasField("request")
        assert not shown.HasField("response")
    shown = (await reads(listing(view=view_pb2.VIEW_FULL))).attempts[0]
    assert (shown.request.method, shown.response.body) == ("PUT", b"\x00ok")


async def test_pages_together_give_every_attempt_once_and_carry_one_cursor(reads: Reads) -> None:
    made = [str(await rows.attempt(reads.db, reads.application_id, rows.ago(minutes=minute))) for minute in range(5)]
    first = await reads(listing(page_size=2))
    newer = await rows.attempt(reads.db, reads.application_id)
    second = await reads(listing(page_size=500, page_token=first.next_page_token))
    assert [each.attempt_id for each in (*first.attempts, *second.attempts)] == made
    assert second.watch_cursor == first.watch_cursor
    cursor = cursors.decode(first.watch_cursor, reads.application_id)
    recorded = await reads.db.fetch_one(
        b"SELECT recorded_xid::text::bigint FROM attempts WHERE attempt_id = %(id)b", {"id": newer}
    )
    assert recorded is not None
    assert (recorded[0], newer) > cursor.position  # a watch from the cursor shows what the pages did not
    assert (await reads(listing())).watch_cursor != first.watch_cursor


async def test_full_pages_end_at_about_3_mib_and_go_on_there(reads: Reads) -> None:
    made = [
        str(await rows.attempt(reads.db, reads.application_id, rows.ago(minutes=minute), response_body=b"x" * 1_000_000))
        for minute in range(5)
    ]
    assert await pages(reads, view=view_pb2.VIEW_FULL) == [made[:3], made[3:]]
    assert await pages(reads) == [made]


async def test_filters_reach_the_store(reads: Reads) -> None:
    await rows.event_type(reads.db, reads.application_id, "user.account.created")
    at, subscription_id = rows.ago(hours=30), rows.id7()
    event_id, delivery_id = rows.id7(at), rows.id7(at)
    old = str(
        await rows.attempt(
            reads.db, reads.application_id, at, delivery_id=delivery_id, event_id=event_id, outcome=4, http_status=None
        )
    )
    new = str(
        await rows.attempt(
            reads.db, reads.application_id, subscription_id=subscription_id, event_type="user.account.created", final=False
        )
    )
    between = Timestamp(seconds=int(at.timestamp()) + 60)
    assert await pages(reads, event_ids=[str(event_id)]) == [[old]]
    assert await pages(reads, delivery_ids=[str(delivery_id)]) == [[old]]
    assert await pages(reads, outcomes=[attempt_pb2.OUTCOME_CONNECTION_ERROR]) == [[old]]
    assert await pages(reads, only_final=True) == [[old]]
    assert await pages(reads, finished_before=between) == [[old]]
    assert await pages(reads, subscription_ids=[str(subscription_id)]) == [[new]]
    assert await pages(reads, event_types=["user.**"]) == [[new]]
    assert await pages(reads, finished_after=between) == [[new]]


BAD_LISTS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "negative page": ({"page_size": -1}, "FIELD_INVALID", ["page_size"]),
    "unknown view": ({"view": -1}, "FIELD_INVALID", ["view"]),
    "no outcome": ({"outcomes": [0]}, "FIELD_INVALID", ["filter.outcomes[0]"]),
    "unknown outcome": ({"outcomes": [1, 13]}, "FIELD_INVALID", ["filter.outcomes[1]"]),
    "13 outcomes": ({"outcomes": [1] * 13}, "FIELD_INVALID", ["filter.outcomes"]),
    "no ids": (
        {"subscription_ids": ["1"], "event_ids": ["2"], "delivery_ids": [ABSENT.replace("-", "")]},
        "FIELD_INVALID", ["filter.subscription_ids[0]", "filter.event_ids[0]", "filter.delivery_ids[0]"],
    ),
    "101 ids": ({"delivery_ids": [ABSENT] * 101}, "FIELD_INVALID", ["filter.delivery_ids"]),
    "broken pattern": ({"event_types": ["order"]}, "PATTERN_INVALID", ["filter.event_types[0]"]),
    "empty range": (
        {"finished_after": Timestamp(seconds=1), "finished_before": Timestamp(seconds=1)},
        "FIELD_INVALID", ["filter.finished_before"],
    ),
    "garbage token": ({"page_token": "AAAA"}, "PAGE_TOKEN_INVALID", ["page_token"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_a_bad_list_is_refused_naming_the_field(reads: Reads, name: str) -> None:
    given, reason, fields = BAD_LISTS[name]
    assert await reads.breach(listing(**given)) == (reason, fields)


async def test_a_token_of_another_list_or_filter_is_refused(reads: Reads) -> None:
    for _ in range(2):
        await rows.attempt(reads.db, reads.application_id)
    token = (await reads(listing(page_size=1))).next_page_token
    assert await reads.breach(listing(page_token=token, only_final=True)) == ("PAGE_TOKEN_INVALID", ["page_token"])
