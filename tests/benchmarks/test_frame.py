"""The frame of the benchmarks works: it sends what it says, counts what arrives, and measures both."""

import os
import time
import uuid
from collections.abc import Iterator

import aiohttp
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from benchmarks import load, rig


@pytest.fixture
def empty(postgres_dsn: str) -> Iterator[str]:
    """A database with nothing in it, not even a schema."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_conninfo(postgres_dsn, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_what_is_published_to_the_product_is_counted_where_it_arrives(dsn: str) -> None:
    async with rig.receiver() as receiver, rig.product(dsn) as product, rig.tenant(product, "smoke") as tenant:
        await tenant.subscribe(receiver.url("/ok"))
        sent = await rig.load(tenant, "paced", rate=200, count=20)
        assert (sent.offered, sent.sent, sent.refused, sent.left_out) == (20, 20, {}, 0)
        assert await receiver.until(20, seconds=20) == 20
        arrived = (await receiver.stats()).at("/ok")
        assert (arrived.count, arrived.latency.count) == (20, 20)
        assert 0 < arrived.latency.p50 <= arrived.latency.max < 1000 * (arrived.last - sent.began)
        assert 0 < sent.acknowledged.p50 <= sent.acknowledged.max
        assert product.cpu() > 0.1
        assert product.memory() > 10 << 20
        await receiver.reset()
        assert await receiver.count() == 0
        told = await load.publish(
            load.Order("rest", tenant.address, tenant.application_id, tenant.secret, http=tenant.http, count=30, in_flight=4)
        )
        assert (told["sent"], told["refused"]) == (30, {})
        assert await receiver.until(30, seconds=20) == 30


async def test_the_yardstick_delivers_by_every_way_in(empty: str) -> None:
    async with (
        rig.receiver() as receiver,
        rig.yardstick(empty, receiver.url("/yardstick")) as yardstick,
        rig.tenant(yardstick, "yardstick") as tenant,
    ):
        for mode in ("stream", "batches", "unary", "paced"):
            await receiver.reset()
            told = await load.publish(load.Order(mode, tenant.address, tenant.application_id, "", count=150, rate=2000))
            assert (mode, told["sent"], told["refused"]) == (mode, 150, {})
            assert await receiver.until(150, seconds=20) == 150
        assert _kept(empty) == (600, 0, 600)


def _kept(dsn: str) -> tuple[int, ...] | None:
    """Events, deliveries and attempts, once the last attempt is recorded (a moment after it arrived), or after 10 s."""
    counts = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries), (SELECT count(*) FROM attempts)"
    deadline = time.monotonic() + 10
    with psycopg.connect(dsn, autocommit=True) as connection:
        while (kept := connection.execute(counts).fetchone()) and kept[1] and time.monotonic() < deadline:
            time.sleep(0.01)
    return kept


async def test_a_receiver_can_be_down_and_come_back() -> None:
    async with rig.receiver() as receiver, aiohttp.ClientSession() as session:
        for how in ("refuse", "reset"):
            await receiver.down(how)
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.post(receiver.url("/ok"))
            await receiver.up()
            async with session.post(receiver.url("/ok")) as answer:
                assert answer.status == 204
        async with session.post(receiver.url("/fail")) as answer:
            assert answer.status == 503
        with pytest.raises(TimeoutError):
            await session.post(receiver.url("/hang/1"), timeout=aiohttp.ClientTimeout(total=0.2))
        assert (await receiver.stats()).at("/hang/1").count == 1
        assert await receiver.count("/ok") == 2


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="the processes of that PostgreSQL may be elsewhere")
def test_the_cpu_of_postgresql_counts_that_of_processes_that_have_ended(postgres_dsn: str) -> None:
    before = rig.cpu_of_postgres(postgres_dsn)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("SELECT count(*) FROM generate_series(1, 1000000)")
    deadline = time.monotonic() + 10
    while rig.cpu_of_postgres(postgres_dsn) < before + 0.02 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert rig.cpu_of_postgres(postgres_dsn) >= before + 0.02
