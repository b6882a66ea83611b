"""What it costs to count what no node holds: rows read, whatever the statistics say."""

import orjson
import pytest
import rows
from test_reads_plans import rows_read, sequential

from hook0_server.store import database, nodes

CROWD, MOST = 30_000, 200


@pytest.mark.parametrize("statistics", ["current", "of an empty table"])
async def test_counting_what_is_unheld_reads_no_more_than_it_counts(db: database.Database, statistics: str) -> None:
    application = await rows.application(db)
    if statistics != "current":
        await db.fetch(b"ANALYZE deliveries")
        await db.fetch(b"ALTER TABLE deliveries SET (autovacuum_enabled = off)")
    await db.fetch(
        b"INSERT INTO deliveries (application_id, delivery_id, attempt_id, subscription_id, event_id, event_day, event_type,"
        b" payload_size, next_attempt_at, owner) SELECT %s, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),"
        b" gen_random_uuid(), current_date, 'order.paid', 2, now() + (n - %s) * interval '1 s', CASE WHEN n %% 3 = 0 THEN 0 END"
        b" FROM generate_series(1, %s) n",
        [application, CROWD // 2, CROWD],
    )
    if statistics == "current":
        await db.fetch(b"ANALYZE deliveries")
    async with db.connection() as connection, connection.transaction():
        await connection.execute(nodes.SQL.by_index)
        cursor = await connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) " + nodes.SQL.unheld, {"most": MOST})
        [(shown,)] = await cursor.fetchall()
    plan = (orjson.loads(shown) if isinstance(shown, (str, bytes)) else shown)[0]["Plan"]
    assert sequential(plan) == []
    assert rows_read(plan) <= 3 * MOST + 3, orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode()
    assert await nodes.unheld(db, most=MOST) == nodes.Unheld(MOST, MOST, MOST)
