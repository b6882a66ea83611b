"""100,000 subscriptions with one retry each that is due in an hour: what does it cost to look for what is due now?"""

from benchmarks import claimer, figures, rig, scale, seed
from hook0_server.store import database


async def run(scale: scale.Scale) -> list[scale.Result]:
    """The server beside it only answers calls; the application with few has what is due."""
    crowd = scale.pick(100_000, 10_000)
    async with rig.database() as postgres:
        dsn = await rig.fresh(postgres, "waiting")
        async with (
            rig.product(dsn, HOOK0_ROLES="api", **seed.SERVER_KEYS) as product,
            rig.tenant(product, "many") as many,
            rig.tenant(product, "few") as few,
            database.Database(dsn) as db,
        ):
            nobody = seed.Subscription("http://127.0.0.1:1/nobody", [rig.EVENT_TYPE], rig.LABELS)
            await seed.subscriptions(dsn, few.application_id, [nobody])
            await seed.subscriptions(dsn, many.application_id, [nobody] * crowd)
            claims = claimer.Claimer(dsn, db)
            rows = [await _measured(scale, claims, few, "nothing waits")]
            await seed.waiting(dsn, many.application_id, rig.EVENT_TYPE, due_in=3600, attempt_number=2)
            return [*rows, await _measured(scale, claims, few, f"{crowd:,} wait for an hour")]


async def _measured(scale: scale.Scale, claims: claimer.Claimer, few: rig.Tenant, variant: str) -> scale.Result:
    often, sometimes = scale.pick(200, 20), scale.pick(20, 3)
    looks = await claimer.timed(often, claims.look)
    next_due = await claimer.timed(often, claims.next_due)
    claimed = await claims.claims(sometimes, few)
    walks = await claimer.timed(sometimes, claims.walk)
    return scale.row(
        "waiting",
        variant,
        **figures.Latency.of(looks).named("look", "p50", "p99"),
        **figures.Latency.of(next_due).named("next_due", "p50"),
        **figures.Latency.of(claimed).named(f"claim_of_{claimer.DUE}", "p50", "max"),
        **figures.Latency.of(walks).named("walk", "p50"),
    )
