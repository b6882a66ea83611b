"""Real TCP proxies that fail on purpose: one that reads PostgreSQL's protocol and cuts after a commit, one that just dies."""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_LENGTH = struct.Struct(">I")
_STARTUP = 196608  # protocol 3.0; anything else before it asks for TLS, GSS or a cancellation
_IDLE = b"I"  # in ReadyForQuery: no transaction is open, so what was done is committed
_CHUNK = 65536


@dataclass
class Cut:
    """Which answers never arrive: those of statements that hold `text`, the `every`th of them, `times` at most.

    Only answers of at least `rows` rows count: where a statement always answers one, two say that it did something.
    `blow` falls before anything is cut: what it kills learns neither of the commit nor of the cut.
    """

    text: str
    every: int = 1
    times: int = 1
    rows: int = 1
    blow: Callable[[], None] = lambda: None
    seen: int = 0
    made: int = 0

    def is_due(self, rows: int) -> bool:
        """Asked once for each commit of such a statement."""
        if rows < self.rows:
            return False
        self.seen += 1
        if self.made >= self.times or self.seen % self.every:
            return False
        self.made += 1
        self.blow()
        return True


@dataclass
class CommitProxy:
    """Between a server and PostgreSQL: passes everything on, but the answers of commits that `cuts` name.

    The whole answer is held until ReadyForQuery says that the transaction is over; then it is thrown away and both sides are
    cut. So the statement is committed for certain, and its sender cannot know. Of a transaction of several statements, COMMIT
    is what is not answered.
    """

    dsn: str  # for the server under test: through this proxy
    cuts: list[Cut] = field(default_factory=list)

    def cut(self, text: str, *, every: int = 1, times: int = 1, rows: int = 1, blow: Callable[[], None] = lambda: None) -> Cut:
        """What is to be cut from now on; it counts."""
        self.cuts.append(Cut(text, every, times, rows, blow))
        return self.cuts[-1]

    def named_by(self, statement: str) -> Cut | None:
        return next((cut for cut in self.cuts if cut.text in statement), None)


class _Session:
    """What one connection has prepared and asked for, and what of it is not answered yet."""

    def __init__(self, proxy: CommitProxy) -> None:
        self._proxy = proxy
        self._prepared: dict[bytes, str] = {}
        self._bound = ""  # what Execute would run
        self._asked = ""  # since the last Sync
        self._unanswered: deque[str] = deque()  # one text for each ReadyForQuery that is to come
        self._held = bytearray()
        self._transaction = ""  # what the open transaction has run
        self._completed, self._rows = False, 0

    def asks(self, kind: bytes, body: bytes) -> None:
        """A message of the server under test."""
        match kind:
            case b"P":
                name, text = body.split(b"\0", 2)[:2]
                self._prepared[name] = text.decode()
            case b"B":
                self._bound = self._prepared.get(body.split(b"\0", 2)[1], "")
            case b"E":
                self._asked += self._bound
            case b"Q":
                self._unanswered.append(body.rstrip(b"\0").decode())
            case b"S":
                self._unanswered.append(self._asked)
                self._asked = ""

    def answers(self, kind: bytes, message: bytes) -> bytes | None:
        """What to pass on of a message of PostgreSQL, perhaps later; None: cut now."""
        text = self._transaction + (self._unanswered[0] if self._unanswered else "")
        cut = self._proxy.named_by(text)
        self._completed |= kind == b"C" and not message[5:].startswith(b"ROLLBACK")
        self._rows += kind == b"D"
        is_over = kind == b"Z" and message[5:6] == _IDLE
        if cut is not None:
            self._held += message
            if kind != b"Z":
                return b""
            if is_over and self._completed and cut.is_due(self._rows):
                return None
            message = bytes(self._held)
            self._held.clear()
        if kind == b"Z":
            self._transaction, self._rows = ("", 0) if is_over else (text, self._rows)
            self._completed = False
            if self._unanswered:  # the first one answers the start of the connection
                self._unanswered.popleft()
        return message


async def _asking(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, session: _Session) -> None:
    while True:
        kind, message = await _message(reader)
        session.asks(kind, message[5:])
        upstream.write(message)
        await upstream.drain()


async def _answering(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, session: _Session) -> None:
    while True:
        kind, message = await _message(upstream)
        passed = session.answers(kind, message)
        if passed is None:
            return
        writer.write(passed)
        await writer.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The kind of the next message, and the whole of it."""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(_LENGTH.unpack(head[1:])[0] - 4)


async def _start(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(8)
    length, kind = struct.unpack(">II", head)
    if kind != _STARTUP:
        raise ConnectionError("only plain connections are passed on")
    return head + await reader.readexactly(length - 8)


@contextlib.asynccontextmanager
async def before_postgres(dsn: str) -> AsyncIterator[CommitProxy]:
    """A proxy in front of the database of `dsn`, which may be reached by TCP or by a socket file."""
    given = conninfo_to_dict(dsn)
    host, port = str(given.get("host") or "127.0.0.1"), str(given.get("port") or "5432")

    async def upstream() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await _start(reader)
        from_postgres, to_postgres = await upstream()
        with _aborted(to_postgres):
            to_postgres.write(start)
            session = _Session(proxy)
            await _until_either_ends(_asking(reader, to_postgres, session), _answering(from_postgres, writer, session))

    async with _listening(passing) as bound:
        through = make_conninfo(dsn, host="127.0.0.1", port=bound, sslmode="disable", gssencmode="disable", hostaddr="")
        proxy = CommitProxy(through)
        yield proxy


@dataclass
class DyingProxy:
    """Passes bytes on, each new connection to the next of its upstreams, until `cut` ends all of them at once."""

    address: str = ""
    opened: int = 0
    cuts: int = 0  # connections that were cut
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
            self.cuts += 1

    @contextlib.asynccontextmanager
    async def dying(self, every: float) -> AsyncIterator[None]:
        """Everything is cut every so many seconds while the block lasts."""

        async def die() -> None:
            while True:
                await asyncio.sleep(every)
                self.cut()

        async with asyncio.TaskGroup() as tasks:
            death = tasks.create_task(die(), name="dying proxy")
            try:
                yield
            finally:
                death.cancel()


@contextlib.asynccontextmanager
async def before(upstreams: Sequence[str]) -> AsyncIterator[DyingProxy]:
    """A dying proxy in front of these "host:port" addresses, taken in turn."""
    proxy = DyingProxy()

    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = upstreams[proxy.opened % len(upstreams)].rsplit(":", 1)
        proxy.opened += 1
        from_server, to_server = await asyncio.open_connection(host, int(port))
        proxy._open.add(writer)
        try:
            with _aborted(to_server):
                await _until_either_ends(_copying(reader, to_server), _copying(from_server, writer))
        finally:
            proxy._open.discard(writer)

    async with _listening(passing) as bound:
        proxy.address = f"127.0.0.1:{bound}"
        yield proxy


async def _copying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _until_either_ends(*directions: Coroutine[Any, Any, None]) -> None:
    """Both ways of one connection: when one is at its end, or broke, so is the other."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, Exception) and not isinstance(failure, OSError | EOFError):
            raise failure


@contextlib.contextmanager
def _aborted(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Cut, not closed: nothing that is still buffered is sent."""
    try:
        yield
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def _listening(
    passing: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[int]:
    """Every connection to a port of 127.0.0.1 is passed on while the block lasts; answers the port."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            with _aborted(writer), contextlib.suppress(OSError, EOFError):
                await passing(reader, writer)
        except asyncio.CancelledError:
            return  # the end of the test; a cancelled handler would be reported as an error of the loop
        finally:
            connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=256)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections)
