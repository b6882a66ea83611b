"""One structured line per unit of work, on standard error: JSON for machines, aligned words for people.

Local variables are never shown with a stack: they may hold secrets.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import orjson
import structlog

_SHARED: tuple[Any, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
)


def configure(level: str, form: str | None, stream: TextIO | None = None) -> None:
    """From now on log `level` and above as `form`: "json", "console", or None for console on a terminal and else JSON.

    Lines of libraries that use the standard library's logging come out the same way, from warning on (all at debug).
    """
    stream = stream or sys.stderr
    console = form == "console" or (form is None and stream.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    last = _for_people(stream) if console else _for_machines()
    structlog.configure(
        processors=[*_SHARED, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _take_standard_logging(stream, least if least == logging.DEBUG else max(least, logging.WARNING), last)


def _for_machines() -> Sequence[Any]:
    return (
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_json),
    )


def _for_people(stream: TextIO) -> Sequence[Any]:
    return (structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),)


def _json(line: Any, **_: Any) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _take_standard_logging(stream: TextIO, least: int, last: Sequence[Any]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
