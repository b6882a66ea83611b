"""The supervisor's rules, with programs in the place of servers that start in a few milliseconds."""

import asyncio
import contextlib
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import structlog

from hook0_server import keeper, start, supervisor

SAY_READY = "import os; os.write(1, b'{\"ready\": true}\\n'); "
READY = SAY_READY + "os.read(0, 1)"
CRASHES = SAY_READY + "os._exit(3)"
REFUSED = 'import os; os.write(1, b\'{"refused": "The keys are wrong."}\\n\')'
SILENT = "import os; os.read(0, 1)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY
QUICK = keeper.Timing(least_pause=0.01, most_pause=0.04)


class Supervised:
    """A supervisor of these Python programs, what it announced and what it logged."""

    def __init__(self, *programs: str, timing: keeper.Timing = QUICK, stopping: asyncio.Event | None = None) -> None:
        self.stopping = stopping or asyncio.Event()
        self.announced: list[dict[str, Any]] = []
        self.ready = asyncio.Event()
        self.changed = asyncio.Event()
        self.logged: list[dict[str, Any]] = []
        commands = [keeper.Program([sys.executable, "-I", "-S", "-c", program], dict(os.environ)) for program in programs]
        facts = {"grpc": "g:1", "http": "h:1"}
        self.supervisor = supervisor.Supervisor(commands, facts, self._announce, self.stopping, timing)

    def _announce(self, facts: dict[str, Any]) -> None:
        self.announced.append(facts)
        self.ready.set()

    def log(self, _: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
        self.logged.append(line)
        self.changed.set()
        raise structlog.DropEvent

    async def until(self, claim: Callable[[], bool]) -> None:
        """Until a log line makes it true."""
        async with asyncio.timeout(10):
            while not claim():
                self.changed.clear()
                await self.changed.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.logged if line["event"] == name]


@contextlib.asynccontextmanager
async def running(supervised: Supervised) -> AsyncIterator[asyncio.Task[None]]:
    """It runs as a task, and is stopped gracefully with the block where it has not ended."""
    before = structlog.get_config()
    structlog.configure(processors=[supervised.log], cache_logger_on_first_use=False)
    try:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_contained(supervised.supervisor.run()))
            yield task
            supervised.stopping.set()
    finally:
        structlog.configure(**before)


async def _contained(run: Awaitable[None]) -> None:
    """The test looks at the refusal itself; the group would end the test with it."""
    with contextlib.suppress(start.StartRefused, asyncio.CancelledError):
        await run


def is_gone(pid: int) -> bool:
    return not pathlib.Path(f"/proc/{pid}").exists()


async def test_it_is_announced_once_when_all_are_ready() -> None:
    supervised = Supervised(READY, READY)
    async with running(supervised):
        await asyncio.wait_for(supervised.ready.wait(), 10)
        assert all(os.getsid(pid) == pid for pid in supervised.announced[0]["pids"]), "a ctrl-C reaches the supervisor alone"
    (facts,) = supervised.announced
    assert facts == {"ready": True, "grpc": "g:1", "http": "h:1", "pids": facts["pids"]}
    assert len(set(facts["pids"])) == 2
    assert all(map(is_gone, facts["pids"]))


async def test_nothing_is_announced_while_one_is_not_ready() -> None:
    supervised = Supervised(SILENT, CRASHES)
    async with running(supervised):
        await supervised.until(lambda: len(supervised.events("process.started_again")) >= 2)
    assert not supervised.announced


async def test_a_process_that_dies_is_started_again_later_and_later() -> None:
    supervised = Supervised(CRASHES)
    async with running(supervised):
        await supervised.until(lambda: len(supervised.events("process.ended")) >= 5)
    ended = supervised.events("process.ended")[:5]
    assert [line["start_again_in_seconds"] for line in ended] == [0.01, 0.02, 0.04, 0.04, 0.04]
    assert {line["how"] for line in ended} == {"exit code 3"}
    assert len(supervised.announced) == 1


async def test_one_that_lived_long_is_started_again_soon() -> None:
    supervised = Supervised(CRASHES, timing=keeper.Timing(least_pause=0.01, most_pause=0.04, stable=0.0))
    async with running(supervised):
        await supervised.until(lambda: len(supervised.events("process.ended")) >= 3)
    assert {line["start_again_in_seconds"] for line in supervised.events("process.ended")} == {0.01}


async def test_a_signal_that_killed_one_is_named() -> None:
    supervised = Supervised(READY, READY)
    async with running(supervised):
        await asyncio.wait_for(supervised.ready.wait(), 10)
        first, second = supervised.announced[0]["pids"]
        os.kill(first, 9)
        await supervised.until(lambda: bool(supervised.events("process.started_again")))
        assert not is_gone(second)
    (ended,) = supervised.events("process.ended")
    assert (ended["child"], ended["pid"], ended["how"]) == (0, first, "SIGKILL")


@pytest.mark.parametrize(
    ("program", "words"),
    [(REFUSED, "The keys are wrong."), ("import sys; sys.exit(7)", "Process 0 ended before it was ready: exit code 7.")],
    ids=["refused", "crashed"],
)
async def test_it_gives_up_when_all_fail_before_any_was_ready(program: str, words: str) -> None:
    supervised = Supervised(program, REFUSED)
    with pytest.raises(start.StartRefused) as refusal:
        await asyncio.wait_for(supervised.supervisor.run(), 20)
    assert list(dict.fromkeys([words, "The keys are wrong."])) == str(refusal.value).split("\n")


async def test_a_process_that_cannot_be_spawned_is_a_refusal_too() -> None:
    supervised = Supervised()
    nowhere = [keeper.Program(["/nowhere/python"], {})]
    with pytest.raises(start.StartRefused, match=r"cannot be started: .*No such file"):
        await supervisor.Supervisor(nowhere, {}, supervised.announced.append, supervised.stopping, QUICK).run()


async def test_it_does_not_give_up_once_one_was_ready(tmp_path: pathlib.Path) -> None:
    second_time = f"import pathlib; p = pathlib.Path({str(tmp_path / 'tried')!r}); there = p.exists(); p.touch(); "
    supervised = Supervised(READY, f"{second_time}exec({READY!r} if there else {REFUSED!r})")
    async with running(supervised):
        await asyncio.wait_for(supervised.ready.wait(), 10)
    assert [line["how"] for line in supervised.events("process.ended")] == ["The keys are wrong."]


async def test_it_does_not_give_up_when_all_fail_that_were_ready_before(tmp_path: pathlib.Path) -> None:
    """The database may be away for a while."""
    first_time = f"import pathlib; p = pathlib.Path({str(tmp_path / 'tried')!r}); there = p.exists(); p.touch(); "
    supervised = Supervised(f"{first_time}exec({REFUSED!r} if there else {CRASHES!r})")
    async with running(supervised) as task:
        await supervised.until(lambda: len(supervised.events("process.ended")) >= 4)
        assert not task.done()


async def test_a_stop_during_the_start_is_no_refusal() -> None:
    supervised = Supervised(SILENT, SILENT)
    run = asyncio.create_task(supervised.supervisor.run())
    asyncio.get_running_loop().call_later(0.1, supervised.stopping.set)
    await asyncio.wait_for(run, 10)
    assert not supervised.announced


async def test_one_that_hangs_in_its_stop_is_killed_and_the_others_are_not() -> None:
    supervised = Supervised(STUBBORN, READY, timing=keeper.Timing(stop=0.5))
    async with running(supervised):
        await asyncio.wait_for(supervised.ready.wait(), 10)
    (killed,) = supervised.events("process.killed")
    assert (killed["child"], killed["pid"]) == (0, supervised.announced[0]["pids"][0])
    assert all(map(is_gone, supervised.announced[0]["pids"]))


async def test_one_that_hangs_in_its_start_is_killed_and_tried_again() -> None:
    supervised = Supervised(SILENT, READY, timing=keeper.Timing(start=0.4, least_pause=0.01))

    def ended() -> list[str]:
        return [line["how"] for line in supervised.events("process.ended") if line["child"] == 0]

    async with running(supervised):
        await supervised.until(lambda: len(ended()) >= 2)
    assert ended()[0] == "Process 0 was not ready after 0 s."


async def test_the_second_signal_kills_at_once() -> None:
    given: asyncio.Queue[Supervised] = asyncio.Queue(1)

    async def run() -> None:
        given.put_nowait(supervised := Supervised(STUBBORN, STUBBORN, stopping=start.signals()))
        await supervised.supervisor.run()

    task = asyncio.create_task(run())
    supervised = await given.get()
    await asyncio.wait_for(supervised.ready.wait(), 10)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(supervised.stopping.wait(), 10)
    assert not any(map(is_gone, supervised.announced[0]["pids"]))
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(asyncio.wait([task]), 10)
    assert task.cancelled()
    assert all(map(is_gone, supervised.announced[0]["pids"]))


async def test_a_child_takes_a_second_signal_as_the_first() -> None:
    """A service manager may send its own to all processes, beside that of the supervisor."""
    stopping = start.signals(second_stops_at_once=False)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stopping.wait(), 10)
        await asyncio.sleep(0.01)


async def test_a_process_has_no_files_of_its_supervisor(tmp_path: pathlib.Path) -> None:
    listing = tmp_path / "files"
    program = f"import os; open({str(listing)!r}, 'w').write(' '.join(sorted(os.listdir('/proc/self/fd')))); "
    inherited = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        supervised = Supervised(program + READY)
        async with running(supervised):
            await asyncio.wait_for(supervised.ready.wait(), 10)
    finally:
        os.close(inherited)
    assert str(inherited) not in listing.read_text().split()
    assert set(listing.read_text().split()) <= {"0", "1", "2", "3", "4"}
