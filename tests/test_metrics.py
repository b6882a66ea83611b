"""What a scrape of a real server says after something happened, and that docs/ name what it says and nothing else."""

import asyncio
import dataclasses
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import readme
import rows
import workbench
from google.protobuf.duration_pb2 import Duration
from prometheus_client import parser

import hook0_client
from hook0_client import v1
from hook0_server import app, settings
from hook0_server.delivery import nodes
from hook0_server.model import errors, outcome
from hook0_server.store import database, nodes as stored_nodes, publish, record, upkeep
from tests.ingest import writing

TYPE = "user.account.created"
QUICK = app.Timings(node=nodes.Timing(beat=0.2, dead=0.5, sweep=0.3))
FAILING = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

Scrape = dict[str, float]


async def text(server: app.Server) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"http://{server.http}/metrics") as answer:
        return await answer.text()


async def scraped(server: app.Server) -> Scrape:
    return parsed(await text(server))


def parsed(shown: str) -> Scrape:
    """Every sample, by its name without hook0_ and the words of its labels."""
    samples = [each for family in parser.text_string_to_metric_families(shown) for each in family.samples]
    return {" ".join([each.name.removeprefix("hook0_"), *each.labels.values()]): each.value for each in samples}


async def until(server: app.Server, so: Callable[[Scrape], bool]) -> Scrape:
    """The first scrape of which this is so."""
    async with asyncio.timeout(15):
        while not so(now := await scraped(server)):  # noqa: ASYNC110  # a scrape is a look
            await asyncio.sleep(0.05)
    return now


def of(scrape: Scrape, family: str, *words: str) -> list[float]:
    return [scrape[f"{family} {word}"] for word in words]


async def test_docs_name_every_family_and_no_other(server: app.Server) -> None:
    shown = set(re.findall(r"^# HELP (hook0_\w+)", await text(server), re.MULTILINE))
    assert set(readme.first_cells("operating.md", "| metric |")) == shown
    alerts = (readme.ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    named = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"hook0_\w+", alerts)}
    assert len(named) > 15
    assert named <= shown


async def test_events_are_counted_by_what_became_of_them(server: app.Server, master: hook0_client.Client) -> None:
    made = await workbench.application(master)
    async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
        event_id = str(uuid.uuid4())
        for _ in range(3):
            await client.publish(TYPE, {}, event_id=event_id)
        for wrong in ("nobody.made.it", "one"):
            with pytest.raises(hook0_client.Hook0Error):
                await client.publish(wrong, {})
            bad, good = (v1.NewEvent(event_type=TYPE, payload_text=payload) for payload in ("not JSON", "{}"))
        await client.ingestion.PublishEvents(
            v1.PublishEventsRequest(application_id=made.application_id, events=[bad, good, good])
        )
    now = await scraped(server)
    assert of(now, "events_published_total", "stored", "duplicate", "rejected", "refused", "failed") == [3, 2, 3, 0, 0]
    # The type that nobody made was looked up with its event; what breaks a rule does not come that far.
    assert now["publish_seconds_count"] == now["publish_batch_events_sum"] == 6
    assert now["publish_batch_events_count"] == now["publish_batch_events_bucket 2.0"] == 5
    assert now["publish_batch_events_bucket 1.0"] == 4
    assert 0 < now["publish_seconds_sum"] < 60
    assert now["rpc_calls_total OK hook0.v1.IngestionService/PublishEvent"] == 3
    assert now["rpc_seconds_count hook0.v1.IngestionService/PublishEvent"] == 5


async def test_events_that_the_queue_or_the_database_does_not_take_are_counted(
    server: app.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = uuid.uuid4()
    with monkeypatch.context() as full:
        full.setattr("hook0_server.ingest.queue.QUEUE_EVENTS", 0)
        with pytest.raises(errors.QuotaExceeded):
            await server.writer.submit(application_id, [writing.event(application_id) for _ in range(3)])

    async def away(*_: Any, **__: Any) -> None:
        raise database.ResultUnknown("DATABASE_UNAVAILABLE", "Away.")

    monkeypatch.setattr(publish, "publish", away)
    with pytest.raises(errors.Unavailable):
        await server.writer.submit(application_id, [writing.event(application_id) for _ in range(2)])
    now = await scraped(server)
    assert of(now, "events_published_total", "refused", "failed", "stored") == [3, 2, 0]
    assert now["publish_seconds_count"] == 0


async def test_an_attempt_moves_outcomes_latencies_and_dead_letters(server: app.Server, master: hook0_client.Client) -> None:
    async with workbench.receiving() as good, workbench.receiving(lambda _: FAILING) as bad:
        made = await workbench.application(master)
        await workbench.subscribe(master, made.application_id, good.url)
        once = v1.RetryPolicy(delays=[Duration(seconds=1)], max_retries=1, jitter_ratio=0.0)
        await workbench.subscribe(master, made.application_id, bad.url, retry_policy=once)
        async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
            await client.publish(TYPE, {})
            now = await until(
                server, lambda now: now["dead_letters_total retries_exhausted"] == 1 and now["request_seconds_count"] == 3
            )
    assert of(now, "deliveries_attempted_total", "SUCCEEDED", "HTTP_ERROR", "TIMEOUT") == [1, 2, 0]
    assert now["request_seconds_count"] == now["record_batch_attempts_sum"] == 3
    assert now["delivery_seconds_count"] == 2  # a retry says nothing of how quick this server is
    assert 0 < now["request_seconds_sum"] < 30
    assert 0 < now["delivery_seconds_sum"] < 30
    assert of(now, "deliveries_taken_total", "handed_over", "claimed") == [2, 1]
    assert now["claim_looks_total"] >= 1
    assert now["dead_letters_total max_age"] == 0


async def test_what_is_open_now_is_shown_and_what_was_fenced_is_counted(settings: settings.Settings, dsn: str) -> None:
    impatient = dataclasses.replace(settings, stop_grace=0)
    async with workbench.receiving(lambda _: None) as silent, app.serving(impatient, dsn) as server:
        async with hook0_client.connect(server.grpc, token=str(settings.master_api_key)) as master:
            made = await workbench.application(master)
            options = v1.DeliveryOptions(timeout=Duration(seconds=30), max_concurrency=2)
            await workbench.subscribe(master, made.application_id, silent.url, delivery_options=options)
        async with (
            hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client,
            client.watch() as first,
            client.watch() as second,
        ):
            for watch in (first, second):
                await anext(aiter(watch.batches()))
            for _ in range(3):
                await client.publish(TYPE, {})
            now = await until(server, lambda now: now["requests_open"] == 2)
            assert of(now, "queue_length", "ingest", "delivery", "record") == [0, 3, 0]
            assert now["watch_streams"] == now["rpc_open"] == 2
            assert 0 <= now["watch_lag_seconds"] < 5
        unknown = record.Finished(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), int(outcome.Outcome.SUCCEEDED), "", time.time())
        assert server.stage is not None
        server.stage.recorder.put(unknown)
        now = await until(server, lambda now: now["attempts_fenced_total"] == 1 and now["watch_streams"] == 0)
        assert now["delivery_seconds_count"] == now["request_seconds_count"] == 0


async def test_lost_nodes_rows_and_lives_are_counted(settings: settings.Settings, dsn: str, db: database.Database) -> None:
    hot, application_id = db.hot("test"), await rows.application(db)
    dead = await stored_nodes.register(hot, stored_nodes.Description(True, True, "0"))
    await rows.delivery(db, application_id, owner=dead)  # its event is not there: given up when it is claimed
    disabled = await rows.subscription(db, application_id, is_enabled=False)
    await rows.delivery(db, application_id, rows.ago(days=4, hours=1), owner=0, subscription_id=disabled)
    async with app.serving(settings, dsn, timings=QUICK) as server:
        now = await until(
            server, lambda now: of(now, "dead_letters_total", "event_gone", "max_age", "interrupted") == [1, 1, 0]
        )
        assert of(now, "deliveries_attempted_total", "EXPIRED", "SUCCEEDED") == [1, 0]
        assert (now["nodes_buried_total"], now["deliveries_taken_over_total"]) == (1, 1)
        assert now["delivery_seconds_count"] == now["request_seconds_count"] == 0
        assert (now["node_incarnations_total"], now["node_may_send"]) == (1, 1)
        assert server.stage is not None
        await rows.delivery(db, application_id, rows.ago(hours=1), owner=server.stage.node.number)
        await until(server, lambda now: now["deliveries_released_total"] == 1 and now["nodes_sending"] == 1)
        await db.fetch(b"DELETE FROM nodes")
        await until(server, lambda now: now["node_incarnations_total"] == 2)
        server.stage.node._confirmed_at, server.stage.node.sending_nodes = float("-inf"), 3
        now = parsed(server.metrics.text().decode())  # before the next beat sets both right
        assert (now["node_may_send"], now["nodes_sending"]) == (0, 3)


async def test_a_server_that_only_answers_shows_what_waits_for_others(
    settings: settings.Settings, dsn: str, db: database.Database
) -> None:
    application_id = await rows.application(db)
    await rows.delivery(db, application_id, rows.ago(seconds=90))
    await rows.delivery(db, application_id, rows.ago(seconds=-900))
    for owner in (0, 0, 7):
        await rows.delivery(db, application_id, owner=owner)
    async with app.serving(dataclasses.replace(settings, roles=frozenset({"api"})), dsn) as server:
        now = await until(server, lambda now: "backlog_lag_seconds" in now and now["loop_delay_seconds_count"] > 0)
        assert of(now, "backlog_deliveries", "due", "later", "parked") == [1, 1, 2]
        assert 90 <= now["backlog_lag_seconds"] < 120
        assert 0 <= now["loop_delay_seconds_sum"] < 15
        assert not [name for name in now if name.startswith(("deliveries_attempted", "node_may_send", "record"))]
        assert now["node_incarnations_total"] == 1
        server.upkeep.backlog, server.upkeep._oldest_writer = None, upkeep.Writer("other", 1, "psql", 12.5)
        now = parsed(server.metrics.text().decode())
        assert now["feed_lag_seconds"] == 12.5
        assert not [name for name in now if name.startswith("backlog")]


async def test_waiting_for_a_connection_is_seen(server: app.Server) -> None:
    most = server.settings.pool_size
    assert (await scraped(server))["database_connections_most"] == most
    async with asyncio.TaskGroup() as tasks:
        release = asyncio.Event()

        async def hold() -> None:
            async with server.db.connection():
                await release.wait()

        for _ in range(most + 2):
            tasks.create_task(hold())
        now = await until(server, lambda now: now["database_waiting"] >= 2 and now["database_connections used"] == most)
        assert now["database_connections idle"] == 0
        release.set()
    now = await until(server, lambda now: now["database_connections used"] == 0)
    assert now["database_connections idle"] > 0
    assert (now["database_waiting"], now["database_wait_failures_total"]) == (0, 0)
    assert now["database_wait_seconds_total"] > 0
