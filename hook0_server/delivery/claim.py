"""Takes what is due and what nobody holds: retries, overflow, takeovers. One claimer per process.

It looks when this process knows that something is due, when somebody says so, when places became free, and every second.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable

import structlog

from hook0_server.delivery import nodes, scheduler
from hook0_server.model import delivery, ending, errors
from hook0_server.store import claim, database

log = structlog.get_logger(__name__)

LOOK = 1000  # rows in one look
POLL_SECONDS = 1.0
_VISITS = 2000  # subscriptions that one walk visits at most
_APPLICATIONS = 100
_PER_SUBSCRIPTION = 20
_FEW = 16  # the same, when memory is tight
_AMPLE_ROOM = LOOK // 2  # with fewer free places than this, a look is worth it only now and then
_NIL = uuid.UUID(int=0)
_SOON_SECONDS = 0.001
_BREATH_SECONDS = 0.02  # between two series of looks, however often somebody asks
_STOP_SECONDS = 5.0
_LONG_BREATH_SECONDS = 0.1  # the same, when all that is due belongs to subscriptions that are full, or room is scarce


class Claimer:
    """`soon()` asks for a look now, `due_in(seconds)` for one then."""

    def __init__(
        self,
        db: database.Database,
        *,
        node: nodes.Node,
        memory: scheduler.Scheduler,
        gone: Callable[[delivery.Delivery], None],
        unknown: Callable[[], None],
    ) -> None:
        """`gone`: claimed deliveries whose event is not there any more. `unknown`: a claim's answer was lost."""
        self._hot = db.hot("claimer")
        self._node, self._memory, self._gone, self._unknown = node, memory, gone, unknown
        self._now, self._asked = asyncio.Event(), False
        self._next_at = 0.0  # monotonic
        self._after = _NIL
        self._resume: dict[uuid.UUID, uuid.UUID] = {}
        self._share = _PER_SUBSCRIPTION
        self._applications = 1
        self._crowded = False
        self._stopping = False
        self.looks = self.claimed = 0
        self._breath = _BREATH_SECONDS

    def soon(self, _: str = "") -> None:
        self._asked = True
        self._now.set()

    def due_in(self, seconds: float) -> None:
        """Something that this process scheduled is due then."""
        at = time.monotonic() + seconds + _SOON_SECONDS
        if at < self._next_at:
            self._next_at = at
            self._now.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Leaving it lets the look end that is under way: what it claims is in memory then, to be given back."""
        async with asyncio.TaskGroup() as tasks:
            claiming = tasks.create_task(self._run(), name="delivery.claim")
            try:
                yield
                self._stopping = True
                self.soon()
                await asyncio.wait({claiming}, timeout=_STOP_SECONDS)
            finally:
                await ending.end([claiming])

    async def _run(self) -> None:
        while not self._stopping:
            self._next_at = float("inf")
            try:
                wait = await self._look()
            except errors.Unavailable:
                self._unknown()
                wait = POLL_SECONDS
            self._next_at = min(self._next_at, time.monotonic() + wait)
            await self._wait(self._breath)

    async def _wait(self, least: float) -> None:
        """Until something is due, or somebody says so; `due_in` may bring it forward. At least `least` seconds."""
        await asyncio.sleep(least)
        while not self._asked and (left := self._next_at - time.monotonic()) > 0:
            self._now.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._now.wait()
        self._asked = False

    async def _look(self) -> float:
        """Claim as long as there is something due and room for it; answers the seconds until the next look."""
        while not self._stopping:
            places, size = self._memory.free()
            if not places or size <= 0 or not self._node.may_send():
                return POLL_SECONDS / 10
            found = await self._claim(min(places, LOOK), size)
            if found and places < _AMPLE_ROOM:
                self._breath = _LONG_BREATH_SECONDS
                return 0.0
            if not found:
                due = await claim.next_due(self._hot)
                self._breath = _LONG_BREATH_SECONDS if due == 0 else _BREATH_SECONDS
                # What is due and was not taken belongs to subscriptions that are full, or to another claimer's look.
                return POLL_SECONDS if due is None else min(max(due, POLL_SECONDS / 10), POLL_SECONDS)
        return 0.0

    async def _claim(self, most: int, size: int) -> int:
        """Where more is due than one look takes, half of the places are for a walk: the oldest may all be one application's."""
        node, closed = self._node.number, self._memory.full()
        self.looks += 1
        oldest = max(most // 2, 1) if self._crowded else most
        claimed = await claim.oldest(
            self._hot, node=node, head=LOOK, most=oldest, size=size, per_subscription=self._each(oldest // 2 + 1), closed=closed
        )
        self._crowded = claimed.head_full
        if claimed.head_full:
            claimed_fairly = await self._walk(node, max(most - len(claimed.deliveries), 1), size, closed)
            claimed.deliveries += claimed_fairly.deliveries
            claimed.days |= claimed_fairly.days
        if claimed.deliveries:
            await self._hold(claimed, node)
        return len(claimed.deliveries)

    def _each(self, usually: int) -> int:
        """How many of one subscription: when memory is tight its last places are for many."""
        return _FEW if self._memory.is_tight else usually

    async def _walk(self, node: int, most: int, size: int, closed: list[uuid.UUID]) -> claim.Claimed:
        """More is due than one look takes: a few of everybody's, from where the last walk stopped."""
        claimed = await claim.fair(
            self._hot,
            node=node,
            after=self._after,
            applications=_APPLICATIONS,
            visits=max(_VISITS // self._applications, 20),
            resume=self._resuming(),
            most=most,
            size=size,
            per_subscription=self._each(self._share),
            closed=closed,
        )
        self._applications = max(1, len(claimed.walked))
        came_to_the_end = len(claimed.walked) < _APPLICATIONS
        last = None if came_to_the_end else max(claimed.walked)
        for application in [each for each in self._resume if each > self._after and (last is None or each <= last)]:
            del self._resume[application]
        self._resume |= {application: after for application, after in claimed.walked.items() if after is not None}
        self._after = last or _NIL
        short = len(claimed.deliveries) < most
        self._share = min(self._share * 2, LOOK) if short and came_to_the_end else _PER_SUBSCRIPTION
        return claimed

    def _resuming(self) -> dict[uuid.UUID, uuid.UUID]:
        """Where to go on in the applications that this walk may come to; those of the next walks are kept for them."""
        coming = sorted(each for each in self._resume if each > self._after)[:_APPLICATIONS]
        return {application: self._resume[application] for application in coming}

    async def _hold(self, claimed: claim.Claimed, node: int) -> None:
        try:
            payloads = await claim.load_payloads(self._hot, claimed.days)
        except errors.Unavailable:
            self._unknown()  # they are this node's, and not in its memory
            raise
        held = []
        for each in claimed.deliveries:
            found = payloads.get((each.application_id, each.event_id))
            if found is None:
                log.error("claim.event_gone", delivery_id=str(each.delivery_id), event_id=str(each.event_id))
                self._gone(each)
                continue
            each.content_type, each.payload = found
            held.append(each)
        if node == self._node.number:
            self.claimed += len(held)
            self._memory.take(held)
