"""Sends what the scheduler gives: over a kept connection at once, and by a task of its own where something is waited for."""

import asyncio
import collections
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias

import structlog

from hook0_server.delivery import answer, connection, http, nodes, record, request, results, scheduler, subscriptions
from hook0_server.model import delivery, ending, errors, outcome, targets
from hook0_server.store import database, nodes as stored_nodes

log = structlog.get_logger(__name__)

Outcome = outcome.Outcome
_PAUSE_SECONDS = 0.5
AT_ONCE = 32  # deliveries that begin in one turn of the event loop: who sends many must not make everybody's next step late

Sent: TypeAlias = tuple[delivery.Delivery, subscriptions.Subscription, request.Request, float, float, float]
"""What goes to whom, when it was picked (Unix seconds) and began (performance counter), and its deadline (loop time)."""


class Sender:
    """`most` deliveries at most are being sent at a time; all but those that wait for a connection cost no task."""

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
        self.results = results.Results(recorder, known, db.clock.now)
        self._starts = db.hot("cautious start")
        self._waiting: set[asyncio.Task[None]] = set()  # deliveries that wait for something
        # Their subscriptions were loaded for them, and are kept with them: a crowd may be larger than what the cache remembers.
        self._learned: collections.deque[tuple[delivery.Delivery, subscriptions.Subscription]] = collections.deque()
        self._alone = asyncio.Lock()
        self._is_woken = self._ended = False
        self._stopping = True  # until it runs
        self._quiet = asyncio.Event()  # nothing is being sent any more
        memory.wake = self.wake

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Leaving it gives up what is still being sent; call `finish` first."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            self._stopping = False
            self.wake()
            try:
                yield
            finally:
                self._stopping = self._ended = True
                await ending.end(self._waiting)

    def wake(self) -> None:
        """More may be sent now, or what held it back may be over: it begins in the next turn of the event loop."""
        if not self._is_woken and not self._stopping:
            self._is_woken = True
            self._loop.call_soon(self._begin_some)

    async def finish(self, grace: float) -> None:
        """Begin nothing more, and wait up to `grace` seconds for what is being sent."""
        self._stopping = True
        self._put_back_learned()
        if self._memory.in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._quiet.wait()

    def _begin_some(self) -> None:
        self._is_woken = False
        if self._stopping or not self._node.may_send():
            self._put_back_learned()  # until then something may have changed
            return  # a confirmed beat wakes it again
        if not self._recorder.has_room:
            return  # a recorded batch wakes it again
        for number in range(AT_ONCE):
            if number % 2 and self._learned:  # in turn with the others: one application's crowd holds up nobody else's
                self._begin(*self._learned.popleft())
            elif not self._begin_next() and not self._learned:
                return
        self.wake()

    def _begin_next(self) -> bool:
        """False: nothing more may be sent now."""
        if self._memory.in_flight >= self._most or (each := self._memory.next()) is None:
            return False
        known = self._known.peek(each.subscription_id)
        if known is None:
            self._wait(each, None, self._learn(each))
        else:
            self._begin(each, known)
        return True

    def _put_back_learned(self) -> None:
        while self._learned:
            each, _ = self._learned.popleft()
            self._memory.requeue(each)
            self._over(each)

    def _begin(self, each: delivery.Delivery, known: subscriptions.Subscription) -> None:
        try:
            if not self._may_be_sent(each, known):
                self._over(each)
            elif each.takeover_count >= delivery.MAX_TAKEOVERS:
                self._wait(each, known, self._send_alone(each, known))
            elif (waiting := self._send(each, known)) is not None:
                self._wait(each, known, waiting)
        except Exception as defect:
            self._broke(each, known, defect)
            self._over(each)

    def _wait(
        self, each: delivery.Delivery, known: subscriptions.Subscription | None, waiting: Coroutine[Any, Any, bool]
    ) -> None:
        """In a task of its own, which answers whether that was all."""

        async def wait() -> None:
            is_over = True
            try:
                is_over = await waiting
            except Exception as defect:
                self._broke(each, known, defect)
            finally:
                if is_over:
                    self._over(each)

        task = self._tasks.create_task(wait(), name="delivery.send")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _broke(self, each: delivery.Delivery, known: subscriptions.Subscription | None, defect: Exception) -> None:
        """A defect, or a row that nobody should have written: one delivery ends no server."""
        log.error("delivery.failed", delivery_id=str(each.delivery_id), exc_info=defect)
        self.results.fail(each, known)

    def _over(self, each: delivery.Delivery) -> None:
        """It is not being sent any more, and another one may be."""
        self._memory.sent(each)
        if self._stopping:
            if not self._memory.in_flight:
                self._quiet.set()
        elif not self._is_woken:
            self.wake()

    async def _learn(self, each: delivery.Delivery) -> bool:
        """What its subscription says. Those of a crowd that waited for it together begin a few at a time, like all others."""
        try:
            known = await self._known.load(each.subscription_id)
        except errors.Unavailable:
            self._memory.requeue(each)
            await asyncio.sleep(_PAUSE_SECONDS)  # as long as it counts as being sent, nobody is asked again
            return True
        if known is None:
            self._cancel_unwanted(each)
            return True
        self._learned.append((each, known))
        self._memory.limits_changed_for(each.subscription_id)
        if self._stopping:
            self._put_back_learned()
        self.wake()
        return False

    def _may_be_sent(self, each: delivery.Delivery, known: subscriptions.Subscription) -> bool:
        """False: it ends here or is let go, without a request."""
        if not self._is_mine(each):
            return False  # a former incarnation's: it has been given back
        if each.cancel_requested:
            self.results.end(each, Outcome.CANCELLED, "cancelled")
        elif known.is_deleted:
            self._cancel_unwanted(each)
        elif not known.is_enabled:
            self._park(each)
        elif not each.is_manual and self.results.age(each) > (known.policy.max_age or float("inf")):
            self.results.end(each, Outcome.EXPIRED, "max_age", dead=True)
        else:
            return True
        return False

    def _cancel_unwanted(self, each: delivery.Delivery) -> None:
        if self._is_mine(each):
            self.results.end(each, Outcome.CANCELLED, "subscription_deleted")

    def _is_mine(self, each: delivery.Delivery) -> bool:
        """Whether this incarnation still holds it: while something was waited for, a new one may have given it back."""
        return each.owner == self._node.number and each.is_held

    async def _send_alone(self, each: delivery.Delivery, known: subscriptions.Subscription) -> bool:
        """It may be what killed the servers before: one such at a time, and its start is committed first."""
        if each.started:
            self.results.end(each, Outcome.INTERRUPTED, "interrupted", dead=True)
            return True
        async with self._alone:
            if not self._is_mine(each):
                return True  # it was given back while it waited for its turn
            try:
                held = await stored_nodes.start(
                    self._starts, self._node.number, each.application_id, each.delivery_id, each.attempt_id
                )
            except errors.Unavailable:
                held = False  # it stays this node's; the release of rows that are not in memory lets it go
            if not self._is_mine(each):
                return True  # a new incarnation gave it back meanwhile
            if not held or not self._node.may_send():
                self._memory.forget(each.delivery_id)
            elif (sent := self._prepared(each, known)) is not None:
                await self._send_anew(sent)
        return True

    def _send(self, each: delivery.Delivery, known: subscriptions.Subscription) -> Coroutine[Any, Any, bool] | None:
        """What is to be awaited where there is no kept connection for it."""
        sent = self._prepared(each, known)
        if sent is None:
            self._over(each)
        elif not self._client.begin(sent[2], sent[5], self._replied, sent):
            return self._send_anew(sent)
        return None

    def _prepared(self, each: delivery.Delivery, known: subscriptions.Subscription) -> Sent | None:
        """None: it can never be sent, which is its result."""
        picked_at = time.time()
        if known.template is None:
            self.results.refuse(each, known, known.problem, picked_at)
            return None
        each.begun = True
        began = time.perf_counter()
        try:
            built = known.template.build(
                event_id=each.event_id_text,
                event_type=each.event_type,
                content_type=each.content_type,
                payload=each.payload,
                timestamp=int(picked_at),
                delivery_id=str(each.delivery_id),
                attempt_number=each.attempt_number,
            )
        except targets.Invalid as invalid:
            self.results.refuse(each, known, str(invalid), picked_at)
            return None
        return each, known, built, picked_at, began, self._loop.time() + known.timeout

    def _replied(self, kept: connection.Connection, sent: Sent, reply: answer.Reply) -> None:
        """Over a kept connection: called by the event loop, so nothing may be raised here."""
        if self._ended:
            return  # as if it had been killed: whoever holds it next sends it again
        each, known = sent[0], sent[1]
        try:
            answered = self._client.end(kept, reply)
            if answered is None:
                self._wait(each, known, self._send_anew(sent, broken=True))
                return
            self._finish(sent, answered)
        except Exception as defect:
            self._broke(each, known, defect)
        self._over(each)

    async def _send_anew(self, sent: Sent, *, broken: bool = False) -> bool:
        """Over whatever connection there is, or a new one where a kept one was `broken`."""
        each = sent[0]
        answered = await self._client.send(
            sent[2],
            sent[5] - self._loop.time(),
            still=lambda: self._node.may_send() and self._is_mine(each),
            turn=each.application_id,
            anew=broken,
        )
        if answered is None:
            each.begun = False
            self._memory.requeue(each)
        else:
            self._finish(sent, answered)
        return True

    def _finish(self, sent: Sent, answered: answer.Answer) -> None:
        each, known, _, picked_at, began, _ = sent
        self.results.finish(each, known, answered, picked_at, time.perf_counter() - began)
