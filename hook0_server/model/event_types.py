"""Names of event types and the patterns that subscriptions put in their place.

A name has 2 to 5 segments joined by dots. A pattern is a name in which `*` may stand for any one segment and a final
`**` for all that follow, one at least; `**` alone means every type. Types whose first segment is `hook0` are reserved:
the server alone makes them, and only patterns that say `hook0` themselves match them.

Matching is turned around: the patterns that match a type are few (63 at most), so they are computed once when the type
is created and an event finds its subscriptions by equality, however many patterns there are.
"""

import itertools
import re

FEWEST_SEGMENTS, MOST_SEGMENTS = 2, 5
RESERVED = "hook0"
ANY_SEGMENT, ANY_REST = "*", "**"

_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,50}")
_FORM = f"{FEWEST_SEGMENTS} to {MOST_SEGMENTS} segments of 1 to 50 characters A-Z a-z 0-9 _ - joined by dots"


def is_name(text: str) -> bool:
    """Whether this can name an event type, a reserved one included."""
    segments = text.split(".")
    return FEWEST_SEGMENTS <= len(segments) <= MOST_SEGMENTS and all(map(_SEGMENT.fullmatch, segments))


def name_error(text: str) -> str | None:
    """What keeps this from being the name of an event type that a caller may create; None when nothing does."""
    if not is_name(text):
        return f"is not {_FORM}, e.g. user.account.created"
    return f"begins with the reserved segment {RESERVED}" if is_reserved(text) else None


def is_reserved(text: str) -> bool:
    """Whether only the server itself makes and publishes this type."""
    return text.split(".", 1)[0] == RESERVED


def has_wildcard(pattern: str) -> bool:
    return ANY_SEGMENT in pattern


def pattern_error(pattern: str) -> str | None:
    """What keeps this from being a pattern (what could never match anything is none); None when nothing does."""
    if pattern == ANY_REST:
        return None
    *leading, last = segments = pattern.split(".")
    if ANY_REST in leading:
        return "has ** before its end; only the last segment may be **"
    is_formed = all(map(_is_one, leading)) and (last == ANY_REST or _is_one(last))
    if not (is_formed and FEWEST_SEGMENTS <= len(segments) <= MOST_SEGMENTS):
        return f"is not {_FORM}, where * may stand for one segment and a final ** for the rest"
    return None


def candidates(event_type: str) -> list[str]:
    """Every pattern that matches this type: 15 for 3 segments, 63 for 5 (2^n full ones and 2^n - 1 with `**`)."""
    segments = event_type.split(".")
    choices: list[tuple[str, ...]] = [(segment, ANY_SEGMENT) for segment in segments]
    shortest = 0
    if is_reserved(event_type):
        choices[0], shortest = (RESERVED,), 1
    full = [".".join(chosen) for chosen in itertools.product(*choices)]
    open_ended = [
        ".".join((*chosen, ANY_REST))
        for kept in range(shortest, len(segments))
        for chosen in itertools.product(*choices[:kept])
    ]
    return full + open_ended


def matches(pattern: str, event_type: str) -> bool:
    """Whether a well-formed pattern matches a well-formed type: the rule as people read it."""
    wanted, segments = pattern.split("."), event_type.split(".")
    if segments[0] == RESERVED and wanted[0] != RESERVED:
        return False
    if wanted[-1] == ANY_REST:
        wanted.pop()
        if len(segments) <= len(wanted):
            return False
        segments = segments[: len(wanted)]
    return len(wanted) == len(segments) and all(map(_stands_for, wanted, segments))


def _is_one(segment: str) -> bool:
    return segment == ANY_SEGMENT or _SEGMENT.fullmatch(segment) is not None


def _stands_for(wanted: str, segment: str) -> bool:
    return wanted in (ANY_SEGMENT, segment)
