"""One structured line per unit of work, on standard error: JSON for machines, aligned words for people.

Warnings that repeat are damped: during an outage every call and every stage has the same to say, again and again.
Local variables are never shown with a stack: they may hold secrets.
"""

import logging
import sys
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TextIO

import orjson
import structlog

_ALIKE = 5  # warnings of one kind in `_ALIKE_SECONDS`; errors are never left out: each has a stack or an id of its own
_ALIKE_SECONDS = 60.0


class Damper:
    """Lets a few warnings of each kind through; the first one of the next minute says how many were left out.

    A processor of structlog, and a filter for lines of libraries.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[Hashable, tuple[float, int]] = {}  # since when, and how many since

    def __call__(self, _: Any, level: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if level == "warning":
            left_out = self._left_out((line.get("event"), line.get("method"), line.get("round"), line.get("reason")))
            if left_out is None:
                raise structlog.DropEvent
            if left_out:
                line["left_out"] = left_out
        return line

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a library's line is shown."""
        return record.levelno != logging.WARNING or self._left_out((record.name, record.msg)) is not None

    def _left_out(self, kind: Hashable) -> int | None:
        """How many of this kind were not shown before this one; None: it is not shown either."""
        now = self._clock()
        since, count = self._kinds.get(kind, (float("-inf"), 0))
        if now - since >= _ALIKE_SECONDS:
            self._kinds[kind] = now, 1
            return max(0, count - _ALIKE)
        self._kinds[kind] = since, count + 1
        return 0 if count < _ALIKE else None


_SHARED: tuple[Any, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
)


def configure(level: str, form: str | None, stream: TextIO | None = None, *, process: str = "") -> None:
    """From now on log `level` and above as `form`: "json", "console", or None for console on a terminal and else JSON.

    `process` is named in every line, where there are several.

    Lines of libraries that use the standard library's logging come out the same way, from warning on (all at debug).
    """
    stream = stream or sys.stderr
    console = form == "console" or (form is None and stream.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    last = _for_people(stream) if console else _for_machines()
    first = [*_SHARED, *_naming(process)]
    structlog.configure(
        processors=[damper := Damper(), *first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _take_standard_logging(stream, least if least == logging.DEBUG else max(least, logging.WARNING), first, last, damper)


def _naming(process: str) -> Sequence[Any]:
    def name(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
        return {**line, "process": process}

    return [name] if process else []


def _for_machines() -> Sequence[Any]:
    return (
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_json),
    )


def _for_people(stream: TextIO) -> Sequence[Any]:
    return (structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),)


def _json(line: Any, **_: Any) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _take_standard_logging(stream: TextIO, least: int, first: Sequence[Any], last: Sequence[Any], damper: Damper) -> None:
    handler = logging.StreamHandler(stream)
    handler.addFilter(damper.filter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
