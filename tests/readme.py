"""The README and docs/ as a reader uses them: blocks, tables, and a terminal in which they are run one after the other."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).parents[1]
STUBBORN_SECONDS = 20.0

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDLESS = ("WatchAttempts", "attempts:watch", "serve_forever")
_CHANGING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z"), "<moment>"),
    (re.compile(r"\d\d:\d\d:\d\d"), "<clock>"),
    (re.compile(r"\d+ ms"), "<milliseconds>"),
    (re.compile(r"\s+"), " "),
)


def first_cells(page: str, heading: str) -> list[str]:
    """What stands in backquotes in the first column of the table of docs/ under this heading or table head."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    table = text.partition(heading)[2].partition("|---")[2].split("\n\n")[0]
    return [name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line where it begins."""

    language: str
    text: str
    line: int

    @property
    def is_endless(self) -> bool:
        """It runs until Ctrl-C."""
        is_long = self.text.strip() == "hook0ctl watch" or any(word in self.text for word in _ENDLESS)
        return is_long and "--max-time" not in self.text


def blocks(text: str) -> list[Block]:
    return [Block(each[1], each[2], text.count("\n", 0, each.start()) + 1) for each in _BLOCK.finditer(text)]


def alike(line: str) -> str:
    """A line without what is another one each time: ids, times, spaces."""
    for pattern, word in _CHANGING:
        line = pattern.sub(word, line)
    return line.strip()


def grpcurl() -> pathlib.Path | None:
    """Where `go install` and scripts/tools put it, or on the PATH."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    folders = [str(ROOT / ".tools"), os.environ.get("GOBIN", "")]
    if pathlib.Path(go).exists():
        told = subprocess.run([go, "env", "GOPATH"], capture_output=True, text=True, check=True)
        folders.append(f"{told.stdout.strip()}/bin")
    path = os.pathsep.join([*filter(None, folders), os.environ.get("PATH", "")])
    found = shutil.which("grpcurl", path=path)
    return pathlib.Path(found) if found else None


@dataclass
class Terminal:
    """Runs blocks in a directory that looks like a clone; what one exports the next ones have."""

    folder: pathlib.Path
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)
    endless: dict[str, tuple[subprocess.Popen[bytes], pathlib.Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / ".venv").symlink_to(sys.prefix)
        (self.folder / ".tools").mkdir()
        tool = self.folder / ".tools" / "grpcurl"
        if found := grpcurl():
            tool.symlink_to(found)
        else:
            tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/grpcurl_by_buf.py" "$@"\n')
            tool.chmod(0o755)
        (self.folder / "environ").touch()

    def run(self, block: Block) -> None:
        """Run it to its end, or leave it running where it has none. What it says is kept in `said` or its file."""
        if block.is_endless:
            output = self.folder / f"line-{block.line}.output"
            with output.open("wb") as file:
                process = subprocess.Popen(
                    self._command(block), cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=file,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            self.endless[block.text] = (process, output)
            return
        done = subprocess.run(
            self._command(block), cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"line {block.line} failed:\n{block.text}\n{done.stdout}"
        self.said.append(done.stdout)

    def output(self) -> str:
        """All that was said so far, by what still runs too."""
        return "\n".join([*self.said, *(output.read_text() for _, output in self.endless.values())])

    def _command(self, block: Block) -> list[str]:
        text = f"exec python - <<'PYTHON'\n{block.text}\nPYTHON\n" if block.language == "python" else block.text
        return ["sh", "-ec", f". ./environ\n{text}\nexport -p >environ\n"]

    def end(self) -> None:
        """Ctrl-C in every terminal."""
        for process, _ in self.endless.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        for process, _ in self.endless.values():
            try:
                process.wait(STUBBORN_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def started(folder: pathlib.Path, environ: dict[str, str]) -> Iterator[pathlib.Path]:
    """`hook0-server dev` in this directory until the block ends, then Ctrl-C; yields the file of what it printed."""
    said, logged = folder / "server.said", folder / "server.logged"
    command = [str(pathlib.Path(sys.executable).with_name("hook0-server")), "dev"]
    with said.open("wb") as out, logged.open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
    try:
        until(lambda: '"ready":true' in said.read_text() or process.poll() is not None, 80)
        assert process.poll() is None, logged.read_text()
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert code == 0, logged.read_text()


def until(reached: Callable[[], bool], seconds: float) -> None:
    """Look again and again; raises TimeoutError."""
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
