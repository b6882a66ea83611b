"""Reading events: by id wherever they are stored, and page by page without loss or repetition."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import rows

from hook0_server.store import database, events, keyset


async def all_pages(
    db: database.Database, application_id: uuid.UUID, wanted: events.Filter, size: int
) -> tuple[list[uuid.UUID], int]:
    """Every event of a list, and how many pages it took."""
    seen: list[uuid.UUID] = []
    position: events.Position | None = None
    for pages in range(1, 200):
        page = await events.find(db, application_id, wanted, size=size, below=position)
        assert len(page.rows) <= size
        seen += [key[1] for key in page.rows]
        if page.next is None:
            return seen, pages
        assert position is None or page.next < position
        position = page.next
    raise AssertionError("the list has no end")


@pytest.fixture
async def application_id(db: database.Database) -> uuid.UUID:
    return await rows.application(db)


async def test_an_event_is_read_with_everything_it_has(db: database.Database, application_id: uuid.UUID) -> None:
    event_id = await rows.event(db, application_id, labels={"tenant": "acme"}, payload=b"\x00\xff", source_ip="10.0.0.1")
    found = await events.get(db, application_id, event_id)
    assert found is not None
    assert (found.event_id, found.payload, found.labels, found.source_ip) == (
        event_id,
        b"\x00\xff",
        {"tenant": "acme"},
        "10.0.0.1",
    )
    assert found.occurred_at == found.received_at
    assert found.payload_size == 2


async def test_an_event_is_read_without_its_payload_when_that_is_not_asked_for(
    db: database.Database, application_id: uuid.UUID
) -> None:
    found = await events.get(db, application_id, await rows.event(db, application_id), full=False)
    assert found is not None
    assert found.payload is None


async def test_a_keyed_event_is_found_on_the_day_of_its_key(db: database.Database, application_id: uuid.UUID) -> None:
    random_id, old_id = uuid.uuid4(), rows.id7(rows.ago(days=400))
    for event_id in (random_id, old_id):
        await rows.event(db, application_id, rows.ago(days=1), event_id=event_id, keyed=True)
        assert (await events.get(db, application_id, event_id)) is not None


async def test_an_old_uuid7_that_was_stored_when_it_was_young_is_found_on_its_own_day(
    db: database.Database, application_id: uuid.UUID
) -> None:
    event_id = await rows.event(db, application_id, rows.ago(days=4))
    assert (await events.get(db, application_id, event_id)) is not None


@pytest.mark.parametrize(
    "absent", [uuid.uuid4(), rows.id7(), uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), uuid.UUID(int=0)]
)
async def test_an_unknown_id_is_no_event(db: database.Database, application_id: uuid.UUID, absent: uuid.UUID) -> None:
    await rows.event(db, application_id)
    assert await events.get(db, application_id, absent) is None


async def test_an_event_of_another_application_is_not_there(db: database.Database, application_id: uuid.UUID) -> None:
    event_id = await rows.event(db, await rows.application(db))
    assert await events.get(db, application_id, event_id) is None
    assert (await events.find(db, application_id, events.Filter(event_ids=[event_id]), size=5)).rows == []
    assert (await events.find(db, application_id, events.Filter(), size=5)).rows == []


async def spread(db: database.Database, application_id: uuid.UUID) -> list[uuid.UUID]:
    """Events of three days, some received at once, some keyed, some with an id of tomorrow; newest first."""
    made: list[tuple[datetime, uuid.UUID]] = []
    for hours in (0, 5, 23, 26, 30, 47, 60):
        at = rows.ago(hours=hours)
        ids = [rows.id7(at), rows.id7(at), uuid.uuid4(), rows.id7(at + timedelta(hours=23))]
        for place, event_id in enumerate(ids):
            made.append((at, await rows.event(db, application_id, at, event_id=event_id, keyed=place == 2)))
    return [event_id for _, event_id in sorted(made, reverse=True)]


@pytest.mark.parametrize("size", [1, 3, 4, 28, 500])
async def test_the_pages_together_give_every_event_once_newest_first(
    db: database.Database, application_id: uuid.UUID, size: int
) -> None:
    expected = await spread(db, application_id)
    seen, pages = await all_pages(db, application_id, events.Filter(), size)
    assert seen == expected
    assert pages == -(-len(expected) // size)


async def test_times_bound_a_list_and_the_end_is_left_out(db: database.Database, application_id: uuid.UUID) -> None:
    at = [rows.ago(hours=hours) for hours in (30, 20, 10)]
    made = [await rows.event(db, application_id, each) for each in at]
    wanted = events.Filter(received_after=at[0], received_before=at[2])
    assert (await all_pages(db, application_id, wanted, 1))[0] == [made[1], made[0]]


@pytest.mark.parametrize("year", [1, 9999])
async def test_impossible_times_are_no_error(db: database.Database, application_id: uuid.UUID, year: int) -> None:
    await rows.event(db, application_id)
    at = datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, tzinfo=UTC)
    after = await events.find(db, application_id, events.Filter(received_after=at), size=5)
    before = await events.find(db, application_id, events.Filter(received_before=at), size=5)
    assert (len(after.rows), len(before.rows)) == ((1, 0) if year == 1 else (0, 1))


async def test_labels_types_and_ids_filter(db: database.Database, application_id: uuid.UUID) -> None:
    for name in ("user.account.created", "user.account.deleted", "hook0.test.sent"):
        await rows.event_type(db, application_id, name)
    created = await rows.event(db, application_id, labels={"tenant": "a", "x": "1"}, event_type="user.account.created")
    deleted = await rows.event(db, application_id, labels={"tenant": "b"}, event_type="user.account.deleted")
    reserved = await rows.event(db, application_id, event_type="hook0.test.sent")
    paid = await rows.event(db, application_id, labels={"tenant": "a"}, event_id=uuid.uuid4(), keyed=True)

    async def found(**wanted: object) -> set[uuid.UUID]:
        return set((await all_pages(db, application_id, events.Filter(**wanted), 2))[0])  # type: ignore[arg-type]

    assert await found(labels={"tenant": "a"}) == {created, paid}
    assert await found(labels={"tenant": "a", "x": "1"}) == {created}
    assert await found(event_types=["user.**"]) == {created, deleted}
    assert await found(event_types=["*.*.created", "order.paid"]) == {created, paid}
    assert await found(event_types=["**"]) == {created, deleted, paid}
    assert await found(event_types=["hook0.**"]) == {reserved}
    assert await found(event_types=["no.such"]) == set()
    assert await found(event_ids=[paid, created, uuid.uuid4()]) == {paid, created}
    assert await found(event_ids=[paid, created], labels={"x": "1"}) == {created}


async def test_a_filter_that_finds_little_looks_at_a_bounded_number_of_rows(
    db: database.Database, application_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "SCAN_ROWS", 10)
    wanted = await rows.event(db, application_id, rows.ago(minutes=60), labels={"rare": "yes"})
    for minute in range(35):
        await rows.event(db, application_id, rows.ago(minutes=minute))
    page = await events.find(db, application_id, events.Filter(labels={"rare": "yes"}), size=5)
    assert page.rows == []
    assert page.next is not None
    assert await all_pages(db, application_id, events.Filter(labels={"rare": "yes"}), 5) == ([wanted], 4)


async def test_a_page_with_payloads_ends_before_it_is_too_large(db: database.Database, application_id: uuid.UUID) -> None:
    made = [await rows.event(db, application_id, rows.ago(minutes=minute), payload=b"x" * 400_000) for minute in range(4)]
    page = await events.find(db, application_id, events.Filter(), size=50)
    keys = [(day, event_id) for day, event_id, _ in page.rows]
    cut = await events.read(db, application_id, keys, full=True, most_bytes=1_000_000)
    assert [record.event_id for record in cut] == made[:2]
    assert len(await events.read(db, application_id, keys, full=True, most_bytes=10)) == 1
    assert len(await events.read(db, application_id, keys, full=False, most_bytes=10_000)) == 4
