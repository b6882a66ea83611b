"""Events that wait: bounded, taken in turn by application, in batches that fit."""

import asyncio
import uuid

import pytest
from writing import group

from hook0_server.ingest import queue
from hook0_server.model import errors

LARGE, SMALL, THIRD = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)


def applications(batch: list[queue.Group]) -> list[uuid.UUID]:
    return [each.application_id for each in batch]


async def test_a_batch_takes_one_group_of_each_application_in_turn() -> None:
    waiting = queue.Queue()
    for _ in range(3):
        waiting.put(group(LARGE))
    waiting.put(group(SMALL))
    waiting.put(group(THIRD))
    assert applications(waiting.take()) == [LARGE, SMALL, THIRD, LARGE, LARGE]
    assert waiting.waiting == 0
    assert waiting.take() == []


async def test_a_late_small_application_is_in_the_next_batch_whatever_a_large_one_has_waiting() -> None:
    waiting = queue.Queue()
    for _ in range(30):
        waiting.put(group(LARGE, queue.BATCH_EVENTS))
    waiting.take()
    waiting.put(group(SMALL))
    assert SMALL in applications(waiting.take() + waiting.take())


async def test_groups_of_one_application_keep_their_order() -> None:
    waiting = queue.Queue()
    given = [group(LARGE) for _ in range(5)]
    for each in given:
        waiting.put(each)
    assert waiting.take() == given


@pytest.mark.parametrize(("count", "size"), [(300, 0), (1, 3 * 1024 * 1024)], ids=["events", "bytes"])
async def test_a_batch_is_cut_at_its_limits(count: int, size: int) -> None:
    waiting = queue.Queue()
    for _ in range(3):
        waiting.put(group(LARGE, count, size))
    assert [len(waiting.take()) for _ in range(4)] == [1, 1, 1, 0]


async def test_a_batch_that_is_exactly_full_is_one_batch() -> None:
    waiting = queue.Queue()
    for _ in range(2):
        waiting.put(group(LARGE, queue.BATCH_EVENTS // 2, queue.BATCH_BYTES // 2))
    assert len(waiting.take()) == 2


async def test_an_application_whose_events_fan_out_widely_gets_shorter_batches() -> None:
    waiting = queue.Queue()
    for _ in range(40):
        waiting.learn(LARGE, 10, 10 * 1000)
    for _ in range(10):
        waiting.put(group(LARGE))
    assert len(waiting.take()) == queue.BATCH_DELIVERIES // 1000


@pytest.mark.parametrize(("name", "most"), [("QUEUE_EVENTS", 10), ("QUEUE_BYTES", 1000)])
async def test_a_full_queue_refuses_and_says_when_to_come_back(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, name, most)
    waiting = queue.Queue()
    waiting.put(group(LARGE, 10, 1000))
    assert waiting.is_full
    with pytest.raises(errors.QuotaExceeded) as refused:
        waiting.put(group(SMALL))
    assert (refused.value.reason, refused.value.retry_after) == ("INGESTION_QUEUE_FULL", queue.RETRY_SECONDS)
    assert applications(waiting.take()) == [LARGE]
    waiting.put(group(SMALL))
    assert applications(waiting.take()) == [SMALL]


async def test_whoever_waits_for_room_goes_on_when_a_batch_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUEUE_EVENTS", 2)
    waiting = queue.Queue()
    waiting.put(group(LARGE, 2))
    going_on = asyncio.ensure_future(waiting.room())
    drained = asyncio.ensure_future(waiting.drained())
    await asyncio.sleep(0)
    assert not going_on.done()
    assert not drained.done()
    waiting.take()
    await asyncio.wait_for(asyncio.gather(going_on, drained), 1)


async def test_any_is_set_exactly_while_something_waits() -> None:
    waiting = queue.Queue()
    assert not waiting.any.is_set()
    waiting.put(group(LARGE, queue.BATCH_EVENTS))
    waiting.put(group(LARGE))
    waiting.take()
    assert waiting.any.is_set()
    waiting.take()
    assert not waiting.any.is_set()
