"""Every block of the README does what the README says, in its order, on a server started by its command."""

import contextlib
import json
import os
import pathlib
import random
import re
import socket
import urllib.request
from collections.abc import Iterator

import pytest
import readme

TEXT = (readme.ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = readme.blocks(TEXT)
STARTS, *REST = [block for block in BLOCKS if block.language != "text"]

pytestmark = pytest.mark.timeout(240)  # the first test waits for the whole README


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[readme.Terminal]:
    """A terminal in which the whole README was run; what has no end still runs."""
    folder = tmp_path_factory.mktemp("clone")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HOOK0_", "DATABASE_URL"))}
    anywhere = {"HOOK0_GRPC_ADDRESS": "127.0.0.1:0", "HOOK0_HTTP_ADDRESS": "127.0.0.1:0"}
    with readme.started(folder, environ | anywhere):
        terminal = readme.Terminal(folder, environ | {"PORT": str(_free_port())})
        try:
            for block in REST:
                terminal.run(block)
                if block.language == "python" and block.is_endless:
                    readme.until(lambda: _listens(terminal.environ["PORT"]), 20)
            yield terminal
        finally:
            terminal.end()


def _free_port() -> int:
    """One that no connection is given before it is listened on: those that the kernel gives begin at 32768."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _listens(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def test_the_first_command_starts_the_server_that_the_blocks_are_run_against() -> None:
    assert STARTS.text == "scripts/run\n"
    script = (readme.ROOT / STARTS.text.strip()).read_text()
    assert script.endswith('exec "$root/.venv/bin/hook0-server" dev "$@"\n')


def test_something_is_printed_within_the_first_40_lines() -> None:
    printed = next(block for block in BLOCKS if block.language == "text")
    assert printed.line + len(printed.text.splitlines()) < 40 + 1


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language == "text"], ids=lambda each: f"line-{each.line}")
def test_what_the_readme_shows_is_what_is_printed(read: readme.Terminal, block: readme.Block) -> None:
    shown = {readme.alike(line) for line in block.text.splitlines()}

    def missing() -> set[str]:
        return shown - {readme.alike(line) for line in read.output().splitlines()}

    try:
        readme.until(lambda: not missing(), 20)
    except TimeoutError:
        pytest.fail(f"README.md:{block.line} shows what was not printed: {missing()}\n{read.output()}")


@pytest.mark.parametrize("endless", [each for each in REST if each.is_endless], ids=lambda each: f"line-{each.line}")
def test_what_runs_on_sees_what_is_published_later(read: readme.Terminal, endless: readme.Block) -> None:
    process, output = read.endless[endless.text]
    again = next(each for each in reversed(REST) if "hook0ctl publish" in each.text)

    def seen() -> bool:
        if "user.account.deleted" in output.read_text():
            return True
        read.run(again)
        return False

    readme.until(seen, 30)
    assert process.poll() is None


def test_the_receiver_of_dev_got_the_events_with_valid_signatures(read: readme.Terminal) -> None:
    dev = json.loads((read.folder / ".hook0" / "dev.json").read_text())
    with urllib.request.urlopen(dev["receiver_url"], timeout=10) as answer:  # noqa: S310 - http, our own
        got = json.load(answer)
    assert got["received"] >= 6
    assert all(webhook["verified"] for webhook in got["webhooks"])


def test_files_that_are_linked_are_there() -> None:
    for page in (readme.ROOT / "README.md", readme.ROOT / "CONTRIBUTING.md", *(readme.ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_tool_that_stands_in_for_grpcurl_makes_the_same_request(read: readme.Terminal, tmp_path: pathlib.Path) -> None:
    block = next(each for each in REST if "PublishEvent" in each.text)
    stand_in = f'grpcurl() {{ python "{readme.ROOT}/tests/grpcurl_by_buf.py" "$@"; }}\n'
    before = len(read.said)
    read.run(readme.Block("sh", stand_in + block.text, block.line))
    assert '"deliveryCount": 2' in read.said[before]
