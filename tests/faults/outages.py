"""A TCP proxy before PostgreSQL that goes away for a while, or is slow."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg


class Outage:
    """A TCP proxy before PostgreSQL. While it is `away` what is open breaks and what is new is refused.

    Whatever passes is `delay` seconds late, in each direction.
    """

    def __init__(self, dsn: str) -> None:
        told = psycopg.conninfo.conninfo_to_dict(dsn)
        self._host, self._upstream_port = str(told["host"]), int(told["port"] or 5432)
        self._told = told | {"sslmode": "disable", "gssencmode": "disable", "host": "127.0.0.1"}
        self._port = 0
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.delay = 0.0

    @property
    def dsn(self) -> str:
        """The same database through the proxy."""
        return psycopg.conninfo.make_conninfo("", **self._told | {"port": self._port})

    async def listen(self) -> None:
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._listening.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Nobody reaches the database from now on, until `listen`."""
        assert self._listening is not None
        self._listening.close()
        for writer in self._open:
            writer.transport.abort()

    async def away(self, seconds: float) -> None:
        """One outage, from its first to its last second."""
        self.cut()
        await asyncio.sleep(seconds)
        await self.listen()

    async def end(self) -> None:
        """Cut for good, and nothing of it is left."""
        self.cut()
        await asyncio.gather(*self._passing)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        if self._host.startswith("/"):
            upstream = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._upstream_port}")
        else:
            upstream = await asyncio.open_connection(self._host, self._upstream_port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(reader, upstream[1]), name="outage.there")
            tasks.create_task(self._pump(upstream[0], writer), name="outage.back")

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            return  # it was cut, by us or by an end of it
        finally:
            self._open.discard(writer)
            writer.close()


@contextlib.asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Outage]:
    outage = Outage(dsn)
    await outage.listen()
    try:
        yield outage
    finally:
        await outage.end()
