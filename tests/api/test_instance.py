"""InstanceService: who lives and what each holds, on real servers and on rows that no living server would leave."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator

import pytest
import rows
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app, metrics, settings as server_settings
from hook0_server.access import credentials, permissions
from hook0_server.api import instance, pipeline
from hook0_server.delivery import nodes
from hook0_server.model import errors, page_tokens
from hook0_server.store import database
from tests import conftest

FAST = app.Timings(node=nodes.Timing(beat=0.05))


@contextlib.asynccontextmanager
async def asked(server: app.Server) -> AsyncIterator[hook0_client.Client]:
    async with hook0_client.connect(server.grpc, token=conftest.MASTER_KEY) as client:
        yield client


async def listed(client: hook0_client.Client) -> list[v1.Node]:
    return list((await client.instance.ListNodes(v1.ListNodesRequest())).nodes)


async def test_each_server_of_a_database_is_listed_with_its_roles_until_it_stops(
    settings: server_settings.Settings, dsn: str
) -> None:
    only_api = dataclasses.replace(settings, roles=frozenset({"api"}))
    only_delivery = dataclasses.replace(settings, roles=frozenset({"delivery"}))
    async with app.serving(settings, dsn) as first, asked(first) as client:
        async with app.serving(only_api, dsn) as second, app.serving(only_delivery, dsn), asked(second) as other:
            three = await listed(other)
            assert [each.node_id for each in three] == [each.node_id for each in await listed(client)]
            assert [(each.is_answering, each.is_sending) for each in three] == [(True, True), (True, False), (False, True)]
            for each in three:
                assert each.is_living
                assert each.since_last_beat.ToMilliseconds() < 4000
                assert (each.host, each.version) == (three[0].host, nodes.VERSION)
                assert each.started_at.seconds > 0
        assert [each.node_id for each in await listed(client)] == [three[0].node_id]


async def test_a_server_tells_what_it_holds_and_what_it_is_sending(settings: server_settings.Settings, dsn: str) -> None:
    given = dataclasses.replace(settings, stop_grace=0.0)  # the receiver never answers
    async with contextlib.AsyncExitStack() as opened:
        receiver = await opened.enter_async_context(workbench.receiving(lambda received: None))
        server = await opened.enter_async_context(app.serving(given, dsn, timings=FAST))
        client = await opened.enter_async_context(asked(server))
        made = await workbench.application(client)
        two_at_once = v1.DeliveryOptions(max_concurrency=2)
        await workbench.subscribe(client, made.application_id, receiver.url, delivery_options=two_at_once)
        for number in range(5):
            await client.publish("user.account.created", {"n": number}, application_id=made.application_id)
        told: set[tuple[int, int]] = set()
        async with asyncio.timeout(10):
            while (5, 2) not in told:
                told |= {(each.held_count, each.in_flight_count) for each in await listed(client)}


class Instance:
    """The service without a server around it: its rows are what the test puts there."""

    def __init__(self, db: database.Database) -> None:
        self.db = db
        self._operation, *_ = instance.operations(db, living_seconds=4.0)
        authenticator = credentials.Authenticator(db, uuid.UUID(conftest.MASTER_KEY))
        self._pipeline = pipeline.Pipeline(authenticator, permissions.Permissions(db), metrics.Metrics())

    async def __call__(self, request: v1.ListNodesRequest) -> v1.ListNodesResponse:
        authorization = f"Bearer {conftest.MASTER_KEY}"
        answer = await self._pipeline.unary(self._operation, request, authorization=authorization, source_ip=None)
        assert isinstance(answer, v1.ListNodesResponse)
        return answer


async def register(db: database.Database, count: int, silent: float = 0.0) -> None:
    await db.fetch(
        b"INSERT INTO nodes (is_sending, host, pid, version, beat_at)"
        b" SELECT true, 'a', n, '1', now() - %s * interval '1 s' FROM generate_series(1, %s) n",
        [silent, count],
    )


async def test_a_node_that_stood_still_for_more_than_4_seconds_is_not_called_living(db: database.Database) -> None:
    await register(db, 1, silent=1.0)
    await register(db, 1, silent=4.5)
    fresh, silent = (await Instance(db)(v1.ListNodesRequest())).nodes
    assert (fresh.is_living, silent.is_living) == (True, False)
    assert 4500 <= silent.since_last_beat.ToMilliseconds() < 10_000


async def test_a_beat_by_a_clock_that_was_ahead_is_not_in_the_future(db: database.Database) -> None:
    await register(db, 1, silent=-3600.0)
    [node] = (await Instance(db)(v1.ListNodesRequest())).nodes
    assert (node.is_living, node.since_last_beat.ToMilliseconds()) == (True, 0)


async def test_nodes_come_page_by_page_in_the_order_of_their_numbers(db: database.Database) -> None:
    await register(db, 5)
    ask, numbers, token = Instance(db), list[int](), ""
    for size in (2, 2, 1):
        page = await ask(v1.ListNodesRequest(page_size=2, page_token=token))
        assert len(page.nodes) == size
        numbers += [each.node_id for each in page.nodes]
        token = page.next_page_token
    assert token == ""
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("position", ["", "-1", "x", "2147483648", "9" * 50])
async def test_a_token_without_a_number_of_a_node_is_refused(db: database.Database, position: str) -> None:
    everything = page_tokens.digest(uuid.UUID(int=0).bytes)
    token = page_tokens.encode("nodes", everything, (position,))
    with pytest.raises(errors.InvalidRequest) as caught:
        await Instance(db)(v1.ListNodesRequest(page_token=token))
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


async def test_what_no_node_holds_is_counted_apart(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application = await rows.application(db)
    for owner, at in ((None, -5), (None, -5), (None, 60), (0, -5), (0, 60), (0, -5), (7, -5)):
        await rows.delivery(db, application, owner=owner, next_attempt_at=rows.ago(seconds=-at))
    ask = Instance(db)
    unheld = (await ask(v1.ListNodesRequest())).unheld
    assert (unheld.due_count, unheld.later_count, unheld.parked_count) == (2, 1, 3)
    monkeypatch.setattr(instance, "MOST_COUNTED", 1)
    unheld = (await ask(v1.ListNodesRequest())).unheld
    assert (unheld.due_count, unheld.later_count, unheld.parked_count) == (1, 1, 1)


async def test_an_application_may_not_ask(server: app.Server, master: hook0_client.Client) -> None:
    made = await workbench.application(master)
    async with hook0_client.connect(server.grpc, token=made.secret) as client:
        with pytest.raises(hook0_client.Denied) as caught:
            await client.instance.ListNodes(v1.ListNodesRequest())
    assert caught.value.reason == "PERMISSION_DENIED"
    assert "node:list" in caught.value.message
