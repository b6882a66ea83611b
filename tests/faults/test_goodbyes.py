"""How a node comes and goes: what it leaves behind is found at once, and nothing of it is left among the living."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import rows

from hook0_server import app
from hook0_server.delivery import nodes, stage
from hook0_server.store import database, nodes as stored_nodes

TIMING = nodes.Timing(beat=0.05)  # the sweep stays at 30 s
SOON_SECONDS = 10.0
GONE = 999  # no node has this number


class Node(nodes.Node):
    """A node that tells when it took something over."""

    def __init__(self, db: database.Database) -> None:
        self.took_over = asyncio.Event()

        async def reborn(before: int) -> int:
            raise AssertionError(f"{before} was born again")

        super().__init__(db, reborn=reborn, others_changed=lambda: None, taken_over=self.took_over.set, timing=TIMING)


@contextlib.asynccontextmanager
async def living(db: database.Database) -> AsyncIterator[Node]:
    node = Node(db)
    async with node.running():
        yield node


async def test_no_beat_comes_after_a_goodbye(db: database.Database) -> None:
    async with living(db) as node:
        [beating] = [task for task in asyncio.all_tasks() if task.get_name() == "delivery.beat"]
        await node.leave()
        await asyncio.wait({beating}, timeout=SOON_SECONDS)
        assert beating.done(), "it goes on beating: the next beat would register a ghost"
        assert not node.may_send()
    assert await db.fetch(b"SELECT node_id FROM nodes") == []


async def test_a_goodbye_waits_for_a_beat_that_is_under_way(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    beat = stored_nodes.beat

    async def slow(hot: database.Hot, node: int, **load: int) -> stored_nodes.Beats:
        beats = await beat(hot, node, **load)
        begun.set()
        await go_on.wait()
        return beats

    async with living(db) as node, asyncio.TaskGroup() as tasks:
        monkeypatch.setattr(stored_nodes, "beat", slow)
        await begun.wait()
        leaving = tasks.create_task(node.leave(), name="leaving")
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(leaving, SOON_SECONDS)
        assert not node.may_send(), "the late beat was taken for a sign of life"


async def test_what_a_node_left_behind_is_taken_over_soon_after_a_start(db: database.Database) -> None:
    delivery_id = await rows.delivery(db, rows.id7(), owner=GONE)
    async with living(db) as node, asyncio.timeout(SOON_SECONDS):
        await node.took_over.wait()
    assert await db.fetch(b"SELECT delivery_id, owner, takeover_count FROM deliveries") == [(delivery_id, None, 1)]


async def test_what_a_node_left_behind_is_taken_over_as_soon_as_it_went(db: database.Database) -> None:
    async with living(db) as node:
        async with living(db) as other, asyncio.timeout(SOON_SECONDS):
            while other.number not in node._others:  # noqa: ASYNC110  a beat tells
                await asyncio.sleep(0.01)
            await rows.delivery(db, rows.id7(), owner=other.number)
            await other.leave()
        async with asyncio.timeout(SOON_SECONDS):
            await node.took_over.wait()


async def test_a_sweep_takes_nothing_from_one_who_was_thought_dead_and_is_born_again(db: database.Database) -> None:
    delivery_id = await rows.delivery(db, rows.id7(), owner=GONE)
    reborn = b"WITH born AS (INSERT INTO nodes (is_sending, host, pid, version) VALUES (true, '', 1, '') RETURNING node_id)"
    async with db.connection() as connection, asyncio.TaskGroup() as tasks:
        async with connection.transaction():
            await connection.execute(reborn + b" UPDATE deliveries SET owner = node_id FROM born")
            sweeping = tasks.create_task(stored_nodes.take_over(db.hot("sweep")), name="sweep")
            async with asyncio.timeout(SOON_SECONDS):
                while not await db.fetch(b"SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  another connection
                    await asyncio.sleep(0.01)
        assert await asyncio.wait_for(sweeping, SOON_SECONDS) == 0
    found = b"SELECT delivery_id, takeover_count FROM deliveries JOIN nodes ON owner = node_id"
    assert await db.fetch(found) == [(delivery_id, 0)]


async def test_a_sweep_that_failed_is_done_with_the_next_beat(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over, failed = stored_nodes.take_over, asyncio.Event()

    async def fails_once(hot: database.Hot) -> int:
        if not failed.is_set():
            failed.set()
            raise database.ResultUnknown("DATABASE_UNAVAILABLE", "away")
        return await take_over(hot)

    monkeypatch.setattr(stored_nodes, "take_over", fails_once)
    await rows.delivery(db, rows.id7(), owner=GONE)
    async with living(db) as node, asyncio.timeout(SOON_SECONDS):
        await node.took_over.wait()
    assert failed.is_set()


async def test_a_stop_gives_to_writing_down_what_sending_has_left_of_the_grace(
    server: app.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.stage is not None
    grace = iter([30.0, 0.0])  # when it begins to stop, and when the last request has ended
    given: list[float] = []

    async def finish(seconds: float) -> None:
        given.append(seconds)

    async def never() -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(stage, "_MARGIN_SECONDS", 0.05)
        patched.setattr(server.stage.sender, "finish", finish)
        patched.setattr(server.stage.recorder, "drained", never)
        began = time.monotonic()
        async with asyncio.timeout(SOON_SECONDS):
            await server.stage._stop(lambda: next(grace))
    assert given == [30.0]
    assert time.monotonic() - began < SOON_SECONDS
