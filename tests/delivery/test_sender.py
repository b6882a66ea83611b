"""The sender alone: what costs a task, what its end leaves behind, and what a defect does."""

import asyncio
import contextlib
import dataclasses
import time
import types
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import hostile
import pytest
import rows
import workbench

from hook0_server.delivery import answer, http, request, scheduler, sender, subscriptions
from hook0_server.model import delivery, retry
from hook0_server.model.outcome import Outcome
from hook0_server.store import record

NODE = 7


class Recorder:
    """Instead of the database: what was put."""

    has_room = True

    def __init__(self, memory: scheduler.Scheduler) -> None:
        self.memory, self.finished, self.came = memory, list[record.Finished](), asyncio.Event()

    def put(self, finished: record.Finished) -> None:
        self.finished.append(finished)
        self.memory.forget(finished.delivery_id)
        self.came.set()

    async def until(self, count: int) -> list[Outcome]:
        """The outcomes of the first so many."""
        async with asyncio.timeout(10):
            while len(self.finished) < count:
                self.came.clear()
                await self.came.wait()
        return [Outcome(each.outcome) for each in self.finished[:count]]


class Sending:
    """A sender with one subscription, to `url`; its memory wakes it."""

    def __init__(self, client: http.HttpClient, url: str, most: int) -> None:
        self.memory = scheduler.Scheduler(most=1000, most_bytes=10**9)
        self.recorder = Recorder(self.memory)
        self.application_id, self.subscription_id = uuid.uuid4(), uuid.uuid4()
        template = request.Template.prepare("POST", url, {}, str(uuid.uuid4()))
        self.known: subscriptions.Subscription | None = None  # as the cache has it
        self.stored = known = subscriptions.Subscription(
            self.application_id, self.subscription_id, 1, True, False, template, "", retry.HOOK0_SCHEDULE, 15.0, 16
        )
        self.sender = sender.Sender(
            cast("Any", types.SimpleNamespace(hot=lambda name: None, clock=types.SimpleNamespace(now=time.time))),
            client=client,
            node=cast("Any", types.SimpleNamespace(number=NODE, may_send=lambda: True)),
            memory=self.memory,
            known=cast("Any", types.SimpleNamespace(peek=lambda subscription_id: self.known, load=self._load)),
            recorder=cast("Any", self.recorder),
            park=lambda each: None,
            most=most,
        )

        self.known, self.loading = known, asyncio.Event()

    async def _load(self, subscription_id: uuid.UUID) -> subscriptions.Subscription:
        await self.loading.wait()
        return self.stored

    def take(self, count: int = 1) -> None:
        for _ in range(count):
            delivery_id, event_id = rows.id7(), rows.id7()
            each = delivery.Delivery(
                self.application_id, delivery_id, delivery_id, self.subscription_id, event_id, str(event_id),
                "a.b.c", "application/json", b"{}", NODE, time.time(),
            )  # fmt: skip
            self.memory.take([each])


@contextlib.asynccontextmanager
async def sending(url: str, most: int = 100) -> AsyncIterator[Sending]:
    async with hostile.sending() as opened:
        made = Sending(opened.client, url, most)
        async with made.sender.running():
            yield made


def tasks() -> int:
    return sum(each.get_name() == "delivery.send" for each in asyncio.all_tasks())


async def test_over_a_kept_connection_nothing_costs_a_task() -> None:
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.take()
        await asyncio.sleep(0)
        assert tasks() == 1, "a new connection is waited for"
        assert await made.recorder.until(1) == [Outcome.SUCCEEDED]
        receiver.answer = lambda received: None
        made.take()
        await receiver.until(lambda each: len(each.received) == 2)
        assert tasks() == 0
        assert len(receiver.connections) == made.memory.in_flight == 1


async def test_no_more_are_being_sent_at_once_than_may_be() -> None:
    async with workbench.receiving(lambda received: None) as receiver, sending(receiver.url, most=3) as made:
        made.take(5)
        await receiver.until(lambda each: len(each.received) == 3)
        for _ in range(100):
            await asyncio.sleep(0)
        assert made.memory.in_flight == len(receiver.received) == 3


async def test_what_the_end_cuts_off_is_not_written_down_whatever_becomes_of_its_connection() -> None:
    async with workbench.receiving() as receiver:
        async with sending(receiver.url) as made:
            made.take()
            await made.recorder.until(1)
            receiver.answer = lambda received: None
            made.take(2)  # one over the kept connection, one over a new one
            await receiver.until(lambda each: len(each.received) == 3)
            await made.sender.finish(0.01)
            assert made.memory.in_flight == 2
        assert len(made.recorder.finished) == 1
        assert made.memory.held == 2, "it is still this node's, for whoever takes over from it"


async def test_the_end_waits_for_an_answer_within_the_grace() -> None:
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.take()
        await made.recorder.until(1)
        finishing: list[asyncio.Task[None]] = []

        def late(received: workbench.Received) -> bytes:
            finishing.append(asyncio.ensure_future(made.sender.finish(10)))
            return b"HTTP/1.1 204 No Content\r\n\r\n"

        receiver.answer = late
        made.take()
        assert len(await made.recorder.until(2)) == 2
        await asyncio.wait_for(finishing[0], 5)
        made.take()
        for _ in range(100):
            await asyncio.sleep(0)
        assert made.memory.in_flight == 0, "nothing begins any more"


async def test_a_defect_met_in_an_answer_over_a_kept_connection_fails_that_attempt_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_reply = answer.of_reply

    def defective(reply: answer.Reply, now: float) -> answer.Answer:
        if reply.status == 299:
            raise RuntimeError("a defect")
        return of_reply(reply, now)

    monkeypatch.setattr(answer, "of_reply", defective)
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.take()
        await made.recorder.until(1)
        receiver.answer = lambda received: b"HTTP/1.1 299 Poison\r\nContent-Length: 0\r\n\r\n"
        made.take()
        await made.recorder.until(2)
        receiver.answer = lambda received: b"HTTP/1.1 204 No Content\r\n\r\n"
        made.take()
        assert await made.recorder.until(3) == [Outcome.SUCCEEDED, Outcome.PROTOCOL_ERROR, Outcome.SUCCEEDED]
        assert made.recorder.finished[1].reason == "retrying"
        assert made.memory.in_flight == 0


async def test_a_kept_connection_that_closes_without_an_answer_is_tried_once_more_on_a_new_one() -> None:
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.take()
        await made.recorder.until(1)

        def leaves(received: workbench.Received) -> None:
            receiver.break_off()
            receiver.answer = lambda received: b"HTTP/1.1 204 No Content\r\n\r\n"

        receiver.answer = leaves
        made.take()
        assert await made.recorder.until(2) == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
        assert len(receiver.received) == 3
        assert made.memory.in_flight == 0


async def test_what_is_still_being_loaded_at_the_end_is_given_back() -> None:
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.known = None
        made.take(2)
        await asyncio.sleep(0)
        assert made.memory.in_flight == 2
        finishing = asyncio.ensure_future(made.sender.finish(10))
        await asyncio.sleep(0)
        made.loading.set()
        await asyncio.wait_for(finishing, 5)
        assert len(made.memory.drop_waiting()) == 2
        assert (receiver.received, made.recorder.finished) == ([], [])


async def test_what_was_loaded_while_nothing_might_be_sent_is_looked_at_again() -> None:
    async with workbench.receiving() as receiver, sending(receiver.url) as made:
        made.known, made.sender._node.may_send = None, lambda: True
        made.take()
        await asyncio.sleep(0)
        made.sender._node.may_send = lambda: False
        made.loading.set()
        while made.memory.in_flight:  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0)
        made.stored = dataclasses.replace(made.stored, is_deleted=True)
        made.sender._node.may_send = lambda: True
        made.sender.wake()
        assert await made.recorder.until(1) == [Outcome.CANCELLED]
        assert receiver.received == []
