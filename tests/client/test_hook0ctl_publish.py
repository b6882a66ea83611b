import asyncio
import json
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from hook0_client import cli_bulk, v1
from hook0_server.model import errors
from hook0_server.rpc import status
from tests.client import hook0ctl, scripted

pytestmark = pytest.mark.usefixtures("directory")


class Publish:
    def __init__(self, refusal: errors.Refused | None = None, **answer: Any) -> None:
        self.refusal, self.answer = refusal, answer
        self.events: list[v1.NewEvent] = []

    async def __call__(self, request: Any, context: Any) -> Any:
        self.events.append(request.event)
        if self.refusal:
            await status.abort(context, self.refusal)
        answer = v1.PublishEventResponse(event_id=request.event.event_id, **self.answer)
        answer.received_at.FromJsonString("2026-11-23T08:00:00Z")
        return answer


async def refuse_every_third(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
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


async def test_publish_takes_everything_from_its_arguments() -> None:
    publish = Publish(delivery_count=2)
    event_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    async with scripted.serving(publish=publish) as address:
        code, out, err = await hook0ctl.run(
            *hook0ctl.place(address), "publish", "a.b", "text", "--label", "tenant=a=b", "--label", "x=", "--metadata", "k=v",
            "--event-id", event_id, "--content-type", "text/plain", "--occurred-at", "2026-11-23T08:00:00Z",
        )  # fmt: skip
    assert (code, out, err) == (0, f"{event_id} published to 2 subscriptions\n", "")
    [event] = publish.events
    assert (event.event_type, event.payload_text, event.event_id) == ("a.b", "text", event_id)
    assert (dict(event.labels), dict(event.metadata)) == ({"tenant": "a=b", "x": ""}, {"k": "v"})
    assert event.payload_content_type == "text/plain"
    assert event.occurred_at.ToJsonString() == "2026-11-23T08:00:00Z"


@pytest.mark.parametrize("payload", [["-"], [], ["--file", "payload.bin"]], ids=["dash", "pipe", "file"])
async def test_a_payload_comes_byte_for_byte_from_stdin_or_a_file(payload: Any) -> None:
    raw = b'{"id": 1}\r\n\xff\x00'
    pathlib.Path("payload.bin").write_bytes(raw)
    publish = Publish(duplicate=True)
    async with scripted.serving(publish=publish) as address:
        code, out, _ = await hook0ctl.run(*hook0ctl.place(address), "publish", "a.b", *payload, "--json", stdin=raw)
    assert code == 0
    assert publish.events[0].payload == raw
    assert json.loads(out) == {
        "event_id": publish.events[0].event_id,
        "received_at": "2026-11-23T08:00:00+00:00",
        "duplicate": True,
        "delivery_count": None,
    }


async def test_a_refusal_is_one_sentence_with_its_reason_and_fields_and_exit_code_1() -> None:
    violation = errors.Violation("event.labels", "11 pairs; at most 10 are allowed")
    refusal = errors.InvalidRequest("FIELD_INVALID", "The event breaks a rule.", violations=[violation])
    async with scripted.serving(publish=Publish(refusal)) as address:
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "publish", "a.b", "{}")
    assert (code, out) == (1, "")
    assert err == ("Error: The event breaks a rule. (FIELD_INVALID)\n  event.labels: 11 pairs; at most 10 are allowed\n")


async def test_a_sentence_that_names_its_field_is_not_said_twice() -> None:
    refusal = errors.InvalidRequest.of("event.event_type", "is empty")
    async with scripted.serving(publish=Publish(refusal)) as address:
        _, _, err = await hook0ctl.run(*hook0ctl.place(address), "publish", "a.b", "{}")
    assert err == "Error: event.event_type: is empty (FIELD_INVALID)\n"


async def test_ndjson_publishes_each_line_and_tells_the_refused_ones_by_number() -> None:
    lines = [json.dumps({"event_type": "a.b", "payload": {"n": n}}) for n in range(1, 11)]
    lines[1:1] = ["", "{broken", '{"event_type": "a.b"}', '{"event_type": "a.b", "payload": 1, "lables": {}}']
    pathlib.Path("events.ndjson").write_text("\n".join(lines))
    async with scripted.serving(stream=refuse_every_third) as address:
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "publish", "--ndjson", "events.ndjson")
    assert code == 1
    assert out == "5 published, 2 duplicates, 6 refused\n"
    told = sorted(err.splitlines(), key=lambda line: int(line.split(":")[0].removeprefix("line ")))
    assert [line.split(":")[0] for line in told] == ["line 3", "line 4", "line 5", "line 7", "line 10", "line 13"]
    assert told[1] == "line 4: payload is missing (LINE_INVALID)"
    assert "'lables'" in told[2]
    assert told[3] == "line 7: event_type: No such type. (EVENT_TYPE_NOT_FOUND)"


async def test_ndjson_from_a_pipe_with_nothing_refused_exits_0() -> None:
    received = []

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
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
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "publish", "--ndjson", "-", "--json", stdin=piped)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"published": 2, "duplicates": 0, "refused": 0, "unanswered": 0}
    first, second = received
    assert (first.payload_text, first.payload_content_type, first.event_id) == ("as it is", "text/plain", line["event_id"])
    assert (dict(first.labels), dict(first.metadata)) == ({"l": "1"}, {"m": "2"})
    assert first.occurred_at.ToJsonString() == "2026-11-23T08:00:00Z"
    assert second.payload_text == "[1,2]"


async def test_lines_of_a_slow_pipe_are_published_while_it_is_open() -> None:
    arrived = asyncio.Event()

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        async for message in requests:
            arrived.set()
            yield scripted.accepted(message)

    async with (
        scripted.serving(stream=stream) as address,
        hook0ctl.started(*hook0ctl.place(address), "publish", "--ndjson", "-") as process,
        asyncio.timeout(10),
    ):
        process.stdin.write(b'{"event_type": "a.b", "payload": {}}\n')  # type: ignore[union-attr]
        await arrived.wait()


async def test_a_token_that_is_refused_ends_a_bulk_publish_once_and_counts_what_was_left() -> None:
    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any, None]:
        await status.abort(context, errors.Unauthenticated("CREDENTIALS_INVALID", "Send the secret."))
        yield

    pathlib.Path("events.ndjson").write_text('{"event_type": "a.b", "payload": {}}\n' * 3)
    async with scripted.serving(stream=stream) as address:
        code, out, err = await hook0ctl.run(*hook0ctl.place(address), "publish", "--ndjson", "events.ndjson")
    assert code == 1
    assert out == "0 published, 0 duplicates, 0 refused, 3 not answered\n"
    assert err == "Error: Send the secret. (CREDENTIALS_INVALID)\n"


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
def test_a_line_that_is_no_event_says_why(line: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cli_bulk.read_line(line)
