"""The product and the yardstick, side by side on one PostgreSQL, and what one turn of load on one of them gives."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from benchmarks import arrivals, figures, rig

_DRAIN_SECONDS = 30.0  # for what is acknowledged and has not yet arrived


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """A server with one tenant, whose one subscription is to a path of its own at the receiver."""

    name: str
    dsn: str
    served: rig.Served
    tenant: rig.Tenant
    receiver: arrivals.Receiver

    @property
    def path(self) -> str:
        return f"/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """What came of one load on one side. CPU is in microseconds for each event that arrived."""

    sent: rig.Sent
    arrived: arrivals.Arrivals
    server_us: float
    postgres_us: float

    @property
    def per_second(self) -> float:
        """From the first publish call to the last arrival."""
        return self.arrived.count / max(self.arrived.last - self.sent.began, 0.001)

    @property
    def missing(self) -> int:
        """Acknowledged, and not arrived within half a minute."""
        return self.sent.sent - self.arrived.count


@contextlib.asynccontextmanager
async def both() -> AsyncIterator[tuple[Side, Side]]:
    """Product and yardstick, both running, each on a database of its own; one is idle while the other has its turn."""
    async with (
        rig.database() as dsn,
        rig.receiver() as receiver,
        alone(dsn, receiver) as product,
        rig.yardstick(yardstick_dsn := await rig.fresh(dsn, "yardstick"), receiver.url("/yardstick")) as yardstick,
        rig.tenant(yardstick, "yardstick") as tenant,
    ):
        yield product, Side("yardstick", yardstick_dsn, yardstick, tenant, receiver)


@contextlib.asynccontextmanager
async def alone(dsn: str, receiver: arrivals.Receiver, *, name: str = "product", processes: int = 1) -> AsyncIterator[Side]:
    """The product on a new database `name`. Raises rig.Missing."""
    product_dsn = await rig.fresh(dsn, name)
    async with rig.product(product_dsn, processes) as product, rig.tenant(product, name) as tenant:
        await tenant.subscribe(receiver.url(f"/{name}"))
        yield Side(name, product_dsn, product, tenant, receiver)


async def turn(side: Side, mode: str, **order: Any) -> Turn:
    """Publish, and wait until all of it has arrived. `order`: see load.Order."""
    await side.receiver.reset()
    server, postgres = side.served.cpu(), rig.cpu_of_postgres(side.dsn)
    sent = await rig.load(side.tenant, mode, **order)
    await side.receiver.until(sent.sent, _DRAIN_SECONDS, side.path)
    server, postgres = side.served.cpu() - server, rig.cpu_of_postgres(side.dsn) - postgres
    arrived = (await side.receiver.stats()).at(side.path)
    count = max(1, arrived.count)
    return Turn(sent, arrived, server / count * 1e6, postgres / count * 1e6)


def ratio(these: list[Turn], those: list[Turn]) -> float:
    """Of the medians of their rates."""
    return figures.ratio_of_medians([each.per_second for each in these], [each.per_second for each in those])
