import socket
from collections.abc import AsyncIterator

import aiohttp
import edges
import pytest

from hook0_server import metrics
from hook0_server.gateway import app, health, siblings
from hook0_server.store import database


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def test_health_is_ok_once_ready_and_the_database_answers(db: database.Database, http: aiohttp.ClientSession) -> None:
    looked_at = health.Health(db)
    async with app.serving(
        "127.0.0.1:0", edges.nothing(), looked_at=looked_at, scraped=siblings.Scrape(metrics.Metrics())
    ) as bound:
        async with http.get(f"http://{bound}/health") as answer:
            assert answer.status == 503
            assert await answer.json() == {"status": "unavailable", "ready": False, "database": True}
        looked_at.ready = True
        async with http.get(f"http://{bound}/health") as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "ok", "ready": True, "database": True}


async def test_health_says_that_the_database_is_away(http: aiohttp.ClientSession) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with database.Database(nowhere, timing=database.Timing(pool_wait=0.1)) as away:
        looked_at = health.Health(away)
        looked_at.ready = True
        async with (
            app.serving(
                "127.0.0.1:0", edges.nothing(), looked_at=looked_at, scraped=siblings.Scrape(metrics.Metrics())
            ) as bound,
            http.get(f"http://{bound}/health") as answer,
        ):
            assert (answer.status, (await answer.json())["database"]) == (503, False)


async def test_however_often_health_is_asked_the_database_is_asked_twice_a_second(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def fetch_one(statement: bytes) -> tuple[int]:
        asked.append(statement)
        return (1,)

    monkeypatch.setattr(db, "fetch_one", fetch_one)
    times = iter([10.0, 10.0, 10.2, 10.4, 10.6, 10.6])  # when looking and, where it was asked, after the answer
    looked_at = health.Health(db, clock=lambda: next(times))
    for _ in range(4):
        await looked_at.report()
    assert len(asked) == 2


async def test_metrics_are_in_prometheus_text_form(db: database.Database, http: aiohttp.ClientSession) -> None:
    counted = metrics.Metrics()
    counted.rpc_calls["hook0.v1.X/Y", "OK"] += 1
    async with (
        app.serving("127.0.0.1:0", edges.nothing(), looked_at=health.Health(db), scraped=siblings.Scrape(counted)) as bound,
        http.get(f"http://{bound}/metrics") as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'hook0_rpc_calls_total{code="OK",method="hook0.v1.X/Y"} 1.0' in await answer.text()


async def test_outside_dev_there_is_no_receiver(db: database.Database, http: aiohttp.ClientSession) -> None:
    async with (
        app.serving(
            "127.0.0.1:0", edges.nothing(), looked_at=health.Health(db), scraped=siblings.Scrape(metrics.Metrics())
        ) as bound,
        http.post(f"http://{bound}/receiver/x") as answer,
    ):
        assert answer.status == 404


async def test_a_port_in_use_is_an_error_that_names_the_address(db: database.Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        serving = app.serving(address, edges.nothing(), looked_at=health.Health(db), scraped=siblings.Scrape(metrics.Metrics()))
        with pytest.raises(OSError, match=address):
            await serving.__aenter__()


async def test_the_port_is_free_again_after_the_block(db: database.Database) -> None:
    bound = "127.0.0.1:0"
    for _ in range(2):
        async with app.serving(
            bound, edges.nothing(), looked_at=health.Health(db), scraped=siblings.Scrape(metrics.Metrics())
        ) as bound:
            pass
    assert not bound.endswith(":0")
