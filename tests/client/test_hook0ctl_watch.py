import asyncio
import json
import os
import pty
import signal
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from hook0_client import v1
from hook0_server.model import errors
from hook0_server.rpc import status
from tests.client import hook0ctl, scripted

pytestmark = pytest.mark.usefixtures("directory")


def _attempt(number: int, **fields: Any) -> v1.Attempt:
    fields = {"outcome": "OUTCOME_SUCCEEDED", "final": True, "http_status": 204, **fields}
    attempt = v1.Attempt(attempt_id=str(number), event_type="a.b", subscription_id="s-1", event_id="e-1", **fields)
    attempt.attempt_number = number
    attempt.finished_at.FromJsonString("2026-11-23T08:00:00Z")
    attempt.elapsed.FromMilliseconds(12)
    return attempt


class Watch:
    """Three attempts in two messages, then silence."""

    def __init__(self) -> None:
        self.requests: list[v1.WatchAttemptsRequest] = []

    async def __call__(self, request: Any, context: Any) -> AsyncGenerator[Any, None]:
        self.requests.append(request)
        yield v1.WatchAttemptsResponse(cursor="c1", attempts=[_attempt(1), _attempt(2)])
        failed = _attempt(3, outcome="OUTCOME_HTTP_ERROR", http_status=503, final=False, error_message="no\x1b[2J\nroom")
        failed.next_attempt_at.FromJsonString("2026-11-23T08:05:00Z")
        yield v1.WatchAttemptsResponse(cursor="c2", attempts=[failed], caught_up=True)
        await asyncio.Event().wait()


async def test_watch_prints_lines_where_stdout_is_no_terminal() -> None:
    async with scripted.serving(watch=Watch()) as address:
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "watch", "--until-idle")
    first, _, third = out.splitlines()
    assert code == 0
    assert first.split()[1:] == ["a.b", "e-1", "s-1", "#1", "succeeded", "204", "12", "ms", "final"]
    assert "#3  http_error  503  12 ms  again at" in third
    assert "\x1b" not in out
    assert "no\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}room" in third
    assert err == "hook0ctl watch --from-cursor c2\n"


async def test_watch_json_is_one_object_a_line_with_the_names_of_the_protocol() -> None:
    async with scripted.serving(watch=Watch()) as address:
        code, out, _ = await hook0ctl.run(*hook0ctl.place(address), "watch", "--json", "--count", "3")
    assert code == 0
    attempts = [json.loads(line) for line in out.splitlines()]
    assert [each["attempt_number"] for each in attempts] == [1, 2, 3]
    assert attempts[2]["outcome"] == "OUTCOME_HTTP_ERROR"
    assert attempts[2]["final"] is False


async def test_watch_stops_at_its_count_with_a_cursor_that_skips_nothing() -> None:
    async with scripted.serving(watch=Watch()) as address:
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "watch", "--json", "--count", "1", "--from-cursor", "c0")
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "hook0ctl watch --from-cursor c0\n"


async def test_watch_sends_its_filter_and_where_to_begin() -> None:
    watch = Watch()
    async with scripted.serving(watch=watch) as address:
        await hook0ctl.run(
            *hook0ctl.place(address), "watch", "--since", "5m", "--event-id", "e", "--subscription-id", "s", "--type", "a.*",
            "--outcome", "timeout", "--outcome", "http_error", "--only-final", "--count", "1",
        )  # fmt: skip
    [request] = watch.requests
    assert request.filter == v1.AttemptFilter(
        event_ids=["e"],
        subscription_ids=["s"],
        event_types=["a.*"],
        outcomes=["OUTCOME_TIMEOUT", "OUTCOME_HTTP_ERROR"],
        only_final=True,
    )
    assert request.WhichOneof("start") == "start_at"


async def test_ctrl_c_ends_a_watch_with_exit_code_0_and_the_cursor() -> None:
    async with (
        scripted.serving(watch=Watch()) as address,
        hook0ctl.started(*hook0ctl.place(address), "watch") as process,
        asyncio.timeout(20),
    ):
        for _ in range(3):
            await process.stdout.readline()  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "hook0ctl watch --from-cursor c2\n")


async def test_a_watch_that_is_cut_says_so_and_goes_on() -> None:
    cut = asyncio.Event()
    watch = Watch()

    async def stream(request: Any, context: Any) -> AsyncGenerator[Any, None]:
        async for message in watch(request, context):
            yield message
            if not cut.is_set():
                cut.set()
                await status.abort(context, errors.Unavailable("SERVER_STOPPING", "Connect again."))

    async with scripted.serving(watch=stream) as address:
        code, _, err = await hook0ctl.run(*hook0ctl.place(address), "watch", "--until-idle")
    assert code == 0
    assert err.startswith("connecting again: Connect again.\n")
    assert [request.cursor for request in watch.requests] == ["", "c1"]


async def test_on_a_terminal_watch_is_a_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("LINES", "30")
    ours, theirs = pty.openpty()
    screen = b""
    try:
        async with (
            scripted.serving(watch=Watch()) as address,
            hook0ctl.started(*hook0ctl.place(address), "watch", stdout=theirs) as process,
            asyncio.timeout(20),
        ):
            while b"3 attempts seen" not in screen:
                screen += await asyncio.to_thread(os.read, ours, 65536)
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0
    assert b"event type" in screen
    assert b"caught up" in screen
    assert b"\x1b[32msucceeded" in screen
    assert b"\x1b[33mhttp_error" in screen
    assert err == b"hook0ctl watch --from-cursor c2\n"
