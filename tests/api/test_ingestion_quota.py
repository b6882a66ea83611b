"""The quota of a day on real servers: what is refused, how, and by how much it may be passed."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from publishing import TYPE, Publishing, event, publishing

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.ingest import daily
from tests import conftest

LIMIT = 5


@contextlib.asynccontextmanager
async def limited(settings: server_settings.Settings, dsn: str, limit: int | None) -> AsyncIterator[Publishing]:
    given = dataclasses.replace(settings, quota_events_per_day=limit)
    async with (
        app.serving(given, dsn) as server,
        hook0_client.connect(server.grpc, token=conftest.MASTER_KEY) as master,
        publishing(server, master) as opened,
    ):
        _look_alone(server.daily)
        yield opened


def _look_alone(counted: daily.Daily) -> None:
    """A look of the test does not meet one of the server's own, which may have begun before a commit and end after it."""
    read, turn = counted._read, asyncio.Lock()

    async def alone() -> None:
        async with turn:
            await read()

    counted._read = alone  # type: ignore[method-assign]


@pytest.fixture
async def into(settings: server_settings.Settings, dsn: str) -> AsyncIterator[Publishing]:
    async with limited(settings, dsn, LIMIT) as opened:
        yield opened


async def set_limit(into: Publishing, **limit: int) -> None:
    application = v1.Application(application_id=into.application_id, quotas=v1.Quotas(**limit))
    request = v1.UpdateApplicationRequest(application=application, update_mask=FieldMask(paths=["quotas"]))
    async with hook0_client.connect(into.server.grpc, token=conftest.MASTER_KEY) as master:
        await master.applications.UpdateApplication(request)


async def reached(into: Publishing) -> None:
    """The limit is, and the server knows."""
    await into.batch([event()] * LIMIT)
    await into.server.daily.look()


async def counted(into: Publishing) -> int:
    [(total,)] = await into.server.db.fetch(b"SELECT coalesce(sum(events), 0)::bigint FROM event_counts")
    return int(total)


async def test_each_way_in_refuses_in_its_own_way_and_stores_nothing(into: Publishing) -> None:
    await reached(into)
    with pytest.raises(hook0_client.QuotaExceeded) as refused:
        await into.one(event())
    assert (refused.value.reason, dict(refused.value.metadata)) == (
        "QUOTA_EXCEEDED",
        {"quota": "events_per_day", "limit": str(LIMIT)},
    )
    left = 86_400 - into.server.db.clock.now() % 86_400
    assert refused.value.retry_after is not None
    assert abs(refused.value.retry_after - left) < 10
    good, bad = await into.batch([event(), event(event_type="one")])
    assert (good.error.reason, good.error.field) == (v1.ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "")
    assert bad.error.reason == v1.ErrorReason.ERROR_REASON_FIELD_INVALID  # what is wrong with it is told in any case
    with pytest.raises(hook0_client.InvalidRequest):
        await into.one(event(event_type="one"))
    call = into.client.ingestion.PublishEventStream(
        iter([v1.PublishEventStreamRequest(application_id=into.application_id, batch_id="b", events=[event()] * 2)])
    )
    [answer] = [each async for each in call]
    assert [each.error.reason for each in answer.results] == [v1.ErrorReason.ERROR_REASON_QUOTA_EXCEEDED] * 2
    assert await into.stored() == await counted(into) == LIMIT
    async with into.client.publisher() as publisher:
        with pytest.raises(hook0_client.QuotaExceeded):
            await publisher.publish(TYPE, {})
    shown = into.server.metrics.text().decode()
    assert 'hook0_quota_refused_total{quota="events_per_day"} 5.0' in shown
    assert "hook0_quota_near 1.0" in shown
    assert f'hook0_events_published_total{{result="stored"}} {LIMIT}.0' in shown


async def test_a_limit_that_is_raised_lets_events_in_within_a_second(into: Publishing) -> None:
    await reached(into)
    await set_limit(into, events_per_day=LIMIT + 1)
    async with asyncio.timeout(10):
        while True:
            try:
                await into.one(event())
                break
            except hook0_client.QuotaExceeded:
                await asyncio.sleep(0.05)
    await into.server.daily.look()
    with pytest.raises(hook0_client.QuotaExceeded):
        await into.one(event())


async def test_one_applications_day_is_not_anothers(into: Publishing) -> None:
    await reached(into)
    async with (
        hook0_client.connect(into.server.grpc, token=conftest.MASTER_KEY) as master,
        publishing(into.server, master) as other,
    ):
        await other.one(event())


async def test_a_limit_is_passed_by_a_seconds_intake_at_most(settings: server_settings.Settings, dsn: str) -> None:
    """Two servers of one database, each published to without a pause until each refuses by itself."""
    async with limited(settings, dsn, 200) as into, app.serving(settings, dsn) as second:
        second.daily._instance = 200
        stored_at: list[float] = []
        clock = asyncio.get_running_loop().time

        async def flood(server: app.Server) -> None:
            async with hook0_client.connect(server.grpc, token=into.made.secret) as client:
                while True:
                    request = v1.PublishEventsRequest(application_id=into.application_id, events=[event()] * 10)
                    results = (await client.ingestion.PublishEvents(request)).results
                    if results[0].HasField("error"):
                        return
                    stored_at.extend([clock()] * len(results))
                    await asyncio.sleep(0.02)

        async with asyncio.timeout(20), asyncio.TaskGroup() as both:
            for server in (into.server, second):
                both.create_task(flood(server))
        [(total,)] = await second.db.fetch(b"SELECT count(*) FROM events")
        assert await counted(into) == total == len(stored_at)
        [(slots,)] = await second.db.fetch(b"SELECT count(DISTINCT slot) FROM event_counts")
        assert slots >= 2  # each server counts in rows of its own
        passed_at = sorted(stored_at)[200 - 1]
        assert max(stored_at) - passed_at < 1.0 + daily.LOOK_SECONDS  # half a second for a busy machine


async def test_without_a_limit_everything_is_counted_and_nothing_refused(settings: server_settings.Settings, dsn: str) -> None:
    async with limited(settings, dsn, None) as into:
        event_id = str(uuid.uuid4())
        for _ in range(3):
            await into.one(event(event_id=event_id))
        await into.batch([event()] * 10 + [event(event_type="nobody.made.it")])
        assert await counted(into) == await into.stored() == 11
        await into.server.daily.look()
        await into.one(event())


async def test_the_instances_limits_are_told_to_everybody(settings: server_settings.Settings, dsn: str) -> None:
    given = dataclasses.replace(settings, quota_members=3, quota_retention_days=4)
    async with limited(given, dsn, 9) as into:
        told = (await into.client.instance.GetQuotas(v1.GetQuotasRequest())).quotas
        assert told == v1.Quotas(members=3, retention_days=4, events_per_day=9)
        async with hook0_client.connect(into.server.grpc, token="") as nobody:
            assert (await nobody.instance.GetQuotas(v1.GetQuotasRequest())).quotas == told
