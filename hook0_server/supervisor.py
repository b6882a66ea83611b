"""`serve --processes N`: N processes on the same ports, started again when they die, and ended together.

The supervisor serves nothing itself. It keeps the two addresses, opens and migrates the database (and owns it where it is
the embedded one), checks the keys, and starts the processes: spawned, as gRPC does not survive a fork. Each is a server
of its own, with a node of its own; the kernel divides connections among them.

Stop: SIGTERM to all → they end gracefully, or are killed after the grace and a margin → the database.
A second signal kills them at once; they die with the supervisor, too.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from hook0_server import keeper, ports, settings, start
from hook0_server.store import database

log = structlog.get_logger(__name__)

_STOP_MARGIN_SECONDS = 10.0


async def run(given: settings.Settings, environ: Mapping[str, str], *, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run the processes until a signal, with the settings of `environ`, which were read as `given`. Raises StartRefused."""
    if sys.platform != "linux":
        raise start.StartRefused("HOOK0_PROCESSES needs Linux, which divides connections among processes: use 1 here.")
    stopping = start.signals()
    start.warn(given)
    with contextlib.ExitStack() as held:
        with start.refusals():
            grpc = held.enter_context(ports.kept(given.grpc_address, "gRPC"))
            http = held.enter_context(ports.kept(given.http_address, "HTTP"))
        async with start.opened(given) as dsn:
            async with database.Database(dsn, pool_size=2) as db:
                await start.load_keys(given, db)
            child = dict(environ) | _for_children(given, dsn, grpc, http)
            timing = keeper.Timing(stop=given.stop_grace + _STOP_MARGIN_SECONDS)
            programs = _programs(given.processes, child)
            await Supervisor(programs, {"grpc": grpc, "http": http}, announce, stopping, timing).run()


def _for_children(given: settings.Settings, dsn: str, grpc: str, http: str) -> dict[str, str]:
    """What is decided by now; all else they read as we did."""
    return {
        "DATABASE_URL": dsn,
        "HOOK0_DATA_DIR": str(given.data_dir.resolve()),
        "HOOK0_GRPC_ADDRESS": grpc,
        "HOOK0_HTTP_ADDRESS": http,
    }


def _programs(count: int, environ: Mapping[str, str]) -> list[keeper.Program]:
    """-P: what lies in the working directory is not imported."""
    group = secrets.token_hex(8)
    command = (sys.executable, "-P", "-m", "hook0_server.child")
    return [keeper.Program([*command, str(number), group, str(os.getpid())], environ) for number in range(count)]


class Supervisor:
    """Runs one process of each program until `stopping`; `facts` are announced, with the process ids, when all are ready."""

    def __init__(
        self,
        programs: list[keeper.Program],
        facts: Mapping[str, str],
        announce: Callable[[dict[str, Any]], None],
        stopping: asyncio.Event,
        timing: keeper.Timing,
    ) -> None:
        self._facts, self._announce, self._stopping = facts, announce, stopping
        self._announced = False
        self._refused = ""
        self._keepers = [
            keeper.Keeper(number, program, stopping, self._changed, timing) for number, program in enumerate(programs)
        ]

    async def run(self) -> None:
        """Returns when all have ended. Raises StartRefused where none has ever become ready and all have failed."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._keepers:
                tasks.create_task(each.keep(), name=f"supervisor.keep {each.number}")
            await self._stopping.wait()
            log.info("server.stopping")
        if self._refused:
            raise start.StartRefused(self._refused)

    def _changed(self) -> None:
        if all(each.failure and not each.was_ready for each in self._keepers):
            self._refused = "\n".join(dict.fromkeys(each.failure for each in self._keepers))
            self._stopping.set()
        pids = [each.pid for each in self._keepers if each.pid is not None]
        if len(pids) == len(self._keepers) and not self._announced and not self._stopping.is_set():
            self._announced = True
            self._announce({"ready": True, **self._facts, "pids": pids})
