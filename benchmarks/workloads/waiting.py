"""100,000 subscriptions with one retry each that is due in an hour: what does it cost to look for what is due now?"""

import time
import uuid
from collections.abc import Awaitable, Callable

from benchmarks import figures, rig, scale, seed
from hook0_server.store import claim, database

_NODE = 2_000_000_000  # nobody's number
_LOOK = 1_000  # rows, as a claimer looks
_DUE = 100  # deliveries in one claim


async def run(scale: scale.Scale) -> list[scale.Result]:
    """A claimer's statements on a connection like its own; the server beside it only answers calls."""
    crowd = scale.pick(100_000, 10_000)
    async with rig.database() as postgres:
        dsn = await rig.fresh(postgres, "waiting")
        async with (
            rig.product(dsn, HOOK0_ROLES="api", HOOK0_ENCRYPTION_KEYS=seed.KEYS) as product,
            rig.tenant(product, "many") as tenant,
            rig.tenant(product, "few") as few,
            database.Database(dsn) as db,
        ):
            looks = _Looks(scale, dsn, db.hot("claimer"), few)
            await _subscribed(dsn, few, 1)
            await _subscribed(dsn, tenant, crowd)
            rows = [await looks.measured("nothing else waits")]
            await seed.waiting(dsn, tenant.application_id, rig.EVENT_TYPE, due_in=3600, attempt_number=2)
            return [*rows, await looks.measured(f"{crowd:,} wait for an hour")]


async def _subscribed(dsn: str, tenant: rig.Tenant, count: int) -> None:
    nobody = seed.Subscription("http://127.0.0.1:1/nobody", [rig.EVENT_TYPE], rig.LABELS)
    await seed.subscriptions(dsn, tenant.application_id, [nobody] * count)


class _Looks:
    """Times each statement again and again; `few` is whose deliveries are due."""

    def __init__(self, scale: scale.Scale, dsn: str, hot: database.Hot, few: rig.Tenant) -> None:
        self._scale, self._dsn, self._hot, self._few = scale, dsn, hot, few

    async def measured(self, variant: str) -> scale.Result:
        empty = await _timed(self._scale.pick(200, 20), self._oldest)
        next_due = await _timed(self._scale.pick(200, 20), lambda: claim.next_due(self._hot))
        claims = []
        for _ in range(self._scale.pick(20, 3)):
            await seed.waiting(self._dsn, self._few.application_id, rig.EVENT_TYPE, due_in=-2, each=_DUE)
            claims += await _timed(1, self._oldest)
        walks = await _timed(self._scale.pick(20, 3), self._fair)
        return self._scale.row(
            "waiting",
            variant,
            **figures.Latency.of(empty).named("look", "p50", "p99"),
            **figures.Latency.of(next_due).named("next_due", "p50"),
            **figures.Latency.of(claims).named(f"claim_of_{_DUE}", "p50", "max"),
            **figures.Latency.of(walks).named("walk", "p50"),
        )

    async def _oldest(self) -> object:
        return await claim.oldest(
            self._hot, node=_NODE, head=_LOOK, most=_LOOK, size=1 << 30, per_subscription=_LOOK, closed=[]
        )

    async def _fair(self) -> object:
        return await claim.fair(
            self._hot, node=_NODE, after=uuid.UUID(int=0), applications=100, visits=2000, resume={}, most=_LOOK, size=1 << 30,
            per_subscription=20, closed=[],
        )  # fmt: skip


async def _timed(times: int, statement: Callable[[], Awaitable[object]]) -> list[float]:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        await statement()
        spent.append(time.perf_counter() - began)
    return spent
