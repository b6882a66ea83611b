"""Where an event looks for a subscription: under one text that both have, so that the others cost it nothing.

A subscription is kept under one of its labels, written `length of key:key=value` so that two labels never look alike
("a=b" with "c", "a" with "b=c"); an event looks under each of its own pairs, under `=type`, and under ''. Everything found
is tested in full afterwards, so a poor choice costs time and never a delivery.
"""

from collections.abc import Mapping, Sequence

from hook0_server.model import event_types as types

ANYWHERE = ""


def pair(key: str, value: str) -> str:
    """A label as it is looked under; subscriptions.sql and publish.sql write it the same way."""
    return f"{len(key)}:{key}={value}"


def label(event_types: Sequence[str], sharers: Mapping[str, int]) -> str:
    """The text to keep a subscription under.

    `sharers`: for each of its own labels as `pair` writes it, how many subscriptions carry it; the fewest win. Without
    labels: `=type` where one type without a wildcard is all it wants, else ''. A pair begins with
    a digit, so these never meet.
    """
    if sharers:
        return min(sharers, key=lambda pair: (sharers[pair], pair))
    if len(event_types) == 1 and not types.has_wildcard(event_types[0]):
        return f"={event_types[0]}"
    return ANYWHERE
