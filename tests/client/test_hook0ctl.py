import asyncio
import contextlib
import json
import os
import pathlib
import pty
import signal
import sys
from collections.abc import AsyncIterator

import pytest
import scripted
from click import testing

from hook0_client import cli, cli_bulk, v1
from hook0_server.model import errors
from hook0_server.rpc import status

HOOK0CTL = (sys.executable, "-c", "from hook0_client.cli import main; main(prog_name='hook0ctl')")


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch, tmp_path):
    for name in ("HOOK0_ADDRESS", "HOOK0_TOKEN", "HOOK0_APPLICATION_ID", "HOOK0_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def _place(address: str) -> tuple[str, ...]:
    return ("--address", address, "--token", scripted.TOKEN, "--application-id", scripted.APPLICATION)


@contextlib.asynccontextmanager
async def started(*arguments: str, stdout: int = asyncio.subprocess.PIPE) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*HOOK0CTL, *arguments, stdin=pipe, stdout=stdout, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, stdin: bytes = b"") -> tuple[int | None, str, str]:
    async with started(*arguments) as process, asyncio.timeout(20):
        out, err = await process.communicate(stdin)
        return process.returncode, out.decode(), err.decode()


class Publish:
    def __init__(self, refusal: errors.Refused | None = None, **answer):
        self.refusal, self.answer, self.events = refusal, answer, []

    async def __call__(self, request, context):
        self.events.append(request.event)
        if self.refusal:
            await status.abort(context, self.refusal)
        answer = v1.PublishEventResponse(event_id=request.event.event_id, **self.answer)
        answer.received_at.FromJsonString("2026-11-23T08:00:00Z")
        return answer


async def refuse_every_third(requests, context):
    async for message in requests:
        answer = scripted.accepted(message)
        for event, result in zip(message.events, answer.results, strict=True):
            number = json.loads(event.payload_text)["n"]
            if number % 3 == 0:
                reason = v1.ErrorReason.ERROR_REASON_EVENT_TYPE_NOT_FOUND
                result.error.CopyFrom(v1.PublishError(reason=reason, message="No such type.", field="event_type"))
            elif number % 5 == 0:
                result.published.duplicate = True
        yield answer


def _attempt(number: int, **fields) -> v1.Attempt:
    fields = {"outcome": "OUTCOME_SUCCEEDED", "final": True, "http_status": 204, **fields}
    attempt = v1.Attempt(attempt_id=str(number), event_type="a.b", subscription_id="s-1", event_id="e-1", **fields)
    attempt.attempt_number = number
    attempt.finished_at.FromJsonString("2026-11-23T08:00:00Z")
    attempt.elapsed.FromMilliseconds(12)
    return attempt


class Watch:
    """Three attempts in two messages, then silence."""

    def __init__(self):
        self.requests = []

    async def __call__(self, request, context):
        self.requests.append(request)
        yield v1.WatchAttemptsResponse(cursor="c1", attempts=[_attempt(1), _attempt(2)])
        failed = _attempt(3, outcome="OUTCOME_HTTP_ERROR", http_status=503, final=False, error_message="no\x1b[2J\nroom")
        failed.next_attempt_at.FromJsonString("2026-11-23T08:05:00Z")
        yield v1.WatchAttemptsResponse(cursor="c2", attempts=[failed], caught_up=True)
        await asyncio.Event().wait()


async def test_publish_takes_everything_from_its_arguments():
    publish = Publish(delivery_count=2)
    event_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    async with scripted.serving(publish=publish) as address:
        code, out, err = await run(
            *_place(address), "publish", "a.b", "text", "--label", "tenant=a=b", "--label", "x=", "--metadata", "k=v",
            "--event-id", event_id, "--content-type", "text/plain", "--occurred-at", "2026-11-23T08:00:00Z",
        )  # fmt: skip
    assert (code, out, err) == (0, f"{event_id} published to 2 subscriptions\n", "")
    [event] = publish.events
    assert (event.event_type, event.payload_text, event.event_id) == ("a.b", "text", event_id)
    assert (dict(event.labels), dict(event.metadata)) == ({"tenant": "a=b", "x": ""}, {"k": "v"})
    assert event.payload_content_type == "text/plain"
    assert event.occurred_at.ToJsonString() == "2026-11-23T08:00:00Z"


@pytest.mark.parametrize("payload", [["-"], [], ["--file", "payload.bin"]], ids=["dash", "pipe", "file"])
async def test_a_payload_comes_byte_for_byte_from_stdin_or_a_file(payload):
    raw = b'{"id": 1}\r\n\xff\x00'
    pathlib.Path("payload.bin").write_bytes(raw)
    publish = Publish(duplicate=True)
    async with scripted.serving(publish=publish) as address:
        code, out, _ = await run(*_place(address), "publish", "a.b", *payload, "--json", stdin=raw)
    assert code == 0
    assert publish.events[0].payload == raw
    assert json.loads(out) == {
        "event_id": publish.events[0].event_id,
        "received_at": "2026-11-23T08:00:00+00:00",
        "duplicate": True,
        "delivery_count": None,
    }


async def test_a_refusal_is_one_sentence_with_its_reason_and_fields_and_exit_code_1():
    violation = errors.Violation("event.labels", "11 pairs; at most 10 are allowed")
    refusal = errors.InvalidRequest("FIELD_INVALID", "The event breaks a rule.", violations=[violation])
    async with scripted.serving(publish=Publish(refusal)) as address:
        code, out, err = await run(*_place(address), "publish", "a.b", "{}")
    assert (code, out) == (1, "")
    assert err == ("Error: The event breaks a rule. (FIELD_INVALID)\n  event.labels: 11 pairs; at most 10 are allowed\n")


@pytest.mark.parametrize("command", [["publish", "a.b", "{}"], ["watch"]], ids=["publish", "watch"])
async def test_a_server_that_is_not_there_is_named(command):
    async with scripted.serving() as address:
        pass
    code, _, err = await run(*_place(address), *command)
    assert code == 1
    assert f"no Hook0 server answers at {address}" in err
    assert "Traceback" not in err


async def test_ndjson_publishes_each_line_and_tells_the_refused_ones_by_number():
    lines = [json.dumps({"event_type": "a.b", "payload": {"n": n}}) for n in range(1, 11)]
    lines[1:1] = ["", "{broken", '{"event_type": "a.b"}', '{"event_type": "a.b", "payload": 1, "lables": {}}']
    pathlib.Path("events.ndjson").write_text("\n".join(lines))
    async with scripted.serving(stream=refuse_every_third) as address:
        code, out, err = await run(*_place(address), "publish", "--ndjson", "events.ndjson")
    assert code == 1
    assert out == "5 published, 2 duplicates, 6 refused\n"
    told = sorted(err.splitlines(), key=lambda line: int(line.split(":")[0].removeprefix("line ")))
    assert [line.split(":")[0] for line in told] == ["line 3", "line 4", "line 5", "line 7", "line 10", "line 13"]
    assert told[1] == "line 4: payload is missing (LINE_INVALID)"
    assert "'lables'" in told[2]
    assert told[3] == "line 7: event_type: No such type. (EVENT_TYPE_NOT_FOUND)"


async def test_ndjson_from_a_pipe_with_nothing_refused_exits_0():
    received = []

    async def stream(requests, context):
        async for message in requests:
            received.extend(message.events)
            yield scripted.accepted(message)

    line = {
        "event_type": "a.b", "payload": "as it is", "labels": {"l": "1"}, "metadata": {"m": "2"},
        "content_type": "text/plain", "event_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "occurred_at": "2026-11-23T09:00:00+01:00",
    }  # fmt: skip
    piped = json.dumps(line).encode() + b'\n{"event_type": "a.b", "payload": [1, 2]}'
    async with scripted.serving(stream=stream) as address:
        code, out, err = await run(*_place(address), "publish", "--ndjson", "-", "--json", stdin=piped)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"published": 2, "duplicates": 0, "refused": 0, "unanswered": 0}
    first, second = received
    assert (first.payload_text, first.payload_content_type, first.event_id) == ("as it is", "text/plain", line["event_id"])
    assert (dict(first.labels), dict(first.metadata)) == ({"l": "1"}, {"m": "2"})
    assert first.occurred_at.ToJsonString() == "2026-11-23T08:00:00Z"
    assert second.payload_text == "[1,2]"


async def test_lines_of_a_slow_pipe_are_published_while_it_is_open():
    arrived = asyncio.Event()

    async def stream(requests, context):
        async for message in requests:
            arrived.set()
            yield scripted.accepted(message)

    async with scripted.serving(stream=stream) as address:
        async with started(*_place(address), "publish", "--ndjson", "-") as process, asyncio.timeout(10):
            process.stdin.write(b'{"event_type": "a.b", "payload": {}}\n')
            await arrived.wait()


async def test_a_token_that_is_refused_ends_a_bulk_publish_once_and_counts_what_was_left():
    async def stream(requests, context):
        await status.abort(context, errors.Unauthenticated("CREDENTIALS_INVALID", "Send the secret."))
        yield

    pathlib.Path("events.ndjson").write_text('{"event_type": "a.b", "payload": {}}\n' * 3)
    async with scripted.serving(stream=stream) as address:
        code, out, err = await run(*_place(address), "publish", "--ndjson", "events.ndjson")
    assert code == 1
    assert out == "0 published, 0 duplicates, 0 refused, 3 not answered\n"
    assert err == "Error: Send the secret. (CREDENTIALS_INVALID)\n"


async def test_watch_prints_lines_where_stdout_is_no_terminal():
    async with scripted.serving(watch=Watch()) as address:
        code, out, err = await run(*_place(address), "watch", "--until-idle")
    first, _, third = out.splitlines()
    assert code == 0
    assert first.split()[1:] == ["a.b", "e-1", "s-1", "#1", "succeeded", "204", "12", "ms", "final"]
    assert "#3  http_error  503  12 ms  again at" in third
    assert "\x1b" not in out
    assert "no\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}room" in third
    assert err == "hook0ctl watch --from-cursor c2\n"


async def test_watch_json_is_one_object_a_line_with_the_names_of_the_protocol():
    async with scripted.serving(watch=Watch()) as address:
        code, out, _ = await run(*_place(address), "watch", "--json", "--count", "3")
    assert code == 0
    attempts = [json.loads(line) for line in out.splitlines()]
    assert [each["attempt_number"] for each in attempts] == [1, 2, 3]
    assert attempts[2]["outcome"] == "OUTCOME_HTTP_ERROR"
    assert attempts[2]["final"] is False


async def test_watch_stops_at_its_count_with_a_cursor_that_skips_nothing():
    async with scripted.serving(watch=Watch()) as address:
        code, out, err = await run(*_place(address), "watch", "--json", "--count", "1", "--from-cursor", "c0")
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "hook0ctl watch --from-cursor c0\n"


async def test_watch_sends_its_filter_and_where_to_begin():
    watch = Watch()
    async with scripted.serving(watch=watch) as address:
        await run(
            *_place(address), "watch", "--since", "5m", "--event-id", "e", "--subscription-id", "s", "--type", "a.*",
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


async def test_ctrl_c_ends_a_watch_with_exit_code_0_and_the_cursor():
    async with scripted.serving(watch=Watch()) as address:
        async with started(*_place(address), "watch") as process, asyncio.timeout(20):
            for _ in range(3):
                await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "hook0ctl watch --from-cursor c2\n")


async def test_a_watch_that_is_cut_says_so_and_goes_on():
    cut = asyncio.Event()
    watch = Watch()

    async def stream(request, context):
        async for message in watch(request, context):
            yield message
            if not cut.is_set():
                cut.set()
                await status.abort(context, errors.Unavailable("SERVER_STOPPING", "Connect again."))

    async with scripted.serving(watch=stream) as address:
        code, _, err = await run(*_place(address), "watch", "--until-idle")
    assert code == 0
    assert err.startswith("connecting again: Connect again.\n")
    assert [request.cursor for request in watch.requests] == ["", "c1"]


async def test_on_a_terminal_watch_is_a_live_table(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("LINES", "30")
    ours, theirs = pty.openpty()
    screen = b""
    try:
        async with scripted.serving(watch=Watch()) as address:
            async with started(*_place(address), "watch", stdout=theirs) as process, asyncio.timeout(20):
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


async def test_the_development_server_of_this_directory_is_found():
    publish = Publish()
    async with scripted.serving(publish=publish) as address:
        pathlib.Path(".hook0").mkdir()
        dev = {"grpc": address, "application_id": scripted.APPLICATION, "application_secret": scripted.TOKEN}
        pathlib.Path(".hook0/dev.json").write_text(json.dumps(dev))
        assert (await run("publish", "a.b", "{}"))[0] == 0


def _invoke(*arguments: str) -> testing.Result:
    return testing.CliRunner().invoke(cli.main, arguments)


def test_the_secret_of_the_development_server_goes_nowhere_else(monkeypatch):
    pathlib.Path(".hook0").mkdir()
    dev = {"grpc": "127.0.0.1:1", "application_id": "dev-application", "application_secret": "dev-secret"}
    pathlib.Path(".hook0/dev.json").write_text(json.dumps(dev))
    find = cli.cli_place.find
    assert find("127.0.0.1:1", None, None, False).token == "dev-secret"
    assert find(None, None, None, False).address == "127.0.0.1:1"
    assert find("example.com:443", None, "a", True).token is None
    assert find("example.com:443", None, None, True).application_id is None
    assert find(None, "master", None, False) == cli.cli_place.Place("127.0.0.1:1", "master", "dev-application", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish"], "which event type?"),
        (["publish", "a.b", "{}"], "which application?"),
        (["watch"], "which application?"),
        (["publish", "a.b", "{}", "--label", "x"], "'x' is not KEY=VALUE"),
        (["publish", "a.b", "{}", "--occurred-at", "2026-11-23"], "no time zone"),
        (["publish", "a.b", "{}", "--occurred-at", "noon"], "is not a time like"),
        (["publish", "a.b", "--ndjson", "-"], "--ndjson brings everything"),
        (["watch", "--since", "soon"], "is not like 30s"),
        (["watch", "--since", "999999999d"], "before the calendar begins"),
        (["watch", "--since", "1m", "--from-cursor", "c"], "which of them?"),
        (["watch", "--outcome", "lost"], "is not one of"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_sent(arguments, said):
    result = _invoke(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_dev_file_is_named(content):
    pathlib.Path(".hook0").mkdir()
    pathlib.Path(".hook0/dev.json").write_text(content)
    result = _invoke("watch")
    assert result.exit_code == 1
    assert ".hook0/dev.json" in result.stderr


def test_version_is_that_of_the_distribution():
    assert _invoke("version").output.startswith("hook0ctl 0.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[]", "not a JSON object"),
        (b'{"payload": 1}', "event_type is missing"),
        (b'{"event_type": 1, "payload": 1}', "event_type must be text"),
        (b'{"event_type": "a.b", "payload": 1, "labels": {"a": 1}}', "labels must be an object"),
        (b'{"event_type": "a.b", "payload": 1, "occurred_at": "2026-11-23"}', "no time zone"),
        (b'{"event_type": "a.b", "payload": NaN}', "JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_line_that_is_no_event_says_why(line, said):
    with pytest.raises(ValueError, match=said):
        cli_bulk.read_line(line)
