"""One place among the processes of a supervisor: it keeps one running there, and starts the next when that ends."""

import asyncio
import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    least_pause: float = 0.1
    most_pause: float = 10.0
    stable: float = 60.0  # who lived that long is started again at once
    start: float = 120.0
    stop: float = 30.0  # from SIGTERM to SIGKILL


@dataclass(frozen=True, slots=True)
class Program:
    """What runs in the place. It says one JSON line: {"ready": true, …} or {"refused": "a sentence"}.

    It is asked to end by SIGTERM; its standard input ends with the supervisor.
    """

    command: Sequence[str]
    environ: Mapping[str, str]


class Keeper:
    """`changed` is called when a process here becomes ready or ends.

    Attributes:
        pid: of the process that is ready; None while there is none.
        was_ready: whether one has ever been.
        failure: why the last one ended that did not become ready; a sentence.
    """

    def __init__(
        self, number: int, program: Program, stopping: asyncio.Event, changed: Callable[[], None], timing: Timing
    ) -> None:
        self.number, self._program, self._timing = number, program, timing
        self._stopping, self._changed = stopping, changed
        self._starts = 0
        self.pid: int | None = None
        self.was_ready = False
        self.failure = ""
        self._last_pid: int | None = None
        self._why = ""  # what is known of why the present one ends

    async def keep(self) -> None:
        """Until `stopping`, which the process is told by SIGTERM; a cancellation kills it."""
        clock = asyncio.get_running_loop().time
        pause = self._timing.least_pause
        while not self._stopping.is_set():
            began = clock()
            ended = await self._live()
            if self._stopping.is_set():
                return
            if clock() - began > self._timing.stable:
                pause = self._timing.least_pause
            log.warning("process.ended", child=self.number, pid=self._last_pid, how=ended, start_again_in_seconds=pause)
            self._changed()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(pause * 2, self._timing.most_pause)

    async def _live(self) -> str:
        """One process from its start to its end; answers how that was."""
        self._why, self._last_pid = "", None
        try:
            process = await self._spawn()
        except OSError as failure:  # no memory, too many processes: it may be better in a moment
            self.failure = f"A process cannot be started: {failure}."
            return self.failure
        self._last_pid = process.pid
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(process), name=f"supervisor.hear {self.number}")
                ending = tasks.create_task(self._end(process), name=f"supervisor.end {self.number}")
                code = await process.wait()
                ending.cancel()
        finally:
            was_ready, self.pid = self.pid is not None, None
            _kill(process)
            await process.wait()
        if was_ready:
            return _described(code)
        self.failure = self._why or f"Process {self.number} ended before it was ready: {_described(code)}."
        return self.failure

    async def _spawn(self) -> asyncio.subprocess.Process:
        """In a session of its own: a ctrl-C of our terminal is for us to pass on."""
        return await asyncio.create_subprocess_exec(
            *self._program.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._program.environ,
            start_new_session=True,
        )

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        said = cast("asyncio.StreamReader", process.stdout)
        try:
            async with asyncio.timeout(self._timing.start):
                line = await said.readline()
        except TimeoutError:
            self._why = f"Process {self.number} was not ready after {self._timing.start:.0f} s."
            _kill(process)
            return
        if line.endswith(b"\n"):  # else it ended before it had said anything
            self._told(json.loads(line), process.pid)

    def _told(self, said: dict[str, Any], pid: int) -> None:
        if refused := said.get("refused"):
            self._why = str(refused)
            return
        self.pid, self.was_ready = pid, True
        if self._starts:
            log.info("process.started_again", child=self.number, pid=pid, restarts=self._starts)
        self._starts += 1
        self._changed()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        with contextlib.suppress(ProcessLookupError):  # it has just ended on its own
            process.terminate()
        await asyncio.sleep(self._timing.stop)
        log.error("process.killed", child=self.number, pid=process.pid, did_not_end_in_seconds=self._timing.stop)
        _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended on its own
        process.kill()


def _described(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
