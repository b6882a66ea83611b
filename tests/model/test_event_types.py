import re

import pytest
from hypothesis import given, strategies as st

from hook0_server.model import event_types

# A small alphabet, so that patterns and types meet often.
SEGMENT = st.sampled_from(["a", "b", "hook0", "A-1_"])
NAMES = st.lists(SEGMENT, min_size=2, max_size=5).map(".".join)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    segments = draw(st.lists(st.one_of(SEGMENT, st.just("*")), min_size=0, max_size=5))
    if len(segments) < 2 or draw(st.booleans()):
        segments = [*segments[:4], "**"]
    return ".".join(segments)


@given(patterns(), NAMES)
def test_a_type_has_a_pattern_as_candidate_exactly_when_the_pattern_matches_it(pattern: str, name: str) -> None:
    assert event_types.pattern_error(pattern) is None
    assert (pattern in event_types.candidates(name)) is event_types.matches(pattern, name)


def as_regex(pattern: str) -> re.Pattern[str]:
    """The rule in another language: `*` is one segment, a final `**` one or more, and neither is the reserved first one."""
    if pattern == "**":
        return re.compile(r"(?!hook0(\.|$))[^.]+(\.[^.]+)*")
    first, *rest = pattern.split(".")
    written = r"(?!hook0(\.|$))[^.]+" if first == "*" else re.escape(first)
    for segment in rest:
        written += r"\." + {"*": r"[^.]+", "**": r"[^.]+(\.[^.]+)*"}.get(segment, re.escape(segment))
    return re.compile(written)


@given(patterns(), NAMES)
def test_patterns_match_what_a_naive_reading_of_them_matches(pattern: str, name: str) -> None:
    naive = as_regex(pattern).fullmatch(name) is not None
    assert event_types.matches(pattern, name) is naive
    assert (pattern in event_types.candidates(name)) is naive


@given(NAMES)
def test_every_candidate_is_a_pattern_that_matches_and_none_is_there_twice(name: str) -> None:
    found = event_types.candidates(name)
    assert len(found) == len(set(found))
    assert found[0] == name
    for pattern in found:
        assert event_types.pattern_error(pattern) is None
        assert event_types.matches(pattern, name)


@pytest.mark.parametrize(("name", "count"), [("a.b", 7), ("a.b.c", 15), ("a.b.c.d", 31), ("a.b.c.d.e", 63)])
def test_a_type_of_n_segments_has_two_to_the_n_plus_one_minus_one_candidates(name: str, count: int) -> None:
    assert len(event_types.candidates(name)) == count


def test_the_candidates_of_a_short_type_are_these() -> None:
    assert event_types.candidates("a.b") == ["a.b", "a.*", "*.b", "*.*", "**", "a.**", "*.**"]


def test_only_patterns_that_say_hook0_match_reserved_types() -> None:
    assert event_types.candidates("hook0.x") == ["hook0.x", "hook0.*", "hook0.**"]
    assert not event_types.matches("**", "hook0.x")
    assert not event_types.matches("*.x", "hook0.x")
    assert event_types.matches("hook0.**", "hook0.x.y")
    assert event_types.matches("**", "hook0s.x")


def test_a_final_double_star_stands_for_one_segment_at_least() -> None:
    assert event_types.matches("a.b.**", "a.b.c.d")
    assert not event_types.matches("a.b.**", "a.b")


@pytest.mark.parametrize("name", ["a.b", "user.account.created", "A-1._.0.z.Z", "hook0.x", f"{'a' * 50}.b"])
def test_a_dotted_name_of_two_to_five_segments_is_a_name(name: str) -> None:
    assert event_types.is_name(name)


BROKEN = ["", "a", "a.", ".a", "a..b", "a.b.c.d.e.f", "a.b c", "a.é", "a.b\n", "a.b\0", f"{'a' * 51}.b", "a.٣"]


@pytest.mark.parametrize("name", [*BROKEN, "a.*", "**"])
def test_anything_else_is_no_name(name: str) -> None:
    assert not event_types.is_name(name)
    assert event_types.name_error(name) is not None


@pytest.mark.parametrize("pattern", [*BROKEN, "*", "a.**.b", "**.b", "a.b*", "a.***", "a.b.c.d.e.**", "**.**", "hook0"])
def test_a_pattern_that_is_malformed_or_could_match_nothing_is_refused(pattern: str) -> None:
    assert event_types.pattern_error(pattern) is not None


def test_reserved_names_are_refused_to_callers_and_only_those() -> None:
    assert event_types.name_error("hook0.x") is not None
    assert event_types.name_error("hook0s.x") is None
    assert event_types.name_error("x.hook0") is None
