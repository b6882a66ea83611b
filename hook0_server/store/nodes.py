"""Nodes: who lives, and what becomes of the rows of those who do not."""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hook0_server.store import database, sql

SQL = sql.beside(__file__)

Key = tuple[uuid.UUID, uuid.UUID]  # application_id, delivery_id


@dataclass(frozen=True, slots=True)
class Beats:
    """Everybody's counter, and whether this node was among them."""

    counters: dict[int, int]
    sending: int  # how many living nodes have the delivery role
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What a process says of itself when it registers."""

    is_answering: bool  # has the api role
    is_sending: bool  # has the delivery role
    version: str
    key_ids: tuple[str, ...] = ()  # of its encryption keys, the one that encrypts first


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that lives, and the ids of its encryption keys; none: it is of a version that does not tell."""

    host: str
    pid: int
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One that is registered. The counts are those of its last beat."""

    node_id: int
    host: str
    pid: int
    version: str
    is_answering: bool
    is_sending: bool
    started_at: datetime
    since_last_beat: float  # seconds
    held_count: int
    in_flight_count: int


async def register(hot: database.Hot, described: Description) -> int:
    """A new incarnation of this process; answers its number."""
    [(node,)] = await hot.fetch(SQL.register, _registration(described))
    return int(node)


def _registration(described: Description) -> dict[str, object]:
    return {
        "is_answering": described.is_answering,
        "is_sending": described.is_sending,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": described.version,
        "key_ids": list(described.key_ids),
    }


async def beat(hot: database.Hot, node: int, *, held: int = 0, in_flight: int = 0) -> Beats:
    """Tell that this node lives and what it holds."""
    rows = await hot.fetch(SQL.beat, {"node": node, "held": held, "in_flight": in_flight})
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
    hot: database.Hot, before: int, begun: Sequence[Key], described: Description
) -> tuple[int, set[uuid.UUID]]:
    """One transaction: a new incarnation that keeps what was begun, lets go the rest and ends the old one.

    Answers its number and the deliveries that it still owns.
    """
    async with hot.transaction() as connection:
        cursor = await connection.execute(SQL.register, _registration(described))
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


async def page(db: database.Database, *, after: int, size: int) -> list[Node]:
    """Who is registered, by number, from behind `after`; whoever was declared dead is not among them."""
    return [Node(*row) for row in await db.fetch(SQL.page, {"after": after, "size": size})]


async def holders(db: database.Database, seconds: float) -> list[Holder]:
    """Who has beaten within so many seconds, by the database's clock."""
    rows = await db.fetch(SQL.holders, {"seconds": seconds})
    return [Holder(host, pid, tuple(key_ids)) for host, pid, key_ids in rows]
