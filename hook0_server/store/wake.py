"""LISTEN and NOTIFY. A notification is only a hint: behind each wake-up a poll reads the table, which is the truth."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import psycopg
import structlog

from hook0_server.model import ending, errors
from hook0_server.store import database, sql

log = structlog.get_logger(__name__)

DELIVERIES = "hook0_deliveries"  # rows that may be claimed; no payload
SUBSCRIPTIONS = "hook0_subscriptions"  # a subscription was changed; no payload
CANCELS = "hook0_cancels"  # a held delivery is to be cancelled; no payload
ATTEMPTS = "hook0_attempts"  # attempts were recorded; payload: application ids, comma-separated (at most 200)
CHANNELS = (DELIVERIES, SUBSCRIPTIONS, CANCELS, ATTEMPTS)

SQL = sql.beside(__file__)

_COALESCE_SECONDS = 0.02  # NOTIFY serializes commits: many hints become one
_RECONNECT_SECONDS = 1.0
_APPLICATIONS_PER_HINT = 200  # a payload is limited to 8,000 bytes


class Wake:
    """Hears every channel on a connection of its own, and sends coalesced hints on another."""

    def __init__(self, db: database.Database) -> None:
        self._dsn = db.dsn
        self._sender = db.hot("notify")
        self._listeners: defaultdict[str, list[Callable[[str], None]]] = defaultdict(list)
        self._pending: dict[tuple[str, str], None] = {}
        self._pending_any = asyncio.Event()

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call `heard(payload)` for each hint, also after a reconnect with '' (something may have been missed)."""
        self._listeners[channel].append(heard)

    def notify(self, channel: str, payload: str = "") -> None:
        """Send a hint to every process, this one included, within about 20 ms. Never waits, never fails."""
        self._pending[channel, payload] = None
        self._pending_any.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            ears = tasks.create_task(self._hear(), name="wake.listen")
            mouth = tasks.create_task(self._send(), name="wake.notify")
            try:
                yield
            finally:
                await ending.end([ears, mouth])

    async def _hear(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn,
                    autocommit=True,
                    application_name="hook0 listen",
                    connect_timeout=5,
                    **database.KEEPALIVES,
                ) as connection:
                    await connection.execute("; ".join(f"LISTEN {channel}" for channel in CHANNELS).encode())
                    for channel in CHANNELS:
                        self._wake(channel, "")
                    async for hint in connection.notifies():
                        self._wake(hint.channel, hint.payload)
            except (psycopg.Error, OSError) as failure:
                log.warning("wake.lost", error=str(failure))
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _wake(self, channel: str, payload: str) -> None:
        for heard in self._listeners[channel]:
            heard(payload)

    async def _send(self) -> None:
        while True:
            await self._pending_any.wait()
            await asyncio.sleep(_COALESCE_SECONDS)
            self._pending_any.clear()
            pending, self._pending = self._pending, {}
            try:
                await self._sender.fetch(
                    SQL.notify,
                    _grouped(pending),
                )
            except errors.Unavailable:
                log.warning("wake.unsent", hints=len(pending))  # the polls behind find it


def _grouped(pending: dict[tuple[str, str], None]) -> dict[str, list[str]]:
    """Hints of one channel in as few notifications as fit, payloads joined by commas."""
    by_channel: defaultdict[str, list[str]] = defaultdict(list)
    for channel, payload in pending:
        by_channel[channel].append(payload)
    channels, payloads = [], []
    for channel, parts in by_channel.items():
        for at in range(0, len(parts), _APPLICATIONS_PER_HINT):
            channels.append(channel)
            payloads.append(",".join(part for part in parts[at : at + _APPLICATIONS_PER_HINT] if part))
    return {"channels": channels, "payloads": payloads}
