"""Sends what the scheduler gives, by as many workers as there are requests open, and judges what came of it."""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import structlog

from hook0_server.delivery import answer, http, nodes, pace, record, scheduler, subscriptions
from hook0_server.model import delivery, ending, errors, ids, outcome, retry, targets
from hook0_server.store import database, nodes as stored_nodes
from hook0_server.store.record import Finished

log = structlog.get_logger(__name__)

Outcome = outcome.Outcome
_FAILED = "The server failed to send this; its log says why."
_PAUSE_SECONDS = 0.5
AT_ONCE = 32  # deliveries that begin in one turn of the event loop
_LONGEST_ELAPSED = 2**31 - 1  # microseconds in an int: a process that was frozen for longer saw more


class Sender:
    """Workers come into being as they are needed, `most` at most, and wait for more when there is nothing to send."""

    def __init__(
        self,
        db: database.Database,
        *,
        client: http.HttpClient,
        node: nodes.Node,
        memory: scheduler.Scheduler,
        known: subscriptions.Subscriptions,
        recorder: record.Recorder,
        park: Callable[[delivery.Delivery], None],
        most: int,
    ) -> None:
        self._client, self._node, self._memory, self._known = client, node, memory, known
        self._recorder, self._park, self._most = recorder, park, most
        self._idle: list[asyncio.Future[None]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._alone = asyncio.Lock()
        self._starts, self._clock = db.hot("cautious start"), db.clock
        self._stopping = False
        self._pace = pace.Pace(AT_ONCE)
        self._held_back = 0  # workers that may not begin now and look again at `resume`
        memory.wake = self.wake

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Leaving it cancels what is still being sent; call `finish` first."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                yield
            finally:
                self._stopping = True
                await ending.end(self._workers)

    def wake(self, ready: int) -> None:
        """So many more deliveries may be sent now."""
        while ready > 0 and self._idle:
            waiting = self._idle.pop()
            if not waiting.done():
                waiting.set_result(None)
                ready -= 1
        if self._tasks is None or self._stopping:
            return
        while ready > 0 and len(self._workers) < self._most:
            worker = self._tasks.create_task(self._work(), name="delivery.send")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
            ready -= 1

    def resume(self) -> None:
        """What held workers back may be over: a batch was recorded, or a beat was confirmed again."""
        ready, self._held_back = self._held_back, 0  # one worker may have been woken, and held back, for several deliveries
        self.wake(ready)

    async def finish(self, grace: float) -> None:
        """Begin nothing more, and wait up to `grace` seconds for what is being sent."""
        self._stopping = True
        for waiting in self._idle:
            waiting.cancel()
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)

    async def _work(self) -> None:
        while not self._stopping:
            if not self._node.may_send() or not self._recorder.has_room:
                self._held_back += 1
            elif not self._pace.has_room:
                await self._pace.for_room()
                continue
            elif (each := self._memory.next()) is not None:
                await self._deliver(each)
                continue
            waiting = asyncio.get_running_loop().create_future()
            self._idle.append(waiting)
            await waiting

    async def _deliver(self, each: delivery.Delivery) -> None:
        known = self._known.peek(each.subscription_id)
        if known is None:
            try:
                known = await self._known.load(each.subscription_id)
            except errors.Unavailable:
                self._memory.put_back(each)
                await asyncio.sleep(_PAUSE_SECONDS)
                return
            self._memory.limits_changed_for(each.subscription_id)
            await self._pace.for_room()  # a crowd may have waited for the same load
            if not self._node.may_send():
                self._memory.put_back(each)  # it took too long
                return
        self._pace.count()
        try:
            sending = self._sending_or_end(each, known)
            if sending is not None:
                await sending
        except Exception:  # a defect, or a row that nobody should have written: one delivery ends no server
            log.exception("delivery.failed", delivery_id=str(each.delivery_id))
            self._fail(each, known)
        finally:
            self._memory.sent(each)

    def _sending_or_end(
        self, each: delivery.Delivery, known: subscriptions.Subscription | None
    ) -> Coroutine[Any, Any, None] | None:
        """What sends it, to be awaited; None where it ends or is let go without a request."""
        if not self._is_mine(each):
            return None  # a former incarnation's: it has been given back
        if each.cancel_requested:
            self.end(each, Outcome.CANCELLED, "cancelled")
        elif known is None or known.is_deleted:
            self.end(each, Outcome.CANCELLED, "subscription_deleted")
        elif not known.is_enabled:
            self._park(each)
        elif not each.is_manual and self._age(each) > (known.policy.max_age or float("inf")):
            self.end(each, Outcome.EXPIRED, "max_age", dead=True)
        elif each.takeover_count >= delivery.MAX_TAKEOVERS:
            return self._send_alone(each, known)
        else:
            return self._send(each, known)
        return None

    def _age(self, each: delivery.Delivery) -> float:
        """Seconds, by the clock that wrote when it was created."""
        return self._clock.now() - each.created_at

    def _is_mine(self, each: delivery.Delivery) -> bool:
        """Whether this incarnation still holds it: while something was waited for, a new one may have given it back."""
        return each.owner == self._node.number and each.is_held

    async def _send_alone(self, each: delivery.Delivery, known: subscriptions.Subscription) -> None:
        """It may be what killed the servers before: one such at a time, and its start is committed first."""
        if each.started:
            self.end(each, Outcome.INTERRUPTED, "interrupted", dead=True)
            return
        async with self._alone:
            if not self._is_mine(each):
                return  # it was given back while it waited for its turn
            try:
                held = await stored_nodes.start(
                    self._starts, self._node.number, each.application_id, each.delivery_id, each.attempt_id
                )
            except errors.Unavailable:
                held = False  # it stays this node's; the release of rows that are not in memory lets it go
            if not self._is_mine(each):
                return  # a new incarnation gave it back meanwhile
            if held and self._node.may_send():
                await self._send(each, known)
            else:
                self._memory.forget(each.delivery_id)

    async def _send(self, each: delivery.Delivery, known: subscriptions.Subscription) -> None:
        now = time.time()
        if known.template is None:
            self._finish(each, known, answer.failed(Outcome.INVALID_TARGET, known.problem), now, 0.0)
            return
        each.begun = True
        began = time.perf_counter()
        try:
            request = known.template.build(
                event_id=each.event_id_text,
                event_type=each.event_type,
                content_type=each.content_type,
                payload=each.payload,
                timestamp=int(now),
                delivery_id=str(each.delivery_id),
                attempt_number=each.attempt_number,
            )
        except targets.Invalid as invalid:
            self._finish(each, known, answer.failed(Outcome.INVALID_TARGET, str(invalid)), now, 0.0)
            return
        answered = await self._client.send(
            request,
            known.timeout,
            still=lambda: self._node.may_send() and self._is_mine(each),
            turn=each.application_id,
        )
        if answered is None:
            each.begun = False
            self._memory.requeue(each)
            return
        self._finish(each, known, answered, now, time.perf_counter() - began)

    def _fail(self, each: delivery.Delivery, known: subscriptions.Subscription | None) -> None:
        """A failed attempt, to be repeated on the default schedule: what failed may be its subscription's own."""
        if known is None:
            self.end(each, Outcome.PROTOCOL_ERROR, "retries_exhausted", dead=True)
            return
        schedule = dataclasses.replace(known, policy=retry.HOOK0_SCHEDULE)
        each.begun = True
        self._finish(each, schedule, answer.failed(Outcome.PROTOCOL_ERROR, _FAILED), time.time(), 0.0)

    def _finish(
        self,
        each: delivery.Delivery,
        known: subscriptions.Subscription,
        answered: answer.Answer,
        picked_at: float,
        elapsed: float,
    ) -> None:
        now = time.time()
        finished = Finished(
            each.application_id,
            each.delivery_id,
            each.attempt_id,
            int(answered.outcome),
            "succeeded",
            now,
            picked_at,
            http_status=answered.http_status,
            elapsed=min(int(elapsed * 1e6), _LONGEST_ELAPSED),
            revision=known.revision,
            error_message=answered.error_message,
            headers=answered.headers,
            body=answered.body or None,
            headers_truncated=answered.headers_truncated,
            body_truncated=answered.body_truncated,
        )
        if answered.outcome != Outcome.SUCCEEDED:
            self._plan_retry(each, known, answered, finished, now)
        self._recorder.put(finished)

    def _plan_retry(
        self,
        each: delivery.Delivery,
        known: subscriptions.Subscription,
        answered: answer.Answer,
        finished: Finished,
        now: float,
    ) -> None:
        planned = retry.plan(
            known.policy,
            each.attempt_number,
            age=self._age(each),
            random=random.random(),  # noqa: S311  # jitter, not a secret
            retry_after=answered.retry_after,
        )
        if isinstance(planned, retry.GaveUp):
            finished.dead = True
            finished.reason = "retries_exhausted" if planned is retry.GaveUp.RETRIES else "max_age"
            return
        finished.reason = "retrying"
        finished.delay = planned
        finished.next_attempt_id = ids.uuid7(now, random.getrandbits(80))
        current = self._known.peek(each.subscription_id)
        finished.parked = current is not None and not current.is_enabled and not current.is_deleted

    def end(self, each: delivery.Delivery, ended: Outcome, reason: str, *, dead: bool = False) -> None:
        """A final attempt without a request."""
        each.begun = True
        finished = Finished(each.application_id, each.delivery_id, each.attempt_id, int(ended), reason, time.time(), dead=dead)
        self._recorder.put(finished)
