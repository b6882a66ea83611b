"""A claimer's statements by themselves, on a connection like its own, timed from here."""

import time
import uuid
from collections.abc import Awaitable, Callable

from benchmarks import rig, seed
from hook0_server.store import claim, database

DUE = 100  # deliveries in one claim
_NODE = 2_000_000_000  # nobody's number: what it claims stays claimed
_LOOK = 1_000  # rows, as the server looks


class Claimer:
    """Claims beside a server that does not (or no server): `due` are put there by SQL first."""

    def __init__(self, dsn: str, db: database.Database) -> None:
        self._dsn, self._hot = dsn, db.hot("claimer")

    async def claims(self, times: int, tenant: rig.Tenant) -> list[float]:
        """Seconds of claims of DUE deliveries each, of the tenant's one subscription."""
        spent = []
        for _ in range(times):
            await seed.waiting(self._dsn, tenant.application_id, rig.EVENT_TYPE, due_in=-2, each=DUE)
            spent += await timed(1, self.look)
        return spent

    async def look(self) -> object:
        """What is due, the oldest first."""
        return await claim.oldest(
            self._hot, node=_NODE, head=_LOOK, most=_LOOK, size=1 << 30, per_subscription=_LOOK, closed=[]
        )

    async def walk(self) -> object:
        """A few of everybody's: only where more is due than one look takes."""
        return await claim.fair(
            self._hot, node=_NODE, after=uuid.UUID(int=0), applications=100, visits=2000, resume={}, most=_LOOK, size=1 << 30,
            per_subscription=20, closed=[],
        )  # fmt: skip

    async def next_due(self) -> object:
        return await claim.next_due(self._hot)


async def timed(times: int, statement: Callable[[], Awaitable[object]]) -> list[float]:
    """Seconds that it took, each time."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        await statement()
        spent.append(time.perf_counter() - began)
    return spent
