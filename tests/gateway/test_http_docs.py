"""Every block of docs/http.md does what it says, in its order, with curl, on a whole server."""

import asyncio
import json
import os
import pathlib
import re
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import readme
import whole

from hook0_server.gateway import refusals

TEXT = (readme.ROOT / "docs" / "http.md").read_text(encoding="utf-8")
BLOCKS = readme.blocks(TEXT)
WATCH, AGAIN, RESUME = [block for block in BLOCKS if block.language == "sh"][-3:]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl"),
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def terminal(site: whole.Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[readme.Terminal]:
    """A terminal in which the whole page was run; what has no end still runs."""
    folder: pathlib.Path = tmp_path_factory.mktemp("clone")
    (folder / ".hook0").mkdir()
    known = {"application_secret": site.application.secret, "application_id": site.application.application_id}
    (folder / ".hook0" / "dev.json").write_text(json.dumps(known))
    made = readme.Terminal(folder, os.environ | {"URL": site.url})
    try:
        for block in BLOCKS:
            if block.language == "sh":
                await asyncio.to_thread(made.run, block)
            if awaited := {WATCH: "event: heartbeat", AGAIN: "event: attempts"}.get(block):
                await asyncio.to_thread(readme.until, lambda: awaited in made.endless[WATCH.text][1].read_text(), 20)
        yield made
    finally:
        await asyncio.to_thread(made.end)


async def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) > 8
    assert (WATCH.is_endless, RESUME.is_endless) == (True, False)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language == "text"], ids=lambda each: f"line-{each.line}")
async def test_what_is_shown_is_what_is_printed(terminal: readme.Terminal, block: readme.Block) -> None:
    printed = {readme.alike(line) for line in terminal.output().splitlines()}
    assert {readme.alike(line) for line in block.text.splitlines()} <= printed


async def test_a_get_lists_and_a_batch_has_a_result_for_each(terminal: readme.Terminal) -> None:
    _, _, listed, batch, *_ = terminal.said
    assert "nextPageToken" in listed or "watchCursor" in listed
    published, refused = json.loads(batch)["results"]
    assert "eventId" in published["published"]
    assert refused["error"]["reason"] == "ERROR_REASON_EVENT_TYPE_NOT_FOUND"


async def test_the_watch_shows_what_is_published_and_goes_on_after_a_cut(terminal: readme.Terminal) -> None:
    event_id = json.loads(terminal.said[-2])["eventId"]
    assert event_id in terminal.output()
    assert event_id in terminal.said[-1]


async def test_the_statuses_are_the_servers() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+) \| ([0-9, ]+) \|", TEXT, re.MULTILINE)
    told = {code: set(statuses.split(", ")) for codes, statuses in rows for code in re.findall(r"`([a-z_]+)`", codes)}
    known = {code.lower(): str(status) for code, status in refusals.STATUSES.items()}
    assert told.keys() == known.keys() - {"cancelled", "unknown"}
    assert all(known[code] in statuses for code, statuses in told.items())
