"""However many deliveries may be sent at once, they begin a few in each turn of the event loop."""

import asyncio
import uuid
from typing import Any

import pytest
import workbench
from delivering import TYPE, delivering

import hook0_client
from hook0_client import v1
from hook0_server import app
from hook0_server.delivery import pace, request, sender, subscriptions

SUBSCRIPTIONS = 200


def each_turn(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[int]:
    """How often this was called in each turn of the event loop in which it was."""
    counts, original = [0], getattr(owner, name)

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        if not counts[-1]:
            asyncio.get_running_loop().call_soon(counts.append, 0)
        counts[-1] += 1
        return original(self, *given, **named)

    monkeypatch.setattr(owner, name, counted)
    return counts


@pytest.mark.parametrize("remembered", [20_000, 20], ids=["all are remembered", "a few are remembered"])
async def test_a_crowd_is_loaded_once_and_begins_a_few_at_a_time_and_all_of_it(
    server: app.Server, master: hook0_client.Client, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(subscriptions, "CACHED", remembered)
    begun = each_turn(monkeypatch, request.Template, "build")
    opened = each_turn(monkeypatch, subscriptions.Subscriptions, "_opened")
    async with delivering(server, master) as at, workbench.receiving() as receiver:
        for _ in range(SUBSCRIPTIONS):
            await at.subscribe(receiver.url)
        event = v1.NewEvent(event_type=TYPE, payload_text="{}", labels={"all": "yes"})
        await at.client.ingestion.PublishEvent(v1.PublishEventRequest(application_id=at.application_id, event=event))
        await receiver.until(lambda each: len(each.received) == SUBSCRIPTIONS)
    assert sum(begun) == sum(opened) == SUBSCRIPTIONS
    assert max(begun) <= sender.AT_ONCE
    assert max(opened) <= subscriptions.OPEN_AT_ONCE


async def test_a_subscription_that_is_used_is_remembered_while_a_crowd_passes(
    server: app.Server, master: hook0_client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "CACHED", 3)
    assert server.stage is not None
    known = server.stage.known
    async with delivering(server, master) as at:
        used, other, *crowd = [uuid.UUID(await at.subscribe("http://127.0.0.1:9/")) for _ in range(6)]
        await known.load(used)
        await known.load(other)
        for each in crowd:
            assert known.peek(used) is not None
            await known.load(each)
        assert known.peek(used) is not None
        assert known.peek(other) is None


async def test_after_a_burst_most_of_the_long_turns_are_left_to_others() -> None:
    assert await _turns_of(300, rests=False, busy_seconds=0.001) <= 330
    assert await _turns_of(200, rests=True, busy_seconds=0.001) <= 230
    assert await _turns_of(300, rests=True, busy_seconds=0.0) <= 330
    assert await _turns_of(500, rests=True, busy_seconds=0.001) >= 700


async def test_who_waits_for_room_gets_it_in_turn() -> None:
    paced, order = pace.Pace(1), list[str]()

    async def come(whose: str, waiting: "asyncio.Future[None]") -> None:
        await waiting
        order.append(whose)

    paced.count()
    come_in = [come(whose, paced.room(whose)) for whose in ("large", "large", "large", "small")]
    await asyncio.gather(*come_in)
    assert order == ["large", "small", "large", "large"]


async def _turns_of(count: int, *, rests: bool, busy_seconds: float) -> int:
    """How many turns of the loop, in each of which others need so long, go by until so many have begun.

    By a clock of its own: a machine that is busy has long turns where none are meant.
    """
    loop, turns, going = asyncio.get_running_loop(), 0, True
    paced = pace.Pace(1, rests=rests, clock=lambda: turns * busy_seconds)

    def turn() -> None:
        nonlocal turns
        turns += 1
        if going:
            loop.call_soon(turn)

    async def begin() -> None:
        while not paced.has_room:
            await paced.room(None)
        paced.count()

    loop.call_soon(turn)
    await asyncio.gather(*(begin() for _ in range(count)))
    going = False
    return turns
