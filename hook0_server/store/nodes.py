"""Nodes: who lives, and what becomes of the rows of those who do not."""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from hook0_server.store import database, sql

SQL = sql.beside(__file__)

Key = tuple[uuid.UUID, uuid.UUID]  # application_id, delivery_id


@dataclass(frozen=True, slots=True)
class Beats:
    """Everybody's counter, and whether this node was among them."""

    counters: dict[int, int]
    sending: int  # how many living nodes have the delivery role
    is_alive: bool


async def register(hot: database.Hot, *, is_sending: bool, version: str) -> int:
    """A new incarnation of this process; answers its number."""
    [(node,)] = await hot.fetch(SQL.register, _registration(is_sending, version))
    return int(node)


def _registration(is_sending: bool, version: str) -> dict[str, object]:
    return {"is_sending": is_sending, "host": socket.gethostname(), "pid": os.getpid(), "version": version}


async def beat(hot: database.Hot, node: int) -> Beats:
    rows = await hot.fetch(SQL.beat, {"node": node})
    return Beats(
        {other: counter for other, counter, _, _ in rows},
        sum(is_sending for _, _, is_sending, _ in rows),
        bool(rows) and rows[0][3],
    )


async def bury(hot: database.Hot, node: int, counter: int) -> bool:
    """Declare a node dead whose counter stands still; False when it has beaten since, or somebody was faster."""
    return bool(await hot.fetch(SQL.bury, {"node": node, "beat": counter}))


async def leave(hot: database.Hot, node: int) -> None:
    await hot.fetch(SQL.leave, {"node": node})


async def take_over(hot: database.Hot) -> int:
    """Let go the rows of nodes that are gone; answers how many."""
    return len(await hot.fetch(SQL.take_over))


async def reincarnate(
    hot: database.Hot, before: int, begun: Sequence[Key], *, is_sending: bool, version: str
) -> tuple[int, set[uuid.UUID]]:
    """One transaction: a new incarnation that keeps what was begun, lets go the rest and ends the old one.

    Answers its number and the deliveries that it still owns.
    """
    async with hot.transaction() as connection:
        cursor = await connection.execute(SQL.register, _registration(is_sending, version))
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101  # INSERT … RETURNING
        node = int(row[0])
        cursor = await connection.execute(SQL.pass_on, _keys(begun) | {"node": node, "before": before})
        kept = {delivery_id for (delivery_id,) in await cursor.fetchall()}
        await connection.execute(SQL.let_go_all, {"before": before})
        await connection.execute(SQL.leave, {"node": before})
    return node, kept


async def held_long(hot: database.Hot, node: int, seconds: float) -> list[Key]:
    """Deliveries that this node has owned for longer than any of its statements may run."""
    rows = await hot.fetch(SQL.held_long, {"node": node, "seconds": seconds})
    return [(application_id, delivery_id) for application_id, delivery_id in rows]


async def give_back(hot: database.Hot, node: int, keys: Sequence[Key], *, parked: bool) -> int:
    """Give back deliveries that were not begun; answers how many were still this node's."""
    return len(await hot.fetch(SQL.give_back, _keys(keys) | {"node": node, "parked": parked}))


def _keys(keys: Sequence[Key]) -> dict[str, object]:
    return {
        "application_ids": [application_id for application_id, _ in keys],
        "delivery_ids": [delivery_id for _, delivery_id in keys],
    }


async def start(hot: database.Hot, node: int, application_id: uuid.UUID, delivery_id: uuid.UUID, attempt_id: uuid.UUID) -> bool:
    """Commit that this delivery is about to be sent; False when it is not held any more."""
    key = {"application_id": application_id, "delivery_id": delivery_id, "attempt_id": attempt_id}
    return bool(await hot.fetch(SQL.start, key | {"node": node}))


async def cancelled(hot: database.Hot, node: int) -> list[uuid.UUID]:
    """Deliveries that this node holds and that somebody asked to cancel."""
    return [delivery_id for (delivery_id,) in await hot.fetch(SQL.cancelled, {"node": node})]
