"""Subscriptions as sending needs them: cached, and checked against what was changed before each send.

A change is heard of by a notification, and by a poll once a second: it takes effect within 2 s.
"""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import structlog

from hook0_server.delivery import request
from hook0_server.model import ending, errors, retry, targets
from hook0_server.store import database, subscription_changes

log = structlog.get_logger(__name__)

CACHED = 20_000
DEFAULT_TIMEOUT = 15.0
DEFAULT_CONCURRENCY = 16
_POLL_SECONDS = 1.0
_LOAD_TOGETHER = 500
OPEN_AT_ONCE = 16  # in one turn of the event loop: to decrypt one's secrets takes 50 µs and more


class Sealed(Protocol):
    """Opens what is encrypted at rest."""

    def decrypt(self, sealed: bytes, row_id: uuid.UUID) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """Everything sending needs. template None: its target can never be sent to (`problem` says why)."""

    application_id: uuid.UUID
    subscription_id: uuid.UUID
    revision: int
    is_enabled: bool
    is_deleted: bool
    template: request.Template | None
    problem: str
    policy: retry.Policy
    timeout: float
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a subscription has that set nothing."""

    max_retries: int
    max_age: float  # seconds; the retention time less one day


class Subscriptions:
    """`peek` at what is cached, `load` what is not. `changed` hears of every change, some of them twice."""

    def __init__(
        self,
        db: database.Database,
        keys: Sealed,
        defaults: Defaults,
        *,
        changed: Callable[[Sequence[subscription_changes.Change]], None],
    ) -> None:
        self._reader, self._follower = db.hot("subscriptions"), db.hot("subscription changes")
        self._keys, self._defaults, self._changed = keys, defaults, changed
        self._cached: OrderedDict[int, Subscription | None] = OrderedDict()  # by the number in the id, which hashes fast
        self._loading: dict[uuid.UUID, asyncio.Future[Subscription | None]] = {}
        self._heard_of: dict[uuid.UUID, int] = {}  # revisions of subscriptions that are being loaded
        self._wanted = asyncio.Event()
        self._changed_now = asyncio.Event()

    def peek(self, subscription_id: uuid.UUID) -> Subscription | None:
        """What is looked at stays: a broadcast to more than are cached takes nobody's place who sends meanwhile."""
        known = self._cached.get(subscription_id.int)
        if known is not None:
            self._cached.move_to_end(subscription_id.int)
        return known

    def concurrency(self, subscription_id: uuid.UUID) -> int | None:
        """How many requests at once; None while it is not cached."""
        known = self.peek(subscription_id)
        return known.max_concurrency if known is not None else None

    def hint(self, _: str = "") -> None:
        """Somebody changed a subscription."""
        self._changed_now.set()

    async def load(self, subscription_id: uuid.UUID) -> Subscription | None:
        """From the database, together with what else is asked for meanwhile; None when it is gone. Raises Unavailable."""
        if subscription_id.int in self._cached:
            return self._cached[subscription_id.int]
        waiting = self._loading.get(subscription_id)
        if waiting is None:
            waiting = self._loading[subscription_id] = asyncio.get_running_loop().create_future()
            self._wanted.set()
        return await asyncio.shield(waiting)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        since = await subscription_changes.position(self._follower)
        async with asyncio.TaskGroup() as tasks:
            loading = tasks.create_task(self._load_wanted(), name="delivery.load-subscriptions")
            following = tasks.create_task(self._follow(since), name="delivery.follow-subscriptions")
            try:
                yield
            finally:
                for waiting in self._loading.values():
                    waiting.cancel()
                await ending.end([loading, following])

    async def _load_wanted(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._loading:
                wanted = dict(list(self._loading.items())[:_LOAD_TOGETHER])
                await self._load(wanted)

    async def _load(self, wanted: dict[uuid.UUID, "asyncio.Future[Subscription | None]"]) -> None:
        try:
            stored = {row.subscription_id: row for row in await subscription_changes.load(self._reader, wanted)}
        except errors.Unavailable as failure:
            for subscription_id, waiting in wanted.items():
                del self._loading[subscription_id]
                waiting.set_exception(failure)
                waiting.exception()  # whoever waited may have gone
            return
        for number, (subscription_id, waiting) in enumerate(wanted.items()):
            if number % OPEN_AT_ONCE == 0:
                await asyncio.sleep(0)
            row = stored.get(subscription_id)
            known = None if row is None else self._opened(row)
            del self._loading[subscription_id]
            # A change may have been heard of while an older version was being read: that one is used, not kept.
            if (known.revision if known else 0) >= self._heard_of.pop(subscription_id, 0):
                self._cached[subscription_id.int] = known
            waiting.set_result(known)
        while len(self._cached) > CACHED:
            self._cached.popitem(last=False)

    async def _follow(self, since: str) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._changed_now.wait()
            self._changed_now.clear()
            try:
                since, changes = await subscription_changes.changes(self._follower, since)
            except errors.Unavailable:
                continue  # after 4 s of this the node sends nothing
            for change in changes:
                if change.subscription_id in self._loading:
                    self._heard_of[change.subscription_id] = change.revision
                known = self.peek(change.subscription_id)
                if known is None or known.revision != change.revision:
                    self._cached.pop(change.subscription_id.int, None)
            if changes:
                self._changed(changes)

    def _opened(self, row: subscription_changes.Stored) -> Subscription:
        template, problem = None, ""
        try:
            template = self._template(row)
        except targets.Invalid as invalid:
            problem = str(invalid)
        except Exception:  # one that cannot be opened here (its key came to another server first) ends no other's deliveries
            log.exception("subscriptions.unopened", subscription_id=str(row.subscription_id))
            problem = "this server cannot open the target's secrets"
        try:
            settings = _settings(row, self._defaults)
        except (TypeError, ValueError, KeyError, AttributeError):  # nobody wrote that through the API
            log.exception("subscriptions.unread", subscription_id=str(row.subscription_id))
            template, problem = None, "the subscription's retry policy or options cannot be read"
            settings = _policy({}, self._defaults), DEFAULT_TIMEOUT, DEFAULT_CONCURRENCY
        return Subscription(
            row.application_id,
            row.subscription_id,
            row.revision,
            row.is_enabled,
            row.is_deleted,
            template,
            problem,
            *settings,
        )

    def _template(self, row: subscription_changes.Stored) -> request.Template:
        if row.target_encrypted is None:
            raise targets.Invalid("this revision of the target is gone")
        target = orjson.loads(self._keys.decrypt(row.target_encrypted, row.subscription_id))
        secret = self._keys.decrypt(row.secret_encrypted, row.subscription_id).decode()
        return request.Template.prepare(target["method"], target["url"], target["headers"], secret)


def _settings(row: subscription_changes.Stored, defaults: Defaults) -> tuple[retry.Policy, float, int]:
    """Policy, timeout and concurrency as they are stored; the API checked them."""
    options = row.delivery_options
    timeout, most = options.get("timeout", DEFAULT_TIMEOUT), options.get("max_concurrency", DEFAULT_CONCURRENCY)
    return _policy(row.retry_policy, defaults), float(timeout), int(most)


def _policy(stored: dict[str, Any], defaults: Defaults) -> retry.Policy:
    """A subscription's own delays or Hook0's, within the instance's limits."""
    most = min(int(stored.get("max_retries", defaults.max_retries)), 100)
    max_age = min(float(stored.get("max_age", defaults.max_age)), defaults.max_age)
    if "delays" not in stored and "backoff" not in stored:
        hook0 = retry.HOOK0_SCHEDULE
        ratio = float(stored.get("jitter_ratio", hook0.jitter_ratio))
        floor = hook0.jitter_floor if ratio else 0.0
        return retry.Policy(hook0.delays, None, most, max_age, ratio, floor, hook0.jitter_ceiling)
    ratio = float(stored.get("jitter_ratio", 0.1))
    if backoff := stored.get("backoff"):
        own = retry.Backoff(float(backoff["initial"]), float(backoff["factor"]), float(backoff["maximum"]))
        return retry.Policy(None, own, most, max_age, ratio)
    delays = tuple(float(delay) for delay in stored["delays"])
    return retry.Policy(delays, None, most, max_age, ratio)
