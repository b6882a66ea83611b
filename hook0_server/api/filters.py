"""The filters of lists and watches: their rules, and their form for the store."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from hook0_client._gen.hook0.v1 import attempt_pb2, audit_pb2, delivery_pb2, event_pb2, view_pb2
from hook0_server.api import rules
from hook0_server.model import errors, event_types, ids, limits
from hook0_server.store import attempts, audit_entries, deliveries_read, events

MOST_ENTRIES = 100
MOST_STATES = 5
MOST_OUTCOMES = 12


def judge_events(given: event_pb2.EventFilter, breaches: rules.Breaches) -> None:
    _judge_patterns(given.event_types, breaches)
    breaches.pairs("filter.labels", given.labels, limits.LABELS)
    judge_range(given, "received_after", "received_before", breaches)
    breaches.uuids("filter.event_ids", given.event_ids, MOST_ENTRIES)


def judge_deliveries(given: delivery_pb2.DeliveryFilter, breaches: rules.Breaches) -> None:
    _judge_numbers("filter.states", given.states, delivery_pb2.DeliveryState.values(), MOST_STATES, breaches)
    breaches.uuids("filter.subscription_ids", given.subscription_ids, MOST_ENTRIES)
    breaches.uuids("filter.event_ids", given.event_ids, MOST_ENTRIES)
    _judge_patterns(given.event_types, breaches)
    judge_range(given, "created_after", "created_before", breaches)


def judge_attempts(given: attempt_pb2.AttemptFilter, breaches: rules.Breaches) -> None:
    breaches.uuids("filter.subscription_ids", given.subscription_ids, MOST_ENTRIES)
    breaches.uuids("filter.event_ids", given.event_ids, MOST_ENTRIES)
    breaches.uuids("filter.delivery_ids", given.delivery_ids, MOST_ENTRIES)
    _judge_patterns(given.event_types, breaches)
    _judge_numbers("filter.outcomes", given.outcomes, attempt_pb2.Outcome.values(), MOST_OUTCOMES, breaches)
    judge_range(given, "finished_after", "finished_before", breaches)


def judge_view(view: int, breaches: rules.Breaches) -> None:
    if view not in view_pb2.View.values():
        breaches.add(
            "view", f"{view} is not a View; VIEW_BASIC ({view_pb2.VIEW_BASIC}) and VIEW_FULL ({view_pb2.VIEW_FULL}) are"
        )


def of_events(given: event_pb2.EventFilter) -> events.Filter:
    """To be called when the rules hold."""
    return events.Filter(
        event_types=tuple(given.event_types),
        labels=dict(given.labels),
        received_after=_time(given, "received_after"),
        received_before=_time(given, "received_before"),
        event_ids=_ids(given.event_ids),
    )


def of_deliveries(given: delivery_pb2.DeliveryFilter) -> deliveries_read.Filter:
    """To be called when the rules hold."""
    return deliveries_read.Filter(
        states=tuple(given.states),
        subscription_ids=_ids(given.subscription_ids),
        event_ids=_ids(given.event_ids),
        event_types=tuple(given.event_types),
        created_after=_time(given, "created_after"),
        created_before=_time(given, "created_before"),
    )


def of_attempts(given: attempt_pb2.AttemptFilter) -> attempts.Filter:
    """To be called when the rules hold."""
    return attempts.Filter(
        subscription_ids=_ids(given.subscription_ids),
        event_ids=_ids(given.event_ids),
        delivery_ids=_ids(given.delivery_ids),
        event_types=tuple(given.event_types),
        outcomes=tuple(given.outcomes),
        only_final=given.only_final,
        finished_after=_time(given, "finished_after"),
        finished_before=_time(given, "finished_before"),
    )


def of_audit_entries(given: audit_pb2.AuditFilter) -> audit_entries.Filter:
    """To be called when the rules hold. Ids are compared as they were written down."""
    return audit_entries.Filter(
        actors=_plain(given.actors),
        actions=tuple(given.actions),
        resource_ids=_plain(given.resource_ids),
        after=_time(given, "after"),
        before=_time(given, "before"),
    )


def _plain(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(ids.parse(text) or text) for text in texts)


def _judge_patterns(patterns: Sequence[str], breaches: rules.Breaches) -> None:
    if len(patterns) > MOST_ENTRIES:
        breaches.add("filter.event_types", f"has {len(patterns)} entries; at most {MOST_ENTRIES} are allowed")
        return
    for at, pattern in enumerate(patterns):
        if wrong := event_types.pattern_error(pattern):
            breaches.add(f"filter.event_types[{at}]", f"{errors.excerpt(pattern)} {wrong}", reason="PATTERN_INVALID")


def _judge_numbers(field: str, numbers: Sequence[int], known: Iterable[int], most: int, breaches: rules.Breaches) -> None:
    if len(numbers) > most:
        breaches.add(field, f"has {len(numbers)} entries; at most {most} are allowed")
        return
    allowed = {number for number in known if number != 0}
    for at, number in enumerate(numbers):
        if number not in allowed:
            breaches.add(f"{field}[{at}]", f"{number} is none; {min(allowed)} to {max(allowed)} are allowed, or their names")


def judge_range(given: Message, after: str, before: str, breaches: rules.Breaches) -> None:
    """Two times of which the second, where both are given, comes later."""
    times = [_judge_time(given, name, breaches) for name in (after, before)]
    if times[0] is not None and times[1] is not None and times[1] <= times[0]:
        breaches.add(f"filter.{before}", f"is not after {after}; nothing can be in between")


def _judge_time(given: Message, name: str, breaches: rules.Breaches) -> datetime | None:
    if not given.HasField(name):
        return None
    value: Timestamp = getattr(given, name)
    return breaches.timestamp(f"filter.{name}", value)


def _time(given: Message, name: str) -> datetime | None:
    if not given.HasField(name):
        return None
    value: Timestamp = getattr(given, name)
    return rules.seconds_to_datetime(value.seconds, value.nanos // 1000)


def _ids(texts: Iterable[str]) -> tuple[uuid.UUID, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(map(uuid.UUID, texts)))
