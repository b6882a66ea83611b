"""Whether an attempt is one that a watcher asked for: the same rule as the filter in store/feed.sql."""

import re
from collections.abc import Callable
from datetime import datetime

from hook0_server.store import attempts, feed

Matcher = Callable[[attempts.Attempt], bool]


def matcher(wanted: attempts.Filter) -> Matcher:
    """A test of one attempt, prepared once for a whole watch."""
    tests: list[Matcher] = []
    for name, values in (
        ("subscription_id", wanted.subscription_ids),
        ("event_id", wanted.event_ids),
        ("delivery_id", wanted.delivery_ids),
        ("outcome", wanted.outcomes),
    ):
        if values:
            tests.append(_is_one_of(name, frozenset(values)))
    if wanted.event_types:
        expression = re.compile(feed.types_expression(wanted.event_types))
        tests.append(lambda attempt: expression.search(attempt.event_type) is not None)
    if wanted.only_final:
        tests.append(lambda attempt: attempt.final)
    if wanted.finished_after or wanted.finished_before:
        tests.append(_is_finished_between(wanted.finished_after, wanted.finished_before))
    return lambda attempt: all(test(attempt) for test in tests)


def _is_one_of(name: str, values: frozenset[object]) -> Matcher:
    return lambda attempt: getattr(attempt, name) in values


def _is_finished_between(first: datetime | None, end: datetime | None) -> Matcher:
    return lambda attempt: (first is None or attempt.finished_at >= first) and (end is None or attempt.finished_at < end)
