"""Rows put into a migrated database by SQL, as the product would have left them: what took months is there in a minute."""

import asyncio
import contextlib
import pathlib
import secrets
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import psycopg

from hook0_server.access import encryption, issue
from hook0_server.model import event_types, ids, routing
from hook0_server.store import sql

SQL = sql.beside(__file__)
KEYS = "bench:" + "5e" * 32
# Of the servers that are to open what is seeded, and of the one that goes on with another's database.
SERVER_KEYS = {"HOOK0_ENCRYPTION_KEYS": KEYS, "HOOK0_BISCUIT_PRIVATE_KEY": "5e" * 32}

PAYLOAD = b'{"id": 1, "note": "' + b"x" * 480 + b'"}'
ATTEMPTS_EACH = 5  # of each event in `history`
DAYS = 10
_SLICE = 2_000  # events in one transaction of `history`
_AT_ONCE = 2
_LONG_AGO = "3"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One to be made; `labels` and `event_types` decide what it wants."""

    url: str
    event_types: Sequence[str] = ("**",)
    labels: dict[str, str] = field(default_factory=dict)
    retry_policy: dict[str, Any] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, application_name="seed") as connection:
        await connection.execute("SET timezone = 'UTC'; SET synchronous_commit = off")
        await connection.execute(SQL.prepare)
        yield connection


async def event_type(dsn: str, application_id: str, name: str) -> None:
    """A type of the application, if it is not there."""
    async with connected(dsn) as connection:
        given = {"application_id": application_id, "event_type": name, "candidates": event_types.candidates(name)}
        await connection.execute(SQL.type, given)


async def subscriptions(dsn: str, application_id: str, wanted: Sequence[Subscription]) -> list[uuid.UUID]:
    """Enabled subscriptions, filed where the product files them, with sealed targets; their ids in order.

    A server whose keys are KEYS can send to them at once, and does not take them for news.
    """
    keyring = encryption.Keyring.load(KEYS, pathlib.Path())
    sharers = Counter(routing.pair(*label) for each in wanted for label in each.labels.items())
    made = _ids(len(wanted))
    async with connected(dsn) as connection, connection.transaction():
        async with connection.cursor().copy(SQL.subscriptions) as copy:
            for subscription_id, each in zip(made, wanted, strict=True):
                await copy.write_row(_row(application_id, subscription_id, each, keyring, sharers))
        async with connection.cursor().copy(SQL.targets) as copy:
            for subscription_id, each in zip(made, wanted, strict=True):
                target = orjson.dumps({"method": "POST", "url": each.url, "headers": {}})
                await copy.write_row((application_id, subscription_id, 1, keyring.encrypt(target, subscription_id)))
    await _settle(dsn, SQL.settle_subscriptions)
    return made


def _row(
    application_id: str, subscription_id: uuid.UUID, wanted: Subscription, keyring: encryption.Keyring, sharers: Counter[str]
) -> tuple[Any, ...]:
    own = {pair: sharers[pair] for pair in (routing.pair(*label) for label in wanted.labels.items())}
    return (
        application_id,
        subscription_id,
        True,
        list(wanted.event_types),
        orjson.dumps(wanted.labels).decode(),
        routing.label(wanted.event_types, own),
        "{}",
        orjson.dumps(wanted.retry_policy).decode(),
        issue.secret(keyring, subscription_id).sealed,
        _LONG_AGO,
    )


async def waiting(
    dsn: str, application_id: str, event_type: str, *, due_in: float, each: int = 1, attempt_number: int = 1
) -> int:
    """Deliveries of one new event that nobody holds, `each` for every subscription of the application; how many.

    They are due within a second from `due_in` seconds on.
    """
    event_id = _ids(1)[0]
    async with connected(dsn) as connection:
        given = {"application_id": application_id, "event_id": event_id, "event_type": event_type, "payload": PAYLOAD}
        await connection.execute(SQL.event, given)
        given |= {"due_in": due_in, "each": each, "attempt_number": attempt_number}
        return (await connection.execute(SQL.waiting, given)).rowcount


async def open_deliveries(dsn: str) -> int:
    """Those that wait, are held or are parked."""
    async with connected(dsn) as connection:
        [(count,)] = await (await connection.execute(SQL.open_deliveries)).fetchall()
        return int(count)


async def history(dsn: str, application_id: str, event_type: str, *, events: int, subscriptions: Sequence[uuid.UUID]) -> None:
    """Ten days of so many events in all, and five times as many attempts; the partitions must be there."""
    today = datetime.now(UTC).date()
    slices = _slices([today - timedelta(days=ago) for ago in reversed(range(DAYS))], events // DAYS)
    given = {
        "application_id": application_id,
        "event_type": event_type,
        "payload": PAYLOAD,
        "events": events // DAYS,
        "attempts": ATTEMPTS_EACH,
        "subscriptions": list(subscriptions),
    }
    async with asyncio.TaskGroup() as tasks:
        for number in range(_AT_ONCE):
            tasks.create_task(_write(dsn, given, slices), name=f"seed.history-{number}")
    await _settle(dsn, SQL.settle_history)


def _slices(days: Sequence[date], events: int) -> Iterator[dict[str, Any]]:
    """Day by day, so that rows come nearly in the order of their time."""
    for day in days:
        for first in range(0, events, _SLICE):
            yield {"day": day, "first": first, "last": min(first + _SLICE, events) - 1}


async def _write(dsn: str, given: dict[str, Any], slices: Iterator[dict[str, Any]]) -> None:
    async with connected(dsn) as connection:
        for each in slices:
            await connection.execute(SQL.history, given | each)


async def _settle(dsn: str, vacuum: bytes) -> None:
    """Statistics and visibility as a database has them that runs for long."""
    async with connected(dsn) as connection:
        await connection.execute(vacuum)


def _ids(count: int) -> list[uuid.UUID]:
    """New ones, of now."""
    now = time.time()
    return [ids.uuid7(now, secrets.randbits(80)) for _ in range(count)]
