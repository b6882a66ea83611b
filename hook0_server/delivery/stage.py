"""The delivery stage put together: takes over what ingest hands it, sends, records, and gives back at the end."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from hook0_server.delivery import breath, claim, counts, http, nodes, open_work, record, scheduler, sender, subscriptions
from hook0_server.model import delivery, ending, errors, outcome
from hook0_server.store import database, nodes as stored_nodes, record as stored_record, subscription_changes, wake

log = structlog.get_logger(__name__)

_MARGIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the stage. Times in seconds."""

    held: int = 50_000
    held_bytes: int = 64 * 1024 * 1024
    in_flight: int = 8_000
    timing: nodes.Timing = field(default_factory=nodes.Timing)


class Stage:
    """`async with stage.running():`; implements `model.delivery.HandOver` for ingest."""

    def __init__(
        self,
        db: database.Database,
        waker: wake.Wake,
        client: http.HttpClient,
        keys: subscriptions.Sealed,
        defaults: subscriptions.Defaults,
        *,
        recorded: Callable[[set[uuid.UUID]], None],
        limits: Limits | None = None,
        is_answering: bool = True,
        key_ids: tuple[str, ...] = (),
    ) -> None:
        """`recorded`: attempts of these applications were committed. `key_ids`: of `keys`, told to the other nodes."""
        self.limits = limits or Limits()
        self._db, self._wake, self._ended = db, waker, recorded
        self._release_hot = db.hot("release")
        self._stopping = False
        self.attempts = counts.Attempts()
        self.handed_over = self.released = 0
        self.memory = scheduler.Scheduler(most=self.limits.held, most_bytes=self.limits.held_bytes)
        self.breath = breath.Breath(lambda: self.memory.held)
        self.known = subscriptions.Subscriptions(db, keys, defaults, changed=self._changed)
        self.node = nodes.Node(
            db,
            reborn=self._reborn,
            others_changed=self.memory.limits_changed,
            taken_over=self._claimable,
            resumed=lambda: self.sender.wake(),
            load=lambda: (self.memory.held, self.memory.in_flight),
            timing=self.limits.timing,
            is_answering=is_answering,
            key_ids=key_ids,
        )
        self.recorder = record.Recorder(
            db,
            node=lambda: self.node.number,
            recorded=self._recorded,
            fenced=self.result_unknown,
            is_short=self.is_short_of_cpu,
        )
        self.claimer = claim.Claimer(db, node=self.node, memory=self.memory, gone=self._gone, unknown=self.result_unknown)
        self.open_work = open_work.OpenWork(
            db,
            node=self.node,
            memory=self.memory,
            claimable=self._claimable,
            ended=recorded,
            max_age=defaults.max_age,
        )
        self.sender = sender.Sender(
            db,
            client=client,
            node=self.node,
            memory=self.memory,
            known=self.known,
            recorder=self.recorder,
            park=self.open_work.park,
            most=self.limits.in_flight,
        )
        self.memory.limit_of = self._limit_of
        self._unknown = asyncio.Event()

    # What ingest sees.

    def node_id(self) -> int | None:
        return self.node.number if self.node.number and self.node.may_send() and not self._stopping else None

    def places(self, payload_bytes: int) -> int:
        places, size = self.memory.free()
        return places if payload_bytes <= size and not self.memory.is_tight else 0

    def full(self) -> list[uuid.UUID]:
        return [] if self.memory.is_tight else self.memory.full()  # while it is tight there are no places, for anybody

    def is_short_of_cpu(self) -> bool:
        return self.breath.is_short

    async def breathe(self) -> None:
        await self.breath.take()

    def take(self, deliveries: list[delivery.Delivery]) -> None:
        self.handed_over += len(deliveries)
        self.memory.take(each for each in deliveries if each.owner == self.node.number)

    def left_unowned(self) -> None:
        self._claimable()

    def broadcast(self) -> None:
        self.open_work.broadcast_soon()

    def result_unknown(self) -> None:
        self._unknown.set()

    # Running.

    @contextlib.asynccontextmanager
    async def running(self, grace: Callable[[], float] = lambda: 0.0) -> AsyncIterator[None]:
        """Leaving it ends the stage in order: claim no more, finish what is being sent within the grace, record, give back."""
        self._wake.listen(wake.DELIVERIES, self.claimer.soon)
        self._wake.listen(wake.SUBSCRIPTIONS, self.known.hint)
        self._wake.listen(wake.CANCELS, self.open_work.cancel_soon)
        async with (
            self.breath.running(),
            self.known.running(),
            self.node.running(),
            self.recorder.running(),
            self._releasing(),
            self.open_work.running(),
            self.sender.running(),
        ):
            async with self.claimer.running():
                try:
                    yield
                finally:
                    self._stopping = True
            await self._stop(grace)

    async def _stop(self, grace: Callable[[], float]) -> None:
        await self.sender.finish(grace())
        try:
            async with asyncio.timeout(max(grace(), _MARGIN_SECONDS)):  # what the requests have left of it
                await self.recorder.drained()
                await self._give_back()
                await self.node.leave()
        except (errors.Unavailable, TimeoutError):
            log.warning("delivery.left_behind", deliveries=self.memory.held)  # another node takes them over

    async def _give_back(self) -> None:
        waiting = self.memory.drop_waiting()
        if waiting:
            keys = [(each.application_id, each.delivery_id) for each in waiting]
            await stored_nodes.give_back(self._release_hot, self.node.number, keys, parked=False)
            self._wake.notify(wake.DELIVERIES)
            log.info("delivery.gave_back", deliveries=len(waiting))

    @contextlib.asynccontextmanager
    async def _releasing(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            releasing = tasks.create_task(self._release(), name="delivery.release")
            try:
                yield
            finally:
                await ending.end([releasing])

    async def _release(self) -> None:
        """Let go rows of this living node that are not in its memory: a write was committed though its answer was lost."""
        longest = 2 * self._db.timing.hot_statement + _MARGIN_SECONDS  # a claim is two statements until it is in memory
        wait = self.limits.timing.sweep
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._unknown.wait()
            if self._unknown.is_set():
                self._unknown.clear()  # what becomes unknown from here on gets a look of its own
                await asyncio.sleep(longest)
            try:
                await self._release_absent(longest)
                wait = self.limits.timing.sweep
            except errors.Unavailable:
                wait = _MARGIN_SECONDS

    async def _release_absent(self, longest: float) -> None:
        node = self.node.number
        owned = await stored_nodes.held_long(self._release_hot, node, longest)
        absent = [key for key in owned if not self.memory.holds(key[1])]
        if absent and node == self.node.number:
            released = await stored_nodes.give_back(self._release_hot, node, absent, parked=False)
            if released:
                log.warning("delivery.released", deliveries=released)
                self.released += released
                self._claimable()

    async def _reborn(self, before: int) -> int:
        """A new incarnation keeps what was begun; what waits is given back, and memory forgets it."""
        async with self.recorder.turn:
            node, kept = await stored_nodes.reincarnate(self._release_hot, before, self.memory.begun(), self.node.description)
            self.memory.keep_only(kept, node)
        self.result_unknown()  # what led to this may have cut off more than beats
        self._claimable()
        return node

    # Wiring.

    def _limit_of(self, subscription_id: uuid.UUID) -> int | None:
        most = self.known.concurrency(subscription_id)
        return None if most is None else max(1, most // self.node.sending_nodes)

    def _claimable(self) -> None:
        self.claimer.soon()
        self._wake.notify(wake.DELIVERIES)

    def _changed(self, changes: Sequence[subscription_changes.Change]) -> None:
        self.open_work.changed(changes)

    def _gone(self, each: delivery.Delivery) -> None:
        self.sender.results.end(each, outcome.Outcome.EXPIRED, "event_gone", dead=True)

    def _recorded(self, batch: Sequence[stored_record.Finished], due_again: int) -> None:
        soonest: float | None = None
        held = [self.memory.forget(finished.delivery_id) for finished in batch]
        for finished in batch:
            if finished.delay is not None and (soonest is None or finished.delay < soonest):
                soonest = finished.delay
        self.sender.wake()
        if soonest is not None:
            self.claimer.due_in(soonest)
        if due_again:
            self._claimable()
        self.attempts.add(batch, held, time.time() - self._db.clock.now())
        self._ended({finished.application_id for finished in batch})
