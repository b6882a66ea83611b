"""A program that the supervisor runs: one of the processes of a server, `python -m hook0_server.child NUMBER GROUP PARENT`.

It has its settings from the environment, lives no longer than its supervisor, and says one JSON line on standard output:
what a ready server announces, or {"refused": "a sentence"}.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import orjson

from hook0_server import logs, loop, settings
from hook0_server.store.embedded import become


def main(number: str, group: str, parent: str) -> None:
    say = _line_out()
    _end_with(int(parent))
    given = settings.Settings.from_environ(os.environ)
    logs.configure(given.log_level, given.log_format, process=number)
    # Imported here: until then it takes a second in which the supervisor may have died.
    from hook0_server import app
    from hook0_server.gateway import siblings

    member = siblings.Member(int(number), given.processes, group)
    try:
        with loop.runner() as runner:
            runner.run(app.run_member(given, os.environ["DATABASE_URL"], member, announce=say))
    except app.StartRefused as refusal:
        say({"refused": str(refusal)})
        raise SystemExit(1) from None


def _line_out() -> Callable[[dict[str, Any]], None]:
    """Says a line to the supervisor; what anybody else prints goes to standard error, where logs are."""
    supervisor = os.dup(1)
    os.dup2(2, 1)

    def say(facts: dict[str, Any]) -> None:
        with os.fdopen(os.dup(supervisor), "wb") as out:
            out.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))

    return say


def _end_with(parent: int) -> None:
    """Twice: the kernel tells it on Linux, and the pipe on standard input ends with the supervisor that holds it open."""
    become.die_with(parent, signal.SIGKILL)
    threading.Thread(target=_end_with_input, name="child.supervisor", daemon=True).start()


def _end_with_input() -> None:
    """Not a task: a loop that hangs would not notice."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
