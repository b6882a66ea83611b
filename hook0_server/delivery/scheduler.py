"""What this process holds, and whose turn it is: round-robin between applications, then between their subscriptions.

Memory is bounded by deliveries and by bytes of payload. A subscription may hold as much as is still free: one that is
slow fills half of what there is, a second one half of the rest, and somebody who is quick always finds a place.
"""

import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable

from hook0_server.model import delivery

DEFAULT_CONCURRENCY = 16
_SMALL = 64  # a subscription that holds fewer is not called full while memory has room
_FEW = 16  # a subscription with so many waiting has enough while memory is tight
_RESERVED = 8  # one part in so many is kept for those who can send at once


class Application:
    """One application's subscriptions that may send now, in turn."""

    __slots__ = ("application_id", "lines", "ready")

    def __init__(self, application_id: uuid.UUID) -> None:
        self.application_id = application_id
        self.ready: deque[Line] = deque()
        self.lines = 0


class Line:
    """One subscription's deliveries in memory: those that wait, and how many are being sent."""

    __slots__ = ("application", "in_flight", "is_ready", "limit", "subscription_id", "waiting")

    def __init__(self, application: Application, subscription_id: uuid.UUID, limit: int) -> None:
        self.application, self.subscription_id, self.limit = application, subscription_id, limit
        self.waiting: deque[delivery.Delivery] = deque()
        self.in_flight = 0
        self.is_ready = False


class Scheduler:
    """Deliveries from hand over or claim until they are recorded or given back. `wake()`: more may be sent now."""

    def __init__(self, *, most: int, most_bytes: int, wake: Callable[[], None] = lambda: None) -> None:
        self._most, self._most_bytes = most, most_bytes
        self.wake = wake
        # Both by the number in the id: a UUID hashes and compares itself in Python, ten times as slowly.
        self._held: dict[int, delivery.Delivery] = {}
        self._lines: dict[int, Line] = {}
        self._bytes = 0
        self.in_flight = 0  # taken by `next` and not yet `sent`
        self._long: set[Line] = set()  # subscriptions with more than a few deliveries waiting
        self._applications: dict[uuid.UUID, Application] = {}
        self._turns: deque[Application] = deque()  # those with a line that is ready
        self.limit_of: Callable[[uuid.UUID], int | None] = lambda subscription_id: DEFAULT_CONCURRENCY  # None: not known yet

    @property
    def held(self) -> int:
        """How many deliveries are in memory: waiting, being sent, or not recorded yet."""
        return len(self._held)

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def free(self) -> tuple[int, int]:
        """Places and bytes that are free."""
        return max(0, self._most - len(self._held)), max(0, self._most_bytes - self._bytes)

    @property
    def is_tight(self) -> bool:
        """Only the reserve is left: it is for those who can send at once, a few at a time."""
        return self._most - len(self._held) <= self._most // _RESERVED

    def full(self) -> list[uuid.UUID]:
        """Subscriptions that hold their share; when memory is tight, all that could not send more at once.

        Of a crowd with one delivery each only those are told that are being sent: a claim is given this list each time.
        """
        if self.is_tight:
            return [
                line.subscription_id
                for line in self._lines.values()
                if len(line.waiting) >= _FEW or line.in_flight >= line.limit
            ]
        share = max(_SMALL, self._most - len(self._held))
        return [line.subscription_id for line in self._long if len(line.waiting) >= share]

    def holds(self, delivery_id: uuid.UUID) -> bool:
        return delivery_id.int in self._held

    def find(self, delivery_id: uuid.UUID) -> delivery.Delivery | None:
        return self._held.get(delivery_id.int)

    def take(self, deliveries: Iterable[delivery.Delivery]) -> None:
        """Hold these and queue them."""
        is_ready = False
        for each in deliveries:
            if each.is_held or self._held.setdefault(each.delivery_id.int, each) is not each:
                continue
            self._bytes += len(each.payload)
            each.is_held = True
            each.line = line = self._line(each)
            line.waiting.append(each)
            if len(line.waiting) > _SMALL:
                self._long.add(line)
            self._enter(line)
            is_ready = is_ready or line.is_ready
        if is_ready:
            self.wake()

    def next(self) -> delivery.Delivery | None:
        """The delivery whose turn it is; it counts as being sent until `sent`."""
        while self._turns:
            line = self._next_line()
            if line.in_flight >= line.limit:
                continue  # its limit sank while it was ready; `sent` gives it a turn again
            each = line.waiting.popleft()
            line.in_flight += 1
            self.in_flight += 1
            if len(line.waiting) == _SMALL:
                self._long.discard(line)
            self._enter(line)
            return each
        return None

    def _next_line(self) -> Line:
        """Takes the turn of the first application, and of its first subscription; the application goes to the end."""
        application = self._turns.popleft()
        line = application.ready.popleft()
        line.is_ready = False
        if application.ready:
            self._turns.append(application)
        return line

    def sent(self, each: delivery.Delivery) -> None:
        """It is not being sent any more: its subscription may send another."""
        line: Line = each.line
        line.in_flight -= 1
        self.in_flight -= 1
        self._enter(line)
        self._tidy(line)

    def requeue(self, each: delivery.Delivery) -> None:
        """It was not sent after all: to the front again, before its `sent`."""
        if each.is_held:
            each.line.waiting.appendleft(each)

    def forget(self, delivery_id: uuid.UUID) -> delivery.Delivery | None:
        """It is recorded or given back: its place is free. Answers what was there."""
        each = self._held.pop(delivery_id.int, None)
        if each is not None:
            each.is_held = False
            self._bytes -= len(each.payload)
        return each

    def drop_waiting(self, subscription_id: uuid.UUID | None = None) -> list[delivery.Delivery]:
        """Forget what waits (of one subscription, or of all) and answer it."""
        lines = list(self._lines.values()) if subscription_id is None else [self._lines.get(subscription_id.int)]
        dropped: list[delivery.Delivery] = []
        for line in lines:
            if line is None:
                continue
            dropped += line.waiting
            line.waiting.clear()
            self._leave(line)
            self._tidy(line)
        for each in dropped:
            self.forget(each.delivery_id)
        return dropped

    def begun(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """Deliveries (application_id, delivery_id) of which something may have been sent and that are not recorded yet."""
        return [(each.application_id, each.delivery_id) for each in self._held.values() if each.begun]

    def keep_only(self, kept: Collection[uuid.UUID], owner: int) -> None:
        """After a new incarnation: these are held by it, everything else is somebody else's now."""
        self.drop_waiting()
        for gone in [each.delivery_id for each in self._held.values() if each.delivery_id not in kept]:
            self.forget(gone)
        for each in self._held.values():
            each.owner = owner

    def limits_changed(self) -> None:
        """Concurrency is divided anew."""
        for line in list(self._lines.values()):
            self.limits_changed_for(line.subscription_id)

    def limits_changed_for(self, subscription_id: uuid.UUID) -> None:
        """Its concurrency is known now, or was changed; while it is not known the last one counts."""
        line, limit = self._lines.get(subscription_id.int), self.limit_of(subscription_id)
        if line is None or limit is None:
            return
        line.limit = limit
        self._enter(line)
        if line.is_ready:
            self.wake()

    def _line(self, each: delivery.Delivery) -> Line:
        line = self._lines.get(each.subscription_id.int)
        if line is None:
            # One goes first where the limit is not known: what it loads says how many may follow.
            limit = self.limit_of(each.subscription_id)
            application = self._applications.get(each.application_id)
            if application is None:
                application = self._applications[each.application_id] = Application(each.application_id)
            application.lines += 1
            line = Line(application, each.subscription_id, 1 if limit is None else limit)
            self._lines[each.subscription_id.int] = line
        return line

    def _enter(self, line: Line) -> None:
        """Give the line a turn, if it has something to send and may."""
        if line.is_ready or not line.waiting or line.in_flight >= line.limit:
            return
        line.is_ready = True
        if not line.application.ready:
            self._turns.append(line.application)
        line.application.ready.append(line)

    def _leave(self, line: Line) -> None:
        self._long.discard(line)
        if not line.is_ready:
            return
        line.is_ready = False
        line.application.ready.remove(line)
        if not line.application.ready:
            self._turns.remove(line.application)

    def _tidy(self, line: Line) -> None:
        if line.waiting or line.in_flight:
            return
        del self._lines[line.subscription_id.int]
        line.application.lines -= 1
        if not line.application.lines:
            del self._applications[line.application.application_id]
