"""Where an event is kept, by its id.

A UUIDv7 within 24 hours of now carries its own day, so the primary key finds a duplicate. Any other id is keyed: a row in
event_keys says who was first and on which day. For two hours past the limit an id is keyed and kept on its own day, so that
two servers whose clocks differ a little still meet at one of the two keys.
"""

import uuid
from datetime import UTC, date, datetime
from typing import NamedTuple

from hook0_server.model import ids

DAY_SECONDS = 86_400.0
_OVERLAP_SECONDS = 2 * 3600.0


class Place(NamedTuple):
    day: date
    keyed: bool
    own_day: date | None  # the day inside an older UUIDv7, which is probed as well


def is_too_far_ahead(event_id: uuid.UUID, now: float) -> bool:
    """A UUIDv7 of more than 24 h ahead would need a partition that is not there."""
    return ids.is_version_7(event_id) and ids.unix_seconds(event_id) > now + DAY_SECONDS


def place(event_id: uuid.UUID, now: float) -> Place:
    """Where the event of this id is kept; `now` in Unix seconds."""
    if not ids.is_version_7(event_id):
        return Place(datetime.fromtimestamp(now, UTC).date(), True, None)
    age = now - ids.unix_seconds(event_id)
    if age < DAY_SECONDS:
        return _own_place(event_id.int >> 80)
    own_day = ids.day_of(event_id)
    if age < DAY_SECONDS + _OVERLAP_SECONDS:
        return Place(own_day, True, None)
    return Place(datetime.fromtimestamp(now, UTC).date(), True, own_day)


_own_places: dict[int, Place] = {}


def _own_place(milliseconds: int) -> Place:
    """On its own UTC day; a handful of days come again and again."""
    number = milliseconds // 86_400_000
    place = _own_places.get(number)
    if place is None:
        if len(_own_places) > 16:
            _own_places.clear()
        day = date.fromordinal(date(1970, 1, 1).toordinal() + number)
        place = _own_places[number] = Place(day, False, None)
    return place
