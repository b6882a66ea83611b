"""The tables of docs/ say what the code does."""

import re

import readme

from hook0_client import v1
from hook0_server import settings
from hook0_server.delivery import request
from hook0_server.ingest import queue
from hook0_server.model import outcome, retry

DOCS = readme.ROOT / "docs"


def test_the_settings_are_the_servers() -> None:
    rows = [
        f"| `{each.variable}` | {f'`{each.default}`' if each.default is not None else ''} | {each.meaning} | {each.allowed} |"
        for each in settings.TABLE
    ]
    table = "\n".join(["| variable | default | meaning | allowed |", "|---|---|---|---|", *rows])
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]
    assert shown == table, f"docs/operating.md needs this table:\n{table}"


def test_the_outcomes_are_those_of_the_server_and_of_the_wire() -> None:
    shown = readme.first_cells("delivery.md", "## Outcomes")
    assert shown == [each.name for each in outcome.Outcome]
    assert [f"OUTCOME_{name}" for name in shown] == [each.name for each in v1.Outcome.DESCRIPTOR.values[1:]]


def test_the_headers_are_those_of_a_request() -> None:
    template = request.Template.prepare("POST", "http://user:password@example.com/", {}, "secret")
    built = template.build(
        event_id="id", event_type="a.b", content_type="text/plain", payload=b"", timestamp=1, delivery_id="d", attempt_number=1
    )
    sent = {line.split(":")[0] for line in built.head.decode().split("\r\n")[1:] if line}
    assert set(readme.first_cells("delivery.md", "## The request")) == sent - {"Host", "Content-Length", "Authorization"}


def test_the_retry_schedule_is_the_servers() -> None:
    text = (DOCS / "delivery.md").read_text(encoding="utf-8")
    units = {"s": 1.0, "min": 60.0, "h": 3600.0}
    told = re.search(r"after ((?:\d+ (?:s|min|h), )+)then\s+every (\d+ h); (\d+) retries", text)
    assert told
    delays = [float(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)", f"{told[1]}{told[2]}")]
    assert tuple(delays) == retry.HOOK0_SCHEDULE.delays
    assert int(told[3]) == retry.HOOK0_SCHEDULE.max_retries


def test_the_ingest_queue_is_as_large_as_told() -> None:
    text = (DOCS / "publishing.md").read_text(encoding="utf-8")
    assert f"({queue.QUEUE_EVENTS:,} events or {queue.QUEUE_BYTES // 1024**2} MiB)" in text


def test_every_reason_that_is_told_exists() -> None:
    reasons = {each.name.removeprefix("ERROR_REASON_") for each in v1.ErrorReason.DESCRIPTOR.values}
    outcomes = {each.name for each in outcome.Outcome}
    codes = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ALREADY_EXISTS", "FAILED_PRECONDITION", "INTERNAL"}
    codes |= {"INVALID_ARGUMENT", "OUT_OF_RANGE", "UNAUTHENTICATED"}
    states = {"WAITING", "IN_FLIGHT", "SUCCEEDED", "DEAD", "CANCELLED", "SERVING"}
    for page in DOCS.glob("*.md"):
        for word in re.findall(r"`([A-Z][A-Z_]{3,})`", page.read_text(encoding="utf-8")):
            known = word.startswith(("HOOK0_", "DATABASE_URL", "LISTEN")) or word in reasons | outcomes | codes | states
            assert known, f"{page.name}: {word}"
