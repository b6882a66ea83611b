"""Where an event is kept, by its id and the hour."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from hook0_server.ingest import identity
from hook0_server.model import ids

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOW = NOON.timestamp()
TODAY = date(2026, 3, 10)


def id7(hours_old: float) -> uuid.UUID:
    return ids.uuid7(NOW - hours_old * 3600, 1)


@pytest.mark.parametrize(
    ("hours_old", "place"),
    [
        (0, identity.Place(TODAY, False, None)),
        (13, identity.Place(date(2026, 3, 9), False, None)),
        (-13, identity.Place(date(2026, 3, 11), False, None)),
        (23.99, identity.Place(date(2026, 3, 9), False, None)),
        (24.01, identity.Place(date(2026, 3, 9), True, None)),
        (25.99, identity.Place(date(2026, 3, 9), True, None)),
        (26.01, identity.Place(TODAY, True, date(2026, 3, 9))),
        (24 * 400, identity.Place(TODAY, True, date(2025, 2, 3))),
    ],
)
def test_a_version_7_is_kept_on_its_own_day_while_it_is_young_and_keyed_when_it_is_not(
    hours_old: float, place: identity.Place
) -> None:
    assert identity.place(id7(hours_old), NOW) == place


@pytest.mark.parametrize("version", [1, 3, 4, 5, 6, 8])
def test_every_other_id_is_keyed_and_kept_today(version: int) -> None:
    other = uuid.UUID(int=uuid.UUID("018f3c5e-7a2b-0c11-8d4e-0123456789ab").int, version=4 if version > 5 else version)
    assert identity.place(other, NOW) == identity.Place(TODAY, True, None)


def test_two_servers_whose_clocks_differ_by_an_hour_meet_at_one_of_the_two_keys() -> None:
    """Around both limits: each pair of places shares the day, and the key or the absence of one is bridged by it."""
    for minutes in range(22 * 60, 28 * 60, 7):
        event_id = id7(minutes / 60)
        here, there = identity.place(event_id, NOW), identity.place(event_id, NOW + 3600)
        assert here
        assert there
        same_row = here.day == there.day
        same_key = here.keyed and there.keyed
        assert same_row or same_key or there.own_day == here.day, minutes


@pytest.mark.parametrize(("hours_ahead", "too_far"), [(0, False), (23.99, False), (24, False), (24.01, True), (1e6, True)])
def test_only_a_version_7_of_more_than_a_day_ahead_is_too_far_ahead(hours_ahead: float, too_far: bool) -> None:
    assert (identity.place(id7(-hours_ahead), NOW) is None) is too_far


def test_days_are_right_across_many_days_although_few_are_remembered() -> None:
    for days in range(40):
        now = NOW + days * 86_400
        place = identity.place(ids.uuid7(now, 5), now)
        assert place
        assert place.day == TODAY + timedelta(days=days)
