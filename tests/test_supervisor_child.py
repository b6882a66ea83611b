"""The program that a supervisor runs lives no longer than that, and says one line."""

import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def child(tmp_path: pathlib.Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process with a key file that cannot be read, started with standard input open."""
    (tmp_path / "encryption_key").write_text("no key")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOK0_")}
    environ = kept | {"HOOK0_PROCESSES": "2", "DATABASE_URL": NOWHERE, "HOOK0_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "hook0_server.child", "0", os.urandom(8).hex(), str(os.getpid())]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        yield made
        made.kill()


def test_a_child_ends_when_its_standard_input_does(child: subprocess.Popen[bytes]) -> None:
    """Also where the kernel does not tell it: the supervisor alone holds the other end."""
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(20) == -signal.SIGKILL


def test_a_child_that_cannot_start_says_why_in_one_line_and_ends(child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    said = child.stdout.read().splitlines()
    assert child.wait(20) == 1
    (refused,) = [json.loads(line)["refused"] for line in said]
    assert "encryption_key must be id:hex" in refused
    assert b"Traceback" not in (child.stderr.read() if child.stderr else b"")


def test_a_child_whose_supervisor_is_gone_does_not_start() -> None:
    command = [sys.executable, "-P", "-m", "hook0_server.child", "0", "group", "1"]
    done = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"the process that asked for this one is gone" in done.stderr
