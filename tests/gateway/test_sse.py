"""Attempts as server-sent events: what `curl -N` shows, how it goes on after a cut, and how it ends."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import edges
import pytest
import whole

from hook0_client._gen.hook0.v1 import attempt_pb2, attempt_service_pb2 as pb2, view_pb2
from hook0_server.api import pipeline
from hook0_server.model import errors

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATED, DELETED = whole.EVENT_TYPES


@dataclass
class Event:
    """One event as a browser reads it: fields, data as JSON."""

    fields: dict[str, str]
    data: Any

    @property
    def name(self) -> str:
        return self.fields["event"]


@dataclass
class Stream:
    """A stream of events, read as it comes."""

    answer: aiohttp.ClientResponse
    seen: list[Event] = field(default_factory=list)

    async def next(self) -> Event:
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
        self.seen.append(Event(fields, json.loads(fields.pop("data"))))
        return self.seen[-1]

    async def until(self, event_ids: list[str]) -> list[str]:
        """The attempts of these events, in order."""
        found: list[Any] = []
        while not set(event_ids) <= {each["eventId"] for each in found}:
            found += (await self.next()).data.get("attempts", [])
        return [each["attemptId"] for each in found if each["eventId"] in event_ids]


def path(site: whole.Site, query: str = "") -> str:
    return f"{site.url}/v1/applications/{site.application.application_id}/attempts:watch?{query}"


@contextlib.asynccontextmanager
async def watching(site: whole.Site, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    given = site.authorization | {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.session.get(path(site, query), headers=given) as answer:
        assert answer.status == 200, await answer.read()
        yield Stream(answer)


async def refused(site: whole.Site, query: str = "", headers: dict[str, str] | None = None) -> Any:
    async with site.session.get(path(site, query), headers=site.authorization if headers is None else headers) as answer:
        said = json.loads(await answer.read())
        assert answer.content_type == "application/problem+json"
        assert answer.status == said["status"]
        return said


async def test_an_attempt_is_an_event_with_its_cursor(site: whole.Site) -> None:
    async with watching(site) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        first = await stream.next()
        assert (first.name, first.data["cursor"]) == ("heartbeat", first.fields["id"])
        event_id = await site.publish()
        assert await stream.until([event_id])
        last = stream.seen[-1]
        assert last.name == "attempts"
        assert last.fields["id"] == last.data["cursor"]
        (attempt,) = last.data["attempts"]
        assert (attempt["eventType"], attempt["outcome"]) == (CREATED, "OUTCOME_SUCCEEDED")


async def test_the_last_event_id_goes_on_without_gap_or_repetition(site: whole.Site) -> None:
    async with watching(site) as stream:
        old = (await stream.next()).fields["id"]
        first = [await site.publish() for _ in range(3)]
        await stream.until(first)
        cut = stream.seen[-1].fields["id"]
    second = [await site.publish() for _ in range(3)]
    async with watching(site, f"cursor={old}", Last_Event_ID=cut) as stream:
        attempts = await stream.until(second)
        shown = [each["eventId"] for event in stream.seen for each in event.data.get("attempts", [])]
    assert len(attempts) == 3
    assert not set(first) & set(shown)
    async with watching(site, f"cursor={old}") as stream:
        assert len(await stream.until(first + second)) == 6


async def test_filters_stand_in_the_query(site: whole.Site) -> None:
    async with watching(
        site, f"event_types={DELETED},order.**&outcomes=succeeded&outcomes=OUTCOME_TIMEOUT&only_final=true"
    ) as stream:
        await stream.next()
        await site.publish(CREATED)
        wanted = await site.publish(DELETED)
        await stream.until([wanted])
        shown = [each for event in stream.seen for each in event.data.get("attempts", [])]
    assert [each["eventId"] for each in shown] == [wanted]


@pytest.mark.parametrize(
    ("query", "field", "allowed"),
    [
        ("event_type=x", "query", "event_types"),
        ("event_types=a..b", "filter.event_types[0]", ""),
        ("outcomes=WON", "outcomes", "SUCCEEDED"),
        ("only_final=maybe", "only_final", "true nor false"),
        ("only_final=true&only_final=true", "only_final", "once"),
        ("heartbeat_interval=1", "heartbeat_interval", ""),
        ("heartbeat_interval=2h", "heartbeat_interval", ""),
        ("heartbeat_interval=99s", "heartbeat_interval", "60 s"),
        ("finished_after=yesterday", "finished_after", ""),
        ("subscription_ids=x", "filter.subscription_ids[0]", "UUID"),
        ("view=all", "view", "FULL"),
        ("cursor=a&start_at=2026-01-01T00:00:00Z", "start_at", "cursor"),
        ("&".join(f"event_ids={number}" for number in range(101)), "query", "100"),
        ("only_final=%ff", "only_final", ""),
    ],
)  # fmt: skip
async def test_what_is_wrong_in_the_query_is_a_problem_that_names_it(
    site: whole.Site, query: str, field: str, allowed: str
) -> None:
    said = await refused(site, query)
    assert (said["status"], said["code"]) == (400, "INVALID_ARGUMENT")
    (violation,) = said["violations"]
    assert violation["field"] == field
    assert allowed in violation["description"]


async def test_a_cursor_that_is_none_is_a_problem(site: whole.Site) -> None:
    assert (await refused(site, "cursor=nonsense"))["reason"] == "CURSOR_INVALID"
    assert (await refused(site, headers=site.authorization | {"Last-Event-ID": "nonsense"}))["reason"] == "CURSOR_INVALID"


async def test_who_may_not_learns_only_that(site: whole.Site) -> None:
    for headers, status, reason in (
        ({}, 401, "CREDENTIALS_MISSING"),
        ({"Authorization": f"Bearer {uuid.uuid4()}"}, 401, "CREDENTIALS_INVALID"),
    ):
        said = await refused(site, "invented=1", headers)
        assert (said["status"], said["reason"]) == (status, reason)
    async with site.session.get(
        f"{site.url}/v1/applications/{uuid.uuid4()}/attempts:watch", headers=site.authorization
    ) as answer:
        assert (answer.status, (await answer.json(content_type=None))["reason"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("given", ["x", "%ff", "%00", "a%2Fb"])
async def test_an_application_that_is_none_is_a_problem(site: whole.Site, given: str) -> None:
    url = aiohttp.client.URL(f"{site.url}/v1/applications/{given}/attempts:watch", encoded=True)
    async with site.session.get(url, headers=site.authorization) as answer:
        said = json.loads(await answer.read())
        assert (answer.status, said["reason"], said["violations"][0]["field"]) == (400, "FIELD_INVALID", "application_id")


async def test_only_get_is_served(site: whole.Site) -> None:
    for method in ("POST", "HEAD", "DELETE"):
        async with site.session.request(method, path(site), headers=site.authorization) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET")


class Scripted:
    """Answers one message, and then what it is told."""

    def __init__(self) -> None:
        self.asked: list[pb2.WatchAttemptsRequest] = []
        self.then: errors.Refused | None = None
        self.left = asyncio.Event()

    async def watch(self, call: pipeline.Call, request: pb2.WatchAttemptsRequest) -> AsyncGenerator[Any, None]:
        self.asked.append(request)
        try:
            yield pb2.WatchAttemptsResponse(cursor="c", attempts=[attempt_pb2.Attempt(error_message="a\nb\r\n\ndata: x")])
            if self.then:
                raise self.then
            await call.stopping.wait()
            raise pipeline.stopping_refusal()
        finally:
            self.left.set()


async def read(port: edges.Port, handler: Scripted) -> list[str]:
    said = await port.ask("GET", "/v1/applications/a/attempts:watch")
    assert (said.status, said.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    return said.body.decode().split("\n\n")


async def test_everything_that_a_watch_takes_stands_in_the_query() -> None:
    handler = Scripted()
    handler.then = errors.OutOfRange("CURSOR_EXPIRED", "m")
    query = "heartbeat_interval=2.5s&view=full&start_at=2026-01-02T03:04:05Z&delivery_ids=a,b&delivery_ids=c"
    query += "&finished_before=2026-01-01T00:00:00Z"
    async with edges.serving(edges.operation("WatchAttempts", handler.watch)) as port:
        said = await port.ask("GET", f"/v1/applications/a/attempts:watch?{query}")
    (asked,) = handler.asked
    assert said.status == 200
    assert (asked.application_id, asked.heartbeat_interval.ToMilliseconds(), asked.view) == ("a", 2500, view_pb2.VIEW_FULL)
    assert (asked.start_at.ToJsonString(), asked.WhichOneof("start")) == ("2026-01-02T03:04:05Z", "start_at")
    assert list(asked.filter.delivery_ids) == ["a", "b", "c"]
    assert asked.filter.finished_before.seconds == 1767225600


async def test_line_breaks_in_data_make_no_event(site: whole.Site) -> None:
    handler = Scripted()
    handler.then = errors.Unauthenticated("CREDENTIALS_REVOKED", "The credential was deleted.")
    async with edges.serving(edges.operation("WatchAttempts", handler.watch)) as port:
        first, error, nothing = await read(port, handler)
    assert [line.partition(":")[0] for line in first.split("\n")] == ["id", "event", "data"]
    assert nothing == ""
    assert error.startswith("event: error\ndata: {")
    assert json.loads(error.partition("data: ")[2])["reason"] == "CREDENTIALS_REVOKED"


async def test_a_server_that_stops_says_so_and_when_to_come_back() -> None:
    handler = Scripted()
    async with edges.serving(edges.operation("WatchAttempts", handler.watch)) as port:
        async with port.session.get(
            f"{port.url}/v1/applications/a/attempts:watch", headers={"Authorization": edges.MASTER}
        ) as answer:
            await answer.content.readuntil(b"\n\n")
            port.through.stop()
            error = (await answer.content.read()).decode()
        late = await port.ask("GET", "/v1/applications/a/attempts:watch")
    assert error.startswith("retry: 1000\nevent: error\ndata: {")
    assert '"reason":"SERVER_STOPPING"' in error
    assert (late.status, late.headers["Retry-After"], late.json["reason"]) == (503, "1", "SERVER_STOPPING")


async def test_a_client_that_leaves_ends_the_handler() -> None:
    handler = Scripted()
    async with edges.serving(edges.operation("WatchAttempts", handler.watch)) as port:
        async with port.session.get(
            f"{port.url}/v1/applications/a/attempts:watch", headers={"Authorization": edges.MASTER}
        ) as answer:
            await answer.content.readuntil(b"\n\n")
        await asyncio.wait_for(handler.left.wait(), 10)
        await asyncio.wait_for(port.through.idle(), 10)


async def test_where_attempts_are_not_watched_there_is_no_such_path() -> None:
    async with edges.serving() as port:
        assert (await port.ask("GET", "/v1/applications/a/attempts:watch")).status == 404
