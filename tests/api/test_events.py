"""EventService: reading events and sending them again."""

import uuid
from typing import Any

import pytest
import rows
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.types.json import Jsonb
from reads import ABSENT, Reads, open_reads

from hook0_client._gen.hook0.v1 import event_pb2, event_service_pb2, view_pb2
from hook0_server.model import errors
from hook0_server.store import database, keyset, wake

pb2 = event_service_pb2


@pytest.fixture
async def reads(db: database.Database) -> Reads:
    return await open_reads(db)


def listing(page_size: int = 0, page_token: str = "", view: int = 0, **given: Any) -> pb2.ListEventsRequest:
    wanted = event_pb2.EventFilter(**given) if given else None
    return pb2.ListEventsRequest(filter=wanted, page_size=page_size, page_token=page_token, view=view)  # type: ignore[arg-type]


async def test_an_event_is_shown_whole(reads: Reads) -> None:
    received_at, occurred_at = rows.ago(hours=2), rows.ago(hours=9)
    event_id = await rows.event(
        reads.db, reads.application_id, received_at, labels={"tenant": "a"}, metadata=Jsonb({"m": "é"}), payload=b"\x00\xff",
        payload_content_type="application/octet-stream", source_ip="2001:db8::1", occurred_at=occurred_at,
    )  # fmt: skip
    answer = await reads(pb2.GetEventRequest(event_id=str(event_id).upper()))
    assert answer.event == event_pb2.Event(
        application_id=str(reads.application_id),
        event_id=str(event_id),
        event_type=rows.EVENT_TYPE,
        payload=b"\x00\xff",
        payload_content_type="application/octet-stream",
        labels={"tenant": "a"},
        metadata={"m": "é"},
        source_ip="2001:db8::1",
        occurred_at=occurred_at,
        received_at=received_at,
    )


async def test_an_unknown_event_is_not_found(reads: Reads) -> None:
    for event_id in (ABSENT, str(uuid.uuid4()), str(await rows.event(reads.db, await rows.application(reads.db)))):
        refusal = await reads.refusal(pb2.GetEventRequest(event_id=event_id))
        assert isinstance(refusal, errors.NotFound)
        assert (refusal.reason, refusal.metadata["event_id"]) == ("EVENT_NOT_FOUND", event_id)


async def test_a_list_shows_payloads_only_in_full_view(reads: Reads) -> None:
    await rows.event(reads.db, reads.application_id, payload=b"[1]")
    for view in (view_pb2.VIEW_UNSPECIFIED, view_pb2.VIEW_BASIC):
        assert (await reads(listing(view=view))).events[0].payload == b""
    assert (await reads(listing(view=view_pb2.VIEW_FULL))).events[0].payload == b"[1]"


async def pages(reads: Reads, **wanted: Any) -> list[list[str]]:
    shown: list[list[str]] = []
    token = ""
    while not shown or token:
        answer = await reads(listing(page_token=token, **wanted))
        shown.append([each.event_id for each in answer.events])
        token = answer.next_page_token
        assert len(shown) < 100
    return shown


async def test_pages_together_give_every_event_once_newest_first(reads: Reads) -> None:
    made = [str(await rows.event(reads.db, reads.application_id, rows.ago(minutes=minute))) for minute in range(5)]
    assert await pages(reads, page_size=2) == [made[:2], made[2:4], made[4:]]
    assert await pages(reads, page_size=5) == [made]
    assert await pages(reads) == [made]


async def test_full_pages_end_at_about_3_mib_and_go_on_there(reads: Reads) -> None:
    made = [
        str(await rows.event(reads.db, reads.application_id, rows.ago(minutes=minute), payload=b"x" * 699_050))
        for minute in range(6)
    ]
    assert await pages(reads, view=view_pb2.VIEW_FULL) == [made[:4], made[4:]]
    assert await pages(reads) == [made]


async def test_heavy_metadata_ends_a_page_too(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "PAGE_BYTES", 10_000)
    heavy = Jsonb({f"{number}": "é" * 50 for number in range(45)})
    made = [str(await rows.event(reads.db, reads.application_id, rows.ago(minutes=at), metadata=heavy)) for at in range(4)]
    shown = await pages(reads)
    assert [each for page in shown for each in page] == made
    assert len(shown) > 1


async def test_filters_reach_the_store(reads: Reads) -> None:
    await rows.event_type(reads.db, reads.application_id, "user.account.created")
    at = rows.ago(hours=1)
    first = str(await rows.event(reads.db, reads.application_id, at, labels={"tenant": "a"}))
    second = str(await rows.event(reads.db, reads.application_id, event_type="user.account.created"))
    later = Timestamp(seconds=int(at.timestamp()) + 60)
    assert await pages(reads, labels={"tenant": "a"}) == [[first]]
    assert await pages(reads, event_types=["user.**"]) == [[second]]
    assert await pages(reads, received_before=later) == [[first]]
    assert await pages(reads, received_after=later) == [[second]]
    assert await pages(reads, event_ids=[first, first.upper()]) == [[first]]


BAD_LISTS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "negative page": ({"page_size": -1}, "FIELD_INVALID", ["page_size"]),
    "unknown view": ({"view": 9}, "FIELD_INVALID", ["view"]),
    "broken pattern": ({"event_types": ["order.paid", "a.**.b"]}, "PATTERN_INVALID", ["filter.event_types[1]"]),
    "NUL in a pattern": ({"event_types": ["order.\0"]}, "PATTERN_INVALID", ["filter.event_types[0]"]),
    "101 patterns": ({"event_types": ["a.b"] * 101}, "FIELD_INVALID", ["filter.event_types"]),
    "101 ids": ({"event_ids": [ABSENT] * 101}, "FIELD_INVALID", ["filter.event_ids"]),
    "no id": ({"event_ids": [ABSENT, "x"]}, "FIELD_INVALID", ["filter.event_ids[1]"]),
    "11 labels": ({"labels": {str(at): "x" for at in range(11)}}, "FIELD_INVALID", ["filter.labels"]),
    "NUL in a label": ({"labels": {"a": "\0"}}, "FIELD_INVALID", ["filter.labels"]),
    "impossible time": ({"received_after": Timestamp(seconds=2**60)}, "FIELD_INVALID", ["filter.received_after"]),
    "impossible nanos": ({"received_before": Timestamp(nanos=-1)}, "FIELD_INVALID", ["filter.received_before"]),
    "empty range": (
        {"received_after": Timestamp(seconds=5), "received_before": Timestamp(seconds=5)},
        "FIELD_INVALID", ["filter.received_before"],
    ),
    "garbage token": ({"page_token": "garbage"}, "PAGE_TOKEN_INVALID", ["page_token"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_a_bad_list_is_refused_naming_the_field(reads: Reads, name: str) -> None:
    given, reason, fields = BAD_LISTS[name]
    assert await reads.breach(listing(**given)) == (reason, fields)


async def test_a_token_goes_only_with_the_list_application_and_filter_that_gave_it(reads: Reads) -> None:
    for application_id in (reads.application_id, other := await rows.application(reads.db)):
        for _ in range(2):
            await rows.event(reads.db, application_id, labels={"b": "2", "a": "1"})
    token = (await reads(listing(page_size=1, labels={"a": "1", "b": "2"}))).next_page_token
    assert (await reads(listing(page_token=token, labels={"b": "2", "a": "1"}))).events
    foreign = listing(page_token=token, labels={"a": "1", "b": "2"})
    foreign.application_id = str(other)
    for request in (foreign, listing(page_token=token), listing(page_token=token, labels={"a": "1"})):
        assert await reads.breach(request) == ("PAGE_TOKEN_INVALID", ["page_token"])


def replay(event_id: object, subscription_id: object = "", request_id: str = "") -> pb2.ReplayEventRequest:
    return pb2.ReplayEventRequest(event_id=str(event_id), subscription_id=str(subscription_id), request_id=request_id)


async def test_a_replay_counts_its_deliveries_and_wakes_the_claimers(reads: Reads) -> None:
    chosen = await rows.subscription(reads.db, reads.application_id)
    await rows.subscription(reads.db, reads.application_id)
    event_id = await rows.event(reads.db, reads.application_id)
    assert (await reads(replay(event_id))).delivery_count == 2
    assert (await reads(replay(event_id, chosen))).delivery_count == 1
    assert reads.heard == [(wake.DELIVERIES, "")] * 2


async def test_a_repeated_replay_delivers_nothing_more(reads: Reads) -> None:
    await rows.subscription(reads.db, reads.application_id)
    event_id, other = await rows.event(reads.db, reads.application_id), await rows.event(reads.db, reads.application_id)
    for _ in range(2):
        assert (await reads(replay(event_id, request_id=ABSENT))).delivery_count == 1
    assert await reads.db.fetch(b"SELECT count(*)::int FROM deliveries") == [(1,)]
    assert (await reads.refusal(replay(other, request_id=ABSENT))).reason == "REQUEST_ID_REUSED"


async def test_a_replay_that_cannot_be_is_refused(reads: Reads) -> None:
    event_id = await rows.event(reads.db, reads.application_id)
    disabled = await rows.subscription(reads.db, reads.application_id, is_enabled=False)
    refusals = [await reads.refusal(each) for each in (replay(ABSENT), replay(event_id, ABSENT), replay(event_id, disabled))]
    assert [type(each) for each in refusals] == [errors.NotFound, errors.NotFound, errors.Precondition]
    assert [each.reason for each in refusals] == ["EVENT_NOT_FOUND", "SUBSCRIPTION_NOT_FOUND", "SUBSCRIPTION_DISABLED"]
    assert reads.heard == []


async def test_ids_that_are_none_are_refused(reads: Reads) -> None:
    assert await reads.breach(pb2.GetEventRequest(event_id="x")) == ("FIELD_INVALID", ["event_id"])
    assert await reads.breach(replay("x", "y", "z")) == ("FIELD_INVALID", ["event_id", "subscription_id", "request_id"])
