"""A slice of sealed values reads only its own rows, however many lie before it."""

from typing import Any

import planning
import pytest
from psycopg import sql as composing

from hook0_server.store import sealed

SLICE = 100


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


@pytest.mark.parametrize("column", sealed.COLUMNS, ids=str)
async def test_a_slice_is_read_along_the_primary_key(tables: planning.Tables, column: sealed.Column) -> None:
    values = [value async for found in sealed.slices(tables.db, column) for value in found]
    if not values:
        return
    statement = composing.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + sealed._composed(sealed.SQL.following, column)
    async with tables.db.connection() as connection:
        cursor = await connection.execute(statement, (*values[len(values) // 2].key, SLICE))
        [([shown],)] = await cursor.fetchall()
    for node in nodes(shown["Plan"]):
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        assert read <= SLICE + 1, shown
        assert node["Node Type"] != "Seq Scan" or len(values) <= SLICE, shown
