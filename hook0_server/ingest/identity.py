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


def place(event_id: uuid.UUID, now: float) -> Place | None:
    """Where the event of this id is kept; `now` in Unix seconds. None: a partition so far ahead would not be there."""
    if not ids.is_version_7(event_id):
        return Place(datetime.fromtimestamp(now, UTC).date(), True, None)
    made_at = ids.unix_seconds(event_id)
    age = now - made_at
    if -DAY_SECONDS <= age < DAY_SECONDS:
        number = made_at // DAY_SECONDS
        return _own_places.get(number) or _own_place(number)
    if age < 0:
        return None
    own_day = ids.day_of(event_id)
    if age < DAY_SECONDS + _OVERLAP_SECONDS:
        return Place(own_day, True, None)
    return Place(datetime.fromtimestamp(now, UTC).date(), True, own_day)


_own_places: dict[float, Place] = {}


def _own_place(number: float) -> Place:
    """On its own UTC day, the one of this number since 1970; a handful of them come again and again."""
    if len(_own_places) > 16:
        _own_places.clear()
    place = _own_places[number] = Place(date.fromordinal(date(1970, 1, 1).toordinal() + int(number)), False, None)
    return place
