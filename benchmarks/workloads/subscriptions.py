"""Does an application pay for subscriptions that do not match: a third each unlike by label, by type, by both?"""

import contextlib
import statistics

from benchmarks import figures, rig, scale, seed
from benchmarks.arrivals import Receiver

_OTHER_TYPE = "x.y.z"
_TURNS = 2
_COUNTS = (1, 1_000, 100_000)


async def run(scale: scale.Scale) -> list[scale.Result]:
    """The applications take turns, so that a machine that is busy for a while is so for all of them."""
    counts = scale.pick(_COUNTS, (1, 1_000, 10_000))
    async with rig.database() as postgres, rig.receiver() as receiver, contextlib.AsyncExitStack() as open_tenants:
        dsn = await rig.fresh(postgres, "subscriptions")
        product = await open_tenants.enter_async_context(rig.product(dsn, **seed.SERVER_KEYS))
        tenants = {count: await open_tenants.enter_async_context(rig.tenant(product, f"with {count:,}")) for count in counts}
        for count, tenant in tenants.items():
            await tenant.subscribe(receiver.url("/match"))
            await tenant.event_type(_OTHER_TYPE)
            await seed.subscriptions(dsn, tenant.application_id, [_unlike(n) for n in range(count - 1)])
        rates: dict[int, list[float]] = {count: [] for count in counts}
        for _ in range(scale.pick(_TURNS, 1)):
            for count, tenant in tenants.items():
                rates[count].append(await _rate(receiver, tenant, scale.pick(5.0, 1.0)))
    medians = {count: statistics.median(measured) for count, measured in rates.items()}
    return [
        scale.row(
            "subscriptions",
            f"{count:,}, one matches",
            published_per_second=medians[count],
            ratio_to_1=medians[count] / medians[1],
            each_turn=figures.spread(rates[count]),
        )
        for count in counts
    ]


def _unlike(number: int) -> seed.Subscription:
    """By label, by type, or by both; nobody calls its target."""
    others, url = {"tenant": f"t{number}"}, "http://127.0.0.1:1/nobody"
    match number % 3:
        case 0:
            return seed.Subscription(url, [rig.EVENT_TYPE], others)
        case 1:
            return seed.Subscription(url, [_OTHER_TYPE])
    return seed.Subscription(url, [_OTHER_TYPE], others)


async def _rate(receiver: Receiver, tenant: rig.Tenant, seconds: float) -> float:
    """Acknowledged events a second, in batches; what they cause is delivered before the next turn."""
    await receiver.reset()
    sent = await rig.load(tenant, "batches", seconds=seconds)
    await receiver.until(sent.sent, seconds=60)
    return sent.sent / (sent.ended - sent.began)
