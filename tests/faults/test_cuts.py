"""The connection to PostgreSQL is cut after a commit and before its answer: nothing is lost for it, and nothing sent twice."""

import asyncio
import dataclasses
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import proxies
import pytest
import workbench
from google.protobuf import duration_pb2

import hook0_client
from hook0_client import v1
from hook0_server import app, settings as server_settings
from hook0_server.delivery import nodes, stage
from hook0_server.store import claim, database, publish, record
from tests import conftest

PUBLISH, CLAIM, RECORD = "INSERT INTO events (", "AS head_full", "INSERT INTO attempts"
TIMINGS = app.Timings(statements=database.Timing(hot_statement=1.0, request_statement=1.0), node=nodes.Timing(sweep=1.0))
QUICK, MUTE = "user.account.created", "user.account.muted"
EVENTS, OF_MUTE, BATCH = 500, 100, 25
_LOOK_SECONDS = 0.05
FAILED = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Bench:
    """A server that reaches its database through a proxy, and the same database without."""

    proxy: proxies.CommitProxy
    server: app.Server
    master: hook0_client.Client
    db: database.Database

    async def absent(self) -> set[uuid.UUID]:
        """Rows of the living node that its memory does not hold."""
        assert self.server.stage is not None
        rows = await self.db.fetch(
            b"SELECT delivery_id FROM deliveries WHERE owner = %(node)s", {"node": self.server.stage.node.number}
        )
        return {row[0] for row in rows if not self.server.stage.memory.holds(row[0])}

    async def until_none_absent(self, seconds: float = 15.0) -> None:
        """Twice in a row, as a row may be committed a moment before memory has it."""
        async with asyncio.timeout(seconds):
            while (before := await self.absent()) and before & await self.absent():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)

    async def open(self, subscription_id: str) -> int:
        """Deliveries of a subscription that are not finished."""
        return await self._count(b"SELECT count(*) FROM deliveries WHERE subscription_id = %(id)s", subscription_id)

    async def recorded(self, subscription_id: str) -> int:
        """Attempts of a subscription that succeeded."""
        statement = b"SELECT count(*) FROM attempts WHERE subscription_id = %(id)s AND final AND outcome = 1"
        return await self._count(statement, subscription_id)

    async def until_finished(self, subscription_id: str) -> None:
        async with asyncio.timeout(20):
            while await self.open(subscription_id):  # noqa: ASYNC110  # the database does not tell
                await asyncio.sleep(_LOOK_SECONDS)

    async def _count(self, statement: bytes, subscription_id: str) -> int:
        row = await self.db.fetch_one(statement, {"id": uuid.UUID(subscription_id)})
        return int(row[0]) if row else 0


@pytest.fixture
async def bench(
    settings: server_settings.Settings, dsn: str, db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.setattr(stage, "_MARGIN_SECONDS", 0.2)  # nobody waits here for what a busy node may need between two steps
    given = dataclasses.replace(settings, stop_grace=0.2, delivery_memory=200)  # small, so that much has to be claimed
    async with (
        proxies.before_postgres(dsn) as proxy,
        app.serving(given, proxy.dsn, timings=TIMINGS) as server,
        hook0_client.connect(server.grpc, token=conftest.MASTER_KEY) as master,
    ):
        yield Bench(proxy, server, master, db)


@dataclass
class Told:
    """What publishers were told: ids that are stored, those of them that were called duplicates, and refusals on the way."""

    stored: set[str]
    duplicates: set[str]
    unknown: int


async def _publish(bench: Bench, application_id: str, ids: list[str]) -> Told:
    """Batches at once, each repeated under the same ids until it is answered."""
    told = Told(set(), set(), 0)

    async def one(batch: tuple[str, ...]) -> None:
        events = [
            v1.NewEvent(event_id=each, event_type=MUTE if at % 5 == 0 else QUICK, payload_text="{}")
            for at, each in enumerate(batch)
        ]
        while True:
            try:
                answer = await bench.master.ingestion.PublishEvents(
                    v1.PublishEventsRequest(application_id=application_id, events=events)
                )
            except hook0_client.Unavailable:
                told.unknown += 1
                continue
            assert [result.published.event_id for result in answer.results] == list(batch)
            told.stored.update(batch)
            told.duplicates.update(result.published.event_id for result in answer.results if result.published.duplicate)
            return

    batches = [tuple(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    for at in range(0, len(batches), 4):  # a few at a time, so that there are many commits
        await asyncio.gather(*map(one, batches[at : at + 4]))
    return told


def _young_id() -> str:
    return hook0_client.events.uuid7()


def _keyed_id() -> str:
    return str(uuid.uuid4())


@pytest.mark.parametrize(
    ("statement", "new_id", "cuts"),
    [
        (PUBLISH, _young_id, {"every": 1, "times": 4, "rows": 2}),
        (PUBLISH, _keyed_id, {"every": 1, "times": 4, "rows": 2}),
        (CLAIM, _young_id, {"every": 1, "times": 3, "rows": 2}),
        (RECORD, _young_id, {"every": 3, "times": 4}),
    ],
    ids=["publish", "publish keyed", "claim", "record"],
)
async def test_an_answer_that_is_lost_after_its_commit_loses_nothing_and_repeats_nothing(
    bench: Bench, statement: str, new_id: Callable[[], str], cuts: dict[str, int]
) -> None:
    first_tries: set[str] = set()

    def answer(received: workbench.Received) -> bytes:
        """Every fourth event is refused once, so that rescheduling is recorded and retries are claimed."""
        event_id = received.headers["x-event-id"]
        if event_id in first_tries or int(event_id[-1], 16) % 4:
            return ACCEPTED
        first_tries.add(event_id)
        return FAILED

    async with workbench.receiving(answer) as receiver, workbench.receiving(lambda received: None) as silent:
        made = await workbench.application(bench.master, QUICK, MUTE)
        policy = v1.RetryPolicy(delays=[duration_pb2.Duration(seconds=1)], jitter_ratio=0)
        good = await workbench.subscribe(
            bench.master, made.application_id, receiver.url, retry_policy=policy, event_types=[QUICK]
        )
        # Its deliveries stay open to the end: rows that the living node owns and has to hold.
        mute = await workbench.subscribe(bench.master, made.application_id, silent.url, event_types=[MUTE])
        cut = bench.proxy.cut(statement, **cuts)
        began = time.perf_counter()
        told = await _publish(bench, made.application_id, [new_id() for _ in range(EVENTS)])
        subscription_id = good.subscription.subscription_id
        await receiver.until_events(EVENTS - OF_MUTE, 30)
        await bench.until_finished(subscription_id)
        took = time.perf_counter() - began
        await bench.until_none_absent()
        print(
            f"{took:.1f} s, cuts {cut.made} of {cut.seen}, callers left unknowing {told.unknown}, "
            f"told duplicate {len(told.duplicates)}, tries {sum(receiver.counts.values())}"
        )
        assert cut.made == cuts["times"]
        assert len(told.stored) == EVENTS
        assert bool(told.duplicates) == (statement == PUBLISH), "only a publisher whose answer was lost is told duplicate"
        assert receiver.counts == {each: 1 + (each in first_tries) for each in receiver.counts}, "each try is sent once"
        assert await bench.recorded(subscription_id) == EVENTS - OF_MUTE
        assert await bench.open(mute.subscription.subscription_id) == OF_MUTE


def test_the_texts_by_which_statements_are_cut_name_what_is_meant() -> None:
    """Otherwise the tests above would cut something else, or nothing."""
    statements = {
        PUBLISH: [publish.SQL.publish],
        CLAIM: [claim.SQL.claim_oldest],
        RECORD: [record.SQL.record, record.SQL.record_ended],
    }
    everything = [each for known in statements.values() for each in known]
    for text, known in statements.items():
        assert [each for each in everything if text.encode() in each] == known
