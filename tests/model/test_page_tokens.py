"""Page tokens: what went in comes out, and nothing else is taken."""

import base64

import pytest
from hypothesis import given, strategies as st

from hook0_server.model import errors, page_tokens

FILTER = page_tokens.digest(b"application", b"filter")
POSITION = ("2026-01-02T03:04:05.000006+00:00", "018f3c5e-7a2b-7c11-8d4e-0123456789ab")


def refuses(token: str, kind: str = "events", about: bytes = FILTER) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        page_tokens.decode(token, kind, about)
    assert refusal.value.reason == "PAGE_TOKEN_INVALID"
    assert [violation.field for violation in refusal.value.violations] == ["page_token"]


@given(st.lists(st.text(max_size=60), max_size=5).map(tuple))
def test_a_position_comes_back_as_it_was(position: tuple[str, ...]) -> None:
    token = page_tokens.encode("events", FILTER, position)
    assert page_tokens.decode(token, "events", FILTER) == position
    assert token.isascii()
    assert not set(token) & set("+/=")


def test_a_token_of_another_list_is_refused() -> None:
    refuses(page_tokens.encode("attempts", FILTER, POSITION))


def test_a_token_of_another_filter_is_refused() -> None:
    refuses(page_tokens.encode("events", page_tokens.digest(b"application", b"other"), POSITION))


def test_parts_of_a_filter_cannot_run_into_each_other() -> None:
    assert page_tokens.digest(b"ab", b"c") != page_tokens.digest(b"a", b"bc")


@given(st.data())
def test_a_damaged_token_is_refused(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(page_tokens.encode("events", FILTER, POSITION) + "=="))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    refuses(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@given(st.text(max_size=300))
def test_garbage_is_refused(token: str) -> None:
    refuses(token)


def test_an_endless_token_is_refused() -> None:
    refuses(page_tokens.encode("events", FILTER, ("x" * 5000,)))


@pytest.mark.parametrize("body", [b"nothing", b"{}", b"[1]", b"\xff", b'"text"'])
def test_a_forged_position_of_another_form_is_refused(body: bytes) -> None:
    checksum = page_tokens._checksum("events", FILTER, body)
    refuses(base64.urlsafe_b64encode(b"\x01" + checksum + body).rstrip(b"=").decode())
