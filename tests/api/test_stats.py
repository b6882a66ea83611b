"""StatsService over real gRPC: events per day, of one application and of all."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
import rows
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app
from hook0_server.api import stats


def request(**given: str) -> v1.GetEventsPerDayRequest:
    if "first" in given:
        given["from"] = given.pop("first")
    return v1.GetEventsPerDayRequest(**given)


async def asked(client: hook0_client.Client, **given: str) -> Sequence[tuple[str, str, int]]:
    answer = await client.stats.GetEventsPerDay(request(**given))
    return [(each.application_id, each.date, each.events) for each in answer.days]


async def today(server: app.Server) -> date:
    [(found,)] = await server.db.fetch(b"SELECT (now() AT TIME ZONE 'UTC')::date")
    assert isinstance(found, date)
    return found


async def count(server: app.Server, application_id: str, day: date, events: int, slot: int = 0) -> None:
    given = {"application_id": uuid.UUID(application_id), "day": day, "slot": slot, "events": events}
    await rows.insert(server.db, "event_counts", **given)


async def test_what_is_published_shows_at_once(server: app.Server, master: hook0_client.Client) -> None:
    made = await workbench.application(master)
    async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
        assert await asked(client, application_id=made.application_id) == []
        event_id = str(uuid.uuid4())
        for _ in range(3):
            await client.publish("user.account.created", {}, event_id=event_id)
        await client.publish("user.account.created", {})
        shown = [(made.application_id, (await today(server)).isoformat(), 2)]
        assert await asked(client, application_id=made.application_id) == shown
    assert await asked(master) == shown


async def test_slots_are_summed_and_days_are_in_order(server: app.Server, master: hook0_client.Client) -> None:
    one, other = sorted([(await workbench.application(master)).application_id for _ in range(2)])
    now = await today(server)
    days = [now - timedelta(days=age) for age in range(31)]
    for day in days:
        await count(server, one, day, 5)
        await count(server, one, day, 2, slot=9)
    await count(server, other, days[1], 4)
    assert await asked(master, application_id=one) == [(one, day.isoformat(), 7) for day in reversed(days[:30])]
    span = {"first": days[2].isoformat(), "to": days[1].isoformat()}
    expected = [(one, days[2].isoformat(), 7), (one, days[1].isoformat(), 7), (other, days[1].isoformat(), 4)]
    assert await asked(master, **span) == expected
    assert await asked(master, first=days[1].isoformat(), application_id=other) == [(other, days[1].isoformat(), 4)]
    assert await asked(master, to=days[30].isoformat(), application_id=one) == [(one, days[30].isoformat(), 7)]


async def test_a_secret_sees_its_own_application_alone(server: app.Server, master: hook0_client.Client) -> None:
    made, other = await workbench.application(master), await workbench.application(master)
    async with hook0_client.connect(server.grpc, token=made.secret) as client:
        assert await asked(client, application_id=made.application_id) == []
        for given in ({"application_id": other.application_id}, {}):
            with pytest.raises(hook0_client.Denied):
                await asked(client, **given)


async def test_an_organization_that_is_not_there_is_told(master: hook0_client.Client) -> None:
    with pytest.raises(hook0_client.NotFound) as refused:
        await asked(master, organization_id=str(uuid.uuid4()))
    assert refused.value.reason == "ORGANIZATION_NOT_FOUND"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"first": "2026-02-30"}, "from"),
        ({"first": "20260131"}, "from"),
        ({"to": "2026-W05-6"}, "to"),
        ({"to": "yesterday"}, "to"),
        ({"first": "2026-01-02", "to": "2026-01-01"}, "from"),
        ({"first": "2025-01-01", "to": "2026-01-02"}, "from"),
        ({"organization_id": "x"}, "organization_id"),
        ({"application_id": str(uuid.UUID(int=1)), "organization_id": str(uuid.UUID(int=1))}, "organization_id"),
    ],
)
async def test_a_range_that_cannot_be_answered_is_named(master: hook0_client.Client, given: dict[str, str], field: str) -> None:
    with pytest.raises(hook0_client.InvalidRequest) as refused:
        await asked(master, **given)
    assert (refused.value.reason, refused.value.field) == ("FIELD_INVALID", field)


async def test_366_days_are_answered(master: hook0_client.Client) -> None:
    assert await asked(master, first="2025-01-01", to="2026-01-01") == []
    assert await asked(master, to="0001-01-05") == []


async def test_more_figures_than_fit_are_refused(
    server: app.Server, master: hook0_client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "MOST_FIGURES", 2)
    made, now = await workbench.application(master), await today(server)
    for age in range(3):
        await count(server, made.application_id, now - timedelta(days=age), 1)
    with pytest.raises(hook0_client.InvalidRequest) as refused:
        await asked(master)
    assert refused.value.field == "from"
    assert len(await asked(master, first=(now - timedelta(days=1)).isoformat())) == 2
