"""Real `hook0-server serve` processes to be killed, frozen and woken, and what is counted at the other end."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools

from hook0_server.store.embedded import leftovers

MASTER_KEY = "6b1d2c9e-6a53-4a8a-9f57-0f3f5f0c7a11"
RECORD_BATCH = 500
READY_SECONDS = 40.0
_ROOT = pathlib.Path(__file__).parents[2]
SERVE = ("-c", "from hook0_server import cli; cli.main()", "serve")
QUICK = (str(pathlib.Path(__file__).with_name("quick_server.py")),)
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_FAILURE = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
_SETTINGS = {
    "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
    "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
    "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
    "HOOK0_MASTER_API_KEY": MASTER_KEY,
    "HOOK0_ENCRYPTION_KEYS": "test:" + "5a" * 32,
    "HOOK0_BISCUIT_PRIVATE_KEY": "5b" * 32,
    "HOOK0_LOG_FORMAT": "json",
    "HOOK0_RETENTION_DAYS": "5",
}


class Server:
    """One server process after the other on the same settings; all their logs are in one file."""

    def __init__(self, folder: pathlib.Path, settings: dict[str, str], program: tuple[str, ...] = SERVE) -> None:
        self.folder, self.log, self._program = folder, folder / "server.log", program
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOK0_") and name != "DATABASE_URL"}
        self._environment = kept | {"PYTHONPATH": str(_ROOT), "HOOK0_DATA_DIR": str(folder / "data")} | _SETTINGS | settings
        self._process: asyncio.subprocess.Process | None = None
        self.announced: dict[str, Any] = {}
        self.grpc = ""

    @property
    def cluster(self) -> pathlib.Path:
        """Where its embedded PostgreSQL is, when it has one."""
        return self.folder / "data" / "postgres"

    async def start(self) -> None:
        """Start it and wait for its ready line; the second time it is served at the address of the first."""
        if self.grpc:
            self._environment["HOOK0_GRPC_ADDRESS"] = self.grpc
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._program),
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            line = await self._process.stdout.readline()
        assert line, f"the server ended before it was ready:\n{self.log.read_text()[-4000:]}"
        self.announced = json.loads(line)
        self.grpc = self.announced["grpc"]

    @property
    def resident_mib(self) -> int:
        """Memory of the server itself."""
        assert self._process is not None
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    @property
    def children(self) -> list[int]:
        """The processes that serve under a supervisor (HOOK0_PROCESSES), which starts them again."""
        assert self._process is not None
        pid = self._process.pid
        found = map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return [each for each in found if b"hook0_server.child" in pathlib.Path(f"/proc/{each}/cmdline").read_bytes()]

    def strike(self) -> None:
        """kill -9, now; `kill` reaps it."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """It stands still, its sockets stay open, until `wake`."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        assert self._process is not None
        self._signal(signal.SIGTERM)
        async with asyncio.timeout(READY_SECONDS):
            return await self._process.wait()

    async def kill(self) -> None:
        """kill -9, reaped. Harmless when it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def end(self) -> None:
        """Killed, and its embedded PostgreSQL seen out, so that the folder can be removed."""
        await self.kill()
        async with asyncio.timeout(30):
            while leftovers.find(self.cluster):  # noqa: ASYNC110  other processes set no asyncio.Event
                await asyncio.sleep(0.02)

    def logged(self, *names: str) -> list[dict[str, Any]]:
        """The log lines of these events so far."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") in names]

    def embedded_dsn(self) -> str:
        """Where its embedded PostgreSQL answers now."""
        _, _, _, port, socket, *_ = (self.cluster / "postmaster.pid").read_text().splitlines()
        return f"postgresql://postgres@/hook0?host={socket}&port={port}"

    def kill_embedded(self) -> int:
        """kill -9 of every process of its embedded PostgreSQL; answers how many."""
        pids = leftovers.find(self.cluster)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)


@contextlib.asynccontextmanager
async def serving(name: str, program: tuple[str, ...] = SERVE, **settings: str) -> AsyncIterator[Server]:
    """A running server; it and whatever was started after it are ended with the block."""
    with _short_directory(name) as folder:
        server = Server(folder, settings, program)
        try:
            await server.start()
            yield server
        finally:
            await server.end()


@contextlib.contextmanager
def _short_directory(name: str) -> Iterator[pathlib.Path]:
    """A temporary directory whose path leaves room for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix=f"hook0-{name}-") as short:
        yield pathlib.Path(short)


@dataclass
class Receiver:
    """Counts webhooks by event id and answers each after `delay` seconds; those that `fails` names, with a failure."""

    delay: float
    fails: Callable[[str], bool] = lambda event_id: False
    port: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    open: int = 0
    connections: set[asyncio.Transport] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def repeats(self) -> int:
        """How many webhooks were more than the first of their event."""
        return self.counts.total() - len(self.counts)

    async def until(self, events: int, seconds: float) -> None:
        """Until so many different events arrived; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.counts) < events:
                self.changed.clear()
                await self.changed.wait()


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.connections.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._receiver.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._event_id = ""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-event-id":
            self._event_id = value.decode()

    def on_message_complete(self) -> None:
        self._receiver.counts[self._event_id] += 1
        self._receiver.open += 1
        self._receiver.changed.set()
        answer = _FAILURE if self._receiver.fails(self._event_id) else _ANSWER
        asyncio.get_running_loop().call_later(self._receiver.delay, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        self._receiver.open -= 1
        if not self._transport.is_closing():
            self._transport.write(answer)


@contextlib.asynccontextmanager
async def receiving(delay: float) -> AsyncIterator[Receiver]:
    receiver = Receiver(delay)
    listening = await asyncio.get_running_loop().create_server(lambda: _Connection(receiver), "127.0.0.1", 0, backlog=1024)
    receiver.port = listening.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        listening.close()
        while receiver.connections:  # one that is left open is a ResourceWarning, and so the failure of some later test
            for each in list(receiver.connections):
                each.abort()
            await asyncio.sleep(0)
