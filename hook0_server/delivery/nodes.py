"""This process among the others: it beats, watches their beats, and stops sending when its own are not confirmed.

A node is one incarnation (a number of its own for each start). Another one is dead when *this* node saw its counter stand
still for 8 s of its own time while its own beats succeeded, so that an outage of the database kills nobody and clocks do
not matter. A node whose last confirmed beat was sent more than 4 s ago sends nothing; coming back it is a new incarnation.
"""

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from hook0_server.model import ending, errors
from hook0_server.store import clock, database, nodes

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 1.0
VERSION = importlib.metadata.version("hook0-grpc")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `dead` is twice `silent`, so that a silent node has stopped sending long before it is taken over."""

    beat: float = 1.0
    silent: float = 4.0
    dead: float = 8.0
    sweep: float = 30.0


@dataclass(slots=True)
class _Seen:
    counter: int
    standing: float  # seconds of this node's own time in which it stood still


class Node:
    """The living identity of this process in the delivery stage."""

    def __init__(
        self,
        db: database.Database,
        *,
        reborn: Callable[[int], Awaitable[int]],
        others_changed: Callable[[], None],
        taken_over: Callable[[], None],
        resumed: Callable[[], None] = lambda: None,
        load: Callable[[], tuple[int, int]] = lambda: (0, 0),
        timing: Timing | None = None,
        is_answering: bool = True,
        is_sending: bool = True,
        key_ids: tuple[str, ...] = (),
    ) -> None:
        """`reborn(before)` makes a new incarnation and answers its number; called when this one lapsed or was buried.

        `resumed`: it may send again, after a while in which its beats were late. `load`: how many deliveries it holds, and
        how many of them are being sent. `key_ids`: of its encryption keys, the one that encrypts first.
        """
        self.timing = timing or Timing()
        self._hot = db.hot("beat", statement_seconds=self.timing.dead)
        self._reborn, self._others_changed, self._taken_over = reborn, others_changed, taken_over
        self._resumed, self._load = resumed, load
        self.description = nodes.Description(is_answering, is_sending, VERSION, key_ids)
        self.number = 0  # 0: not registered
        self._confirmed_at = float("-inf")
        self._others: dict[int, _Seen] = {}
        self._swept_at = float("-inf")  # the first beat sweeps: a node that left in a hurry may have left rows behind
        self._turn = asyncio.Lock()  # a beat, or the goodbye
        self._leaving = False
        self.sending_nodes = 1
        self.incarnations = self.buried = self.taken_over = 0  # its own; nodes that it buried; rows of such

    def may_send(self) -> bool:
        """Nobody can have taken over what this node holds."""
        return clock.boottime() - self._confirmed_at <= self.timing.silent

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Registered and beating. Leaving it ends the beat; `leave` then says goodbye."""
        at = clock.boottime()
        self.number = await nodes.register(self._hot, self.description)
        self.incarnations += 1
        self._confirmed_at = at
        await self._beat_once()
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(), name="delivery.beat")
            try:
                yield
            finally:
                await ending.end([beating])

    async def leave(self) -> None:
        """Its rows have been given back; a row that was missed is found by the others' sweep.

        No beat comes after it: that one would find itself buried and register an incarnation that nobody ends.
        """
        self._leaving = True
        async with self._turn:
            self._confirmed_at = float("-inf")
            if self.number:
                await nodes.leave(self._hot, self.number)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.timing.beat)
            async with self._turn:
                if self._leaving:
                    return
                try:
                    await self._beat_once()
                    await self._sweep_when_due()
                except errors.Unavailable:
                    log.warning("node.unconfirmed", node=self.number, seconds=round(clock.boottime() - self._confirmed_at, 1))

    async def _beat_once(self) -> None:
        sent_at = clock.boottime()
        since = sent_at - self._confirmed_at
        held, in_flight = self._load()
        beats = await nodes.beat(self._hot, self.number, held=held, in_flight=in_flight)
        if not beats.is_alive or since > self.timing.silent:
            await self._be_reborn(buried=not beats.is_alive, since=since)
            return
        lapsed = not self.may_send()
        self._confirmed_at = sent_at
        if lapsed:
            self._resumed()
        if beats.sending != self.sending_nodes:
            self.sending_nodes = max(1, beats.sending)
            self._others_changed()
        await self._watch(beats.counters, since)

    async def _be_reborn(self, *, buried: bool, since: float) -> None:
        self._confirmed_at = float("-inf")  # nothing is sent until the new incarnation is there
        before, at = self.number, clock.boottime()
        self.number = await self._reborn(before)
        self.incarnations += 1
        self._confirmed_at = at
        self._others.clear()
        self._others_changed()
        self._resumed()
        log.warning("node.reborn", node=self.number, before=before, buried=buried, silent_seconds=round(since, 1))

    async def _watch(self, counters: dict[int, int], since: float) -> None:
        """Count how long each other node stood still; `since`: seconds between this node's two confirmed beats."""
        if self._others.keys() - counters.keys():
            self._swept_at = float("-inf")  # one left, or somebody buried it: what it held can be had now
        self._others = {node: seen for node, seen in self._others.items() if node in counters}
        own_beats_succeeded = since <= 2.5 * self.timing.beat
        for node, counter in counters.items():
            if node == self.number:
                continue
            seen = self._others.get(node)
            if seen is None or seen.counter != counter or not own_beats_succeeded:
                self._others[node] = _Seen(counter, 0.0)
                continue
            seen.standing += since
            if seen.standing >= self.timing.dead and await nodes.bury(self._hot, node, counter):
                log.warning("node.buried", node=node, by=self.number)
                self.buried += 1
                self._swept_at = float("-inf")

    async def _sweep_when_due(self) -> None:
        """Rows whose owner is gone: from time to time, as a late commit leaves some, and at once when a node went."""
        if (now := clock.boottime()) - self._swept_at <= self.timing.sweep:
            return
        count = await nodes.take_over(self._hot)
        if count:
            log.warning("node.took_over", deliveries=count, node=self.number)
            self.taken_over += count
            self._taken_over()
        self._swept_at = now


@contextlib.asynccontextmanager
async def bystanding(
    db: database.Database,
    *,
    taken_over: Callable[[], None],
    timing: Timing | None = None,
    key_ids: tuple[str, ...] = (),
) -> AsyncIterator[Node]:
    """A process that only answers calls, among the others: listed, and a witness of who stands still."""
    hot = db.hot("bystander")

    async def reborn(before: int) -> int:
        number, _ = await nodes.reincarnate(hot, before, [], node.description)
        return number

    node = Node(
        db,
        reborn=reborn,
        others_changed=lambda: None,
        taken_over=taken_over,
        timing=timing,
        is_sending=False,
        key_ids=key_ids,
    )
    async with node.running():
        yield node
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await node.leave()
    except (errors.Unavailable, TimeoutError):
        log.info("node.left_behind", node=node.number)  # the others will declare it dead
