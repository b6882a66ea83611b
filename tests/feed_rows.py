"""Attempts as a recorder would write them, for tests of the feed."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg

from hook0_server.model import cursors
from hook0_server.store import attempts, feed

INSERT = b"""
INSERT INTO attempts (recorded_at, application_id, attempt_id, delivery_id, event_id, event_day, event_type,
  subscription_id, subscription_revision, attempt_number, takeover_count, trigger, outcome, final, reason,
  delivery_created_at, created_at, finished_at, response_headers, response_body)
SELECT coalesce(%(at)s, now()), %(application_id)s, uuid_v7(), uuid_v7(), uuid_v7(), current_date, %(event_type)s,
  coalesce(%(subscription_id)s, uuid_v7()), 1, 1, 0, 1, %(outcome)s, %(final)s, 'succeeded',
  now(), now(), now(), '{"x-a":"b"}', convert_to(repeat('b', %(body)s), 'UTF8')
  FROM generate_series(1, %(count)s)
RETURNING attempt_id"""


async def record(
    connection: psycopg.AsyncConnection[Any], application_id: uuid.UUID, count: int = 1, **columns: Any
) -> list[uuid.UUID]:
    """Record `count` attempts in the connection's transaction; answers their ids in feed order."""
    defaults: dict[str, Any] = {
        "at": None,
        "event_type": "user.account.created",
        "subscription_id": None,
        "outcome": 1,
        "final": True,
        "body": 2,
    }
    cursor = await connection.execute(INSERT, {**defaults, **columns, "application_id": application_id, "count": count})
    return sorted(row[0] for row in await cursor.fetchall())


@contextlib.asynccontextmanager
async def connected(dsn: str, *, autocommit: bool = True) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=autocommit, application_name="recorder") as connection:
        yield connection


async def page(reader: feed.Feed, after: cursors.Cursor, wanted: attempts.Filter = feed.ALL, **limits: int) -> feed.Page:
    """The next page, with a clock of its own."""
    return await reader.page(after, await reader.clock(), wanted, **limits)
