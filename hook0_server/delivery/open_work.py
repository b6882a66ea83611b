"""What changes around it do to open deliveries: subscriptions disabled, enabled and deleted; cancellations; broadcasts.

Everything here is done in slices that commit, so that one large subscription holds nobody.
"""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from hook0_server.delivery import nodes, scheduler
from hook0_server.model import delivery, ending, errors
from hook0_server.store import database, fanouts, nodes as stored_nodes, subscription_changes

log = structlog.get_logger(__name__)

_CANCEL_POLL_SECONDS = 1.0
_SLOW_PASS_SECONDS = 30.0
_BROADCAST_POLL_SECONDS = 2.0
_BROADCAST_SLICE = 1000
_RETRY_SECONDS = 1.0


class OpenWork:
    """Side tasks of delivery; each is woken by a hint and has a poll behind it."""

    def __init__(
        self,
        db: database.Database,
        *,
        node: nodes.Node,
        memory: scheduler.Scheduler,
        claimable: Callable[[], None],
        ended: Callable[[set[uuid.UUID]], None],
        max_age: float,
    ) -> None:
        """`claimable`: rows may be claimed now. `ended`: final attempts of these applications were written."""
        self._node, self._memory, self._claimable, self._ended = node, memory, claimable, ended
        self._max_age = max_age
        self._hot, self._cancels, self._fanouts = db.hot("open work"), db.hot("cancellations"), db.hot("broadcasts")
        self._changed: OrderedDict[uuid.UUID, subscription_changes.Change] = OrderedDict()
        self._deleted: OrderedDict[uuid.UUID, subscription_changes.Change] = OrderedDict()  # last: an application's are many
        self._parking: list[delivery.Delivery] = []
        self.expired = 0  # parked for too long: dead letters
        self._any, self._cancel_now, self._broadcast_now = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def changed(self, changes: Sequence[subscription_changes.Change]) -> None:
        for change in changes:
            self._memory.limits_changed_for(change.subscription_id)
            (self._deleted if change.is_deleted else self._changed)[change.subscription_id] = change
        self._any.set()

    def park(self, each: delivery.Delivery) -> None:
        """A delivery of a disabled subscription: given back until that is enabled."""
        self._parking.append(each)
        self._any.set()

    def cancel_soon(self, _: str = "") -> None:
        self._cancel_now.set()

    def broadcast_soon(self) -> None:
        self._broadcast_now.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._repeat(self._follow, self._any, _SLOW_PASS_SECONDS), name="delivery.open-work"),
                tasks.create_task(self._repeat(self._cancel, self._cancel_now, _CANCEL_POLL_SECONDS), name="delivery.cancel"),
                tasks.create_task(
                    self._repeat(self._expand, self._broadcast_now, _BROADCAST_POLL_SECONDS), name="delivery.broadcast"
                ),
            ]
            try:
                yield
            finally:
                await ending.end(running)

    async def _repeat(self, work: Callable[[bool], object], hint: asyncio.Event, poll: float) -> None:
        """Work at each hint, and at the latest after `poll` seconds; an outage of the database only delays it."""
        hinted = False
        while True:
            try:
                await work(hinted)  # type: ignore[misc]
            except errors.Unavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            hinted = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll):
                    await hint.wait()
                hinted = True
            hint.clear()

    async def _follow(self, hinted: bool) -> None:
        if not hinted:
            await self._slow_pass()
        while self._parking or self._changed or self._deleted:
            await self._give_back_parked()
            if changes := self._changed or self._deleted:
                subscription_id, change = next(iter(changes.items()))
                more = await self._slice(change)
                if changes[subscription_id] is change:
                    del changes[subscription_id]
                    if more:  # the others have their turn between two slices
                        changes[subscription_id] = change

    async def _give_back_parked(self) -> None:
        parking, self._parking = self._parking, []
        keys = [(each.application_id, each.delivery_id) for each in parking if each.owner == self._node.number]
        if keys:
            try:
                await stored_nodes.give_back(self._hot, self._node.number, keys, parked=True)
            except errors.Unavailable:
                self._parking += parking
                raise
        for each in parking:
            self._memory.forget(each.delivery_id)

    async def _slice(self, change: subscription_changes.Change) -> bool:
        """One slice of what a change does; whether there may be more."""
        key = change.application_id, change.subscription_id
        if change.is_deleted:
            if done := await subscription_changes.cancel(self._hot, *key):
                self._ended({change.application_id})
        elif not change.is_enabled:
            done = await subscription_changes.park(self._hot, *key)
        elif done := await subscription_changes.release(self._hot, *key):
            self._claimable()
        return done > 0

    async def _slow_pass(self) -> None:
        """What was parked just after its subscription had been enabled or deleted, or is too old."""
        for parked in await subscription_changes.parked(self._hot):
            is_gone = parked.is_enabled is None or parked.is_deleted
            application_id, subscription_id = parked.application_id, parked.subscription_id
            change = subscription_changes.Change(application_id, subscription_id, 0, bool(parked.is_enabled), is_gone)
            while await self._slice(change):
                pass
            max_age = min(parked.max_age or self._max_age, self._max_age)
            while expired := await subscription_changes.expire_parked(self._hot, application_id, subscription_id, max_age):
                self.expired += expired
                self._ended({application_id})

    async def _cancel(self, _: bool) -> None:
        for delivery_id in await stored_nodes.cancelled(self._cancels, self._node.number):
            held = self._memory.find(delivery_id)
            if held is not None:
                held.cancel_requested = True

    async def _expand(self, _: bool) -> None:
        while (made := await fanouts.expand(self._fanouts, _BROADCAST_SLICE)) is not None:
            if made:
                self._claimable()
