import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hook0_server import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def fail_with(hidden: str) -> None:
    raise RuntimeError(f"broken, {len(hidden)} characters")


def test_a_line_is_one_json_object_with_its_fields() -> None:
    stream = io.StringIO()
    logs.configure("info", None, stream)
    structlog.get_logger().info("event.published", application_id="a", ms=1.5, odd={1: object})
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["application_id"], said["ms"]) == ("event.published", "info", "a", 1.5)
    assert said["at"].endswith("Z")


def test_every_line_names_its_process_where_there_are_several() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream, process="1")
    structlog.get_logger().info("event.published")
    logging.getLogger("aiohttp.server").warning("broken")
    assert [json.loads(line)["process"] for line in stream.getvalue().splitlines()] == ["1", "1"]


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", "json", stream)
    log = structlog.get_logger()
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_stack_is_shown_without_the_values_of_variables(form: str) -> None:
    stream = io.StringIO()
    logs.configure("info", form, stream)
    try:
        fail_with("very-" * 2)
    except RuntimeError as failure:
        structlog.get_logger().error("rpc.finished", exc_info=failure)
    assert "fail_with" in stream.getvalue()
    assert "very-very-" not in stream.getvalue()


def test_a_terminal_gets_words_and_anything_else_json() -> None:
    stream = Terminal()
    logs.configure("info", None, stream)
    structlog.get_logger().info("server.ready")
    assert "server.ready" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_libraries_that_log_their_own_way_come_out_the_same_way_from_warning_on() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("aiohttp.server").info("chatter")
    logging.getLogger("aiohttp.server").warning("broken %s", "pipe")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["logger"]) == ("broken pipe", "warning", "aiohttp.server")


def test_warnings_of_one_kind_are_damped_and_counted_and_errors_never() -> None:
    now = [0.0]
    damper = logs.Damper(lambda: now[0])

    def shown(level: str, **line: str) -> object:
        try:
            return damper(None, level, {"event": "rpc.finished", **line}).get("left_out", 0)
        except structlog.DropEvent:
            return None

    assert [shown("warning", method="a") for _ in range(8)] == [0, 0, 0, 0, 0, None, None, None]
    assert shown("warning", method="b") == 0
    assert [shown("error") for _ in range(8)] == [shown("info") for _ in range(8)] == [0] * 8
    now[0] = 60.0
    assert [shown("warning", method="a") for _ in range(6)] == [3, 0, 0, 0, 0, None]


def test_warnings_of_libraries_are_damped_by_what_is_the_same_in_them() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    for attempt in range(9):
        logging.getLogger("psycopg.pool").warning("error connecting: attempt %d", attempt)
        logging.getLogger("psycopg.pool").error("given up: %d", attempt)
    assert (stream.getvalue().count("connecting"), stream.getvalue().count("given up")) == (5, 9)
