"""StatsService: what happened, in numbers."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from hook0_client._gen.hook0.v1 import stats_service_pb2 as pb2
from hook0_server.api import parents, pipeline, registry, rules
from hook0_server.model import errors
from hook0_server.store import database, usage

MOST_DAYS = 366
DEFAULT_DAYS = 30
MOST_FIGURES = 20_000  # about 1.2 MB


class Stats:
    def __init__(self, db: database.Database, now: Callable[[], float]) -> None:
        self._db, self._now = db, now

    async def events_per_day(self, call: pipeline.Call, request: pb2.GetEventsPerDayRequest) -> pb2.GetEventsPerDayResponse:
        first, last = _range(request, datetime.fromtimestamp(self._now(), UTC).date())
        owner, owner_id = _owner(call, request)
        found = await usage.days(self._db, owner, owner_id, first, last, most=MOST_FIGURES + 1)
        if len(found) > MOST_FIGURES:
            raise errors.InvalidRequest.of("from", f"and to: there are more than {MOST_FIGURES} figures; ask for fewer days")
        days = [
            pb2.EventsOfDay(application_id=str(each.application_id), date=each.day.isoformat(), events=each.events)
            for each in found
        ]
        return pb2.GetEventsPerDayResponse(days=days)


def _owner(call: pipeline.Call, request: pb2.GetEventsPerDayRequest) -> tuple[usage.Owner, uuid.UUID]:
    if request.application_id:
        return usage.Owner.APPLICATION, parents.application(call)
    return usage.Owner.ORGANIZATION, parents.organization(call)


def _scope(request: pb2.GetEventsPerDayRequest) -> registry.Scope:
    return registry.Scope.APPLICATION if request.application_id else registry.Scope.ORGANIZATION


def _range(request: pb2.GetEventsPerDayRequest, today: date) -> tuple[date, date]:
    """From the first to the last day. Raises InvalidRequest / FIELD_INVALID."""
    breaches = rules.Breaches()
    last = _date("to", request.to, breaches) if request.to else today
    first = _date("from", _from(request), breaches) if _from(request) else None
    breaches.refuse()
    if first is None:  # not before the calendar begins
        first = date.fromordinal(max(1, last.toordinal() - DEFAULT_DAYS + 1))
    if first > last:
        raise errors.InvalidRequest.of("from", f"is {first}, after the last day, {last}")
    if last - first >= timedelta(days=MOST_DAYS):
        raise errors.InvalidRequest.of("from", f"is {first}, more than {MOST_DAYS} days up to {last}")
    return first, last


def _from(request: pb2.GetEventsPerDayRequest) -> str:
    """`from` is a word of Python."""
    return str(getattr(request, "from"))


def _date(field: str, text: str, breaches: rules.Breaches) -> date:
    try:
        if len(text) == len("2026-01-31"):  # fromisoformat reads 20260131 and 2026-W05-6, too
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        pass
    breaches.add(field, f"{errors.excerpt(text)} is not a day such as 2026-01-31")
    return date.min


def _rules(request: pb2.GetEventsPerDayRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("organization_id", request.organization_id, optional=True)
    if request.application_id and request.organization_id:
        breaches.add("organization_id", "is given together with application_id; give one of them")


def operations(db: database.Database, now: Callable[[], float]) -> list[registry.Operation]:
    """StatsService as far as it exists; `now`: the database's time in Unix seconds."""
    handlers = Stats(db, now)
    return [
        registry.Operation(
            "StatsService", "GetEventsPerDay", pb2.GetEventsPerDayRequest, pb2.GetEventsPerDayResponse, registry.Kind.UNARY,
            "events_per_day:application", handlers.events_per_day, scope_of=_scope, rules=_rules,
            organization_action="events_per_day:organization",
        ),
    ]  # fmt: skip
