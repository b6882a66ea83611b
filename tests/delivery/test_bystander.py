"""A process that sends nothing, among the nodes."""

import asyncio

import rows

from hook0_server.delivery import nodes
from hook0_server.store import database, nodes as stored_nodes

FAST = nodes.Timing(beat=0.02, silent=2.0, dead=0.2)


async def test_it_declares_dead_who_stands_still_and_lets_go_what_that_one_held(db: database.Database) -> None:
    dead = await stored_nodes.register(db.hot("dead"), stored_nodes.Description(True, True, "1"))
    await rows.delivery(db, await rows.application(db), owner=dead)
    taken_over = asyncio.Event()
    async with nodes.bystanding(db, taken_over=taken_over.set, timing=FAST):
        await asyncio.wait_for(taken_over.wait(), 10)
        [(owner, takeovers)] = await db.fetch(b"SELECT owner, takeover_count FROM deliveries")
        assert (owner, takeovers) == (None, 1)
        assert dead not in {each.node_id for each in await stored_nodes.page(db, after=0, size=10)}


async def test_declared_dead_by_others_it_is_there_again_and_leaves_at_the_end(db: database.Database) -> None:
    async with nodes.bystanding(db, taken_over=lambda: None, timing=FAST):
        [(buried,)] = await db.fetch(b"DELETE FROM nodes RETURNING node_id")
        async with asyncio.timeout(10):
            while not (found := await stored_nodes.page(db, after=0, size=10)):
                continue
        assert [(each.node_id > buried, each.is_answering, each.is_sending) for each in found] == [(True, True, False)]
    assert await stored_nodes.page(db, after=0, size=10) == []


async def test_each_beat_tells_when_it_was(db: database.Database) -> None:
    async with nodes.bystanding(db, taken_over=lambda: None, timing=FAST):
        await db.fetch(b"UPDATE nodes SET beat_at = now() - interval '1 h'")
        async with asyncio.timeout(10):
            while (await stored_nodes.page(db, after=0, size=1))[0].since_last_beat > 60:
                continue


async def test_it_tells_which_keys_it_holds_also_as_a_new_incarnation(db: database.Database) -> None:
    async with nodes.bystanding(db, taken_over=lambda: None, timing=FAST, key_ids=("new", "old")):
        [first] = await stored_nodes.holders(db, 8)
        await db.fetch(b"DELETE FROM nodes")
        async with asyncio.timeout(10):
            while not (found := await stored_nodes.holders(db, 8)):
                continue
    assert (first.key_ids, [each.key_ids for each in found]) == (("new", "old"), [("new", "old")])
    assert await stored_nodes.holders(db, 8) == []
