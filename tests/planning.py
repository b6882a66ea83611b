"""What statements read: their plans on empty tables, on skewed ones, and on ones whose statistics are of an empty table:
of one that had never been filled, or of one that was vacuumed when all of its rows were done.

The tables are filled once a run for each of these states; every test has a copy.
"""

import asyncio
import contextlib
import dataclasses
import functools
import itertools
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, cast

import clones
import orjson
import psycopg
import pytest
import rows

from hook0_server.store import database, sql

SQL = sql.beside(__file__)

SMALL_ONES, CROWD, NODE = 500, 10_000, 7
ASIDE = 2_000  # of each of what is seldom touched: parked deliveries, secrets, types, answers
_SMALL = 100  # rows
_STALE = ("deliveries", "subscriptions", "event_types", "application_secrets", "event_keys", "request_answers")


@dataclasses.dataclass
class Plan:
    """What one statement reads."""

    shown: str
    rows_read: int
    sequential: dict[str, int]  # tables read from end to end, and their rows
    indexes: set[str]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


def _read(plan: dict[str, Any]) -> Plan:
    total, sequential, indexes = 0.0, dict[str, int](), set[str]()
    for node in _nodes(plan):
        if "Index Name" in node:
            indexes.add(re.sub(r"_[0-9]{8}", "", node["Index Name"]))
        if "Scan" not in node["Node Type"] or not ("Relation Name" in node or "Index Name" in node):
            continue
        thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        total += (node["Actual Rows"] + thrown) * node["Actual Loops"]
        if node["Node Type"] == "Seq Scan":
            sequential[node["Relation Name"]] = round(node["Actual Rows"] + thrown)
    return Plan(orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode(), round(total), sequential, indexes)


class Explaining:
    """A hot connection, or one of the pool (`requests`), that also keeps the plans of what it runs.

    The explained run is taken back. The plan is the connection's: on a hot one the same whatever the parameters are.
    """

    def __init__(self, db: database.Database, *, requests: bool = False) -> None:
        self._db, self._hot, self._requests = db, db.hot("plans"), requests
        self.plans = list[Plan]()  # of the last statement
        self._names = itertools.count()

    @property
    def hot(self) -> database.Hot:
        """For what asks for a hot connection and only fetches."""
        return cast("database.Hot", self)

    @property
    def pool(self) -> database.Database:
        """For what asks for a database and only fetches."""
        return cast("database.Database", self)

    async def fetch_one(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> database.Row | None:
        rows = await self.fetch(statement, parameters)
        return rows[0] if rows else None

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any] | None = None) -> list[database.Row]:
        text, names = _numbered(statement)
        self.plans = []
        async with self._transaction() as connection:
            self.plans.append(await self._explained(connection, text, names, parameters))
        return await (self._db if self._requests else self._hot).fetch(statement, parameters)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[database.Connection]:
        if self._requests:
            async with self._db.connection() as connection, connection.transaction():
                yield connection
        else:
            async with self._hot.transaction() as connection:
                yield connection

    async def _explained(
        self, connection: database.Connection, text: str, names: list[str], parameters: Mapping[str, Any] | None
    ) -> Plan:
        name, values = f"plan_{next(self._names)}", ()
        if names:  # EXECUTE takes no parameters of its own, only literals
            as_text = ("SELECT " + ", ".join(f"%({each})b::text" for each in names)).encode()
            values = await (await connection.execute(as_text, parameters)).fetchone() or ()
        cursor = psycopg.AsyncClientCursor(connection)
        await cursor.execute(f"PREPARE {name} AS {text}".encode())
        async with connection.transaction(force_rollback=True):
            called = f"{name}({', '.join('%s' for _ in names)})" if names else name
            await cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING off) EXECUTE {called}".encode(), values)
            [(shown,)] = await cursor.fetchall()
        return _read((orjson.loads(shown) if isinstance(shown, (str, bytes)) else shown)[0]["Plan"])

    def judge(self, most: int, *indexes: str, whole: tuple[str, ...] = ()) -> None:
        """The last statement read so many rows at most, by these indexes, and no table but `whole` from end to end.

        The pool may read a small table so: it plans anew while the table grows.
        """
        for plan in self.plans:
            sequential = {table for table, read in plan.sequential.items() if read > _SMALL or not self._requests}
            assert sequential <= set(whole), plan.shown
            assert set(indexes) <= plan.indexes, plan.shown
            assert plan.rows_read <= most, plan.shown


def _numbered(statement: bytes) -> tuple[str, list[str]]:
    """The statement with numbered parameters, and their names."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)b", statement.decode())))
    text = re.sub(r"%\((\w+)\)b", lambda found: f"${names.index(found[1]) + 1}", statement.decode())
    return text.replace("%%", "%"), names


@dataclasses.dataclass(frozen=True)
class Seeded:
    """A filled database, the large application with its stuck and its parked subscription, and one small application."""

    name: str
    state: str
    organization: uuid.UUID
    large: uuid.UUID
    stuck: uuid.UUID
    parked: uuid.UUID
    small: uuid.UUID

    @property
    def is_misjudged(self) -> bool:
        """Whether its statistics are of before it was filled."""
        return self.state in ("stale", "vacuumed")


@dataclasses.dataclass
class Tables:
    """The statements under test, on a copy of one of the databases."""

    db: database.Database
    explaining: Explaining
    requests: Explaining
    seeded: Seeded

    @property
    def hot(self) -> database.Hot:
        return self.explaining.hot


async def _seed(dsn: str, state: str) -> Seeded:
    async with database.Database(dsn, pool_size=1) as db:
        small, large, stuck = await rows.application(db), await rows.application(db), rows.id7()
        [(organization,)] = await db.fetch(
            b"SELECT organization_id FROM applications WHERE application_id = %(id)s", {"id": large}
        )
        await rows.subscription(db, small, labels={"n": "1"})
        parked = await rows.subscription(db, large, labels={"parked": "yes"}, is_enabled=False)
        if state == "vacuumed":
            await _vacuumed(db, small)
        if state in ("stale", "vacuumed"):
            await db.fetch(b"ANALYZE")  # of the empty tables: what is planned from them now must still be right later
        for table in _STALE:
            await db.fetch(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())
        if state != "empty":
            given = {"small": SMALL_ONES, "crowd": CROWD, "large": large, "stuck": stuck, "organization": organization}
            await db.fetch(SQL.crowd, given | {"day": rows.now().date()})
            await db.fetch(SQL.aside, {"aside": ASIDE, "large": large, "parked": parked, "day": rows.now().date()})
        if state in ("empty", "skewed"):
            await db.fetch(b"ANALYZE")
    name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
    return Seeded(name, state, organization, large, stuck, parked, small)


async def _vacuumed(db: database.Database, application_id: uuid.UUID) -> None:
    """Pages and no rows: however many come later, statements are planned as for none."""
    await rows.delivery(db, application_id)
    await rows.insert(db, "event_keys", application_id=application_id, event_id=rows.id7(), day=rows.now().date())
    for table in ("deliveries", "event_keys"):
        await db.fetch(f"DELETE FROM {table}".encode())
        await db.fetch(f"VACUUM (TRUNCATE OFF) {table}".encode())


@pytest.fixture(scope="session")
def seeding(postgres_dsn: str, template: clones.Template) -> Iterator[Callable[[str], Seeded]]:
    """The database of each state, filled when it is first asked for."""
    with contextlib.ExitStack() as databases:

        @functools.cache
        def seeded(state: str) -> Seeded:
            return asyncio.run(_seed(databases.enter_context(clones.clone(postgres_dsn, template.name)), state))

        yield seeded


@pytest.fixture(params=["empty", "skewed", "stale", "vacuumed"])
def seeded(request: pytest.FixtureRequest, seeding: Callable[[str], Seeded]) -> Seeded:
    return seeding(request.param)


@pytest.fixture
async def tables(postgres_dsn: str, seeded: Seeded) -> AsyncIterator[Tables]:
    with clones.clone(postgres_dsn, seeded.name) as dsn:
        async with database.Database(dsn, pool_size=2) as db:
            yield Tables(db, Explaining(db), Explaining(db, requests=True), seeded)
