"""Cursors: whole or refused."""

import base64
import contextlib
import dataclasses
import uuid
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from hook0_server.model import cursors, errors

APPLICATION = uuid.UUID("018f3c5e-7a2b-7c11-8d4e-0123456789ab")
CURSOR = cursors.Cursor(APPLICATION, uuid.uuid4(), 123456, uuid.uuid4(), datetime(2026, 7, 1, 12, 0, 0, 123456, UTC))

times = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(
    xid=st.integers(0, 2**63 - 1),
    attempt_id=st.uuids(),
    recorded_at=times,
    not_before=st.none() | times,
    epoch=st.uuids(),
)
def test_a_cursor_comes_back_as_it_went(
    xid: int, attempt_id: uuid.UUID, recorded_at: datetime, not_before: datetime | None, epoch: uuid.UUID
) -> None:
    cursor = cursors.Cursor(APPLICATION, epoch, xid, attempt_id, recorded_at, not_before)
    assert cursors.decode(cursors.encode(cursor), APPLICATION) == cursor


def test_it_is_text_that_fits_a_url_and_a_header() -> None:
    text = cursors.encode(CURSOR)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert text.isascii()
    assert len(text) < 110


@given(st.text())
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        cursors.decode(text, APPLICATION)
    assert refused.value.reason == "CURSOR_INVALID"
    assert refused.value.violations[0].field == "cursor"


@given(at=st.integers(0, 200), other=st.sampled_from("Aa0_-b"))
def test_a_changed_character_is_noticed(at: int, other: str) -> None:
    text = cursors.encode(CURSOR)
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        with contextlib.suppress(errors.InvalidRequest):
            assert cursors.decode(changed, APPLICATION) == CURSOR  # only bits that carry nothing


@pytest.mark.parametrize("cut", [1, 4, 50])
def test_a_cut_cursor_is_noticed(cut: int) -> None:
    with pytest.raises(errors.InvalidRequest):
        cursors.decode(cursors.encode(CURSOR)[:-cut], APPLICATION)


def test_the_cursor_of_another_application_is_refused_and_says_so() -> None:
    with pytest.raises(errors.InvalidRequest, match="another application") as refused:
        cursors.decode(cursors.encode(CURSOR), uuid.uuid4())
    assert refused.value.reason == "CURSOR_INVALID"


def test_a_later_version_and_impossible_numbers_are_refused() -> None:
    def forged(**changes: object) -> str:
        return cursors.encode(dataclasses.replace(CURSOR, **changes))  # type: ignore[arg-type]

    with pytest.raises(errors.InvalidRequest):
        cursors.decode(forged(xid=2**63), APPLICATION)
    raw = base64.urlsafe_b64decode(cursors.encode(CURSOR) + "=")
    fields = bytes([2]) + raw[1:-4]
    with pytest.raises(errors.InvalidRequest):
        cursors.decode(_signed(fields), APPLICATION)
    with pytest.raises(errors.InvalidRequest):
        cursors.decode(_signed(raw[:-20] + b"\x7f" * 8 + raw[-12:-4]), APPLICATION)


def test_positions_are_ordered_as_the_database_orders_them() -> None:
    low, high = uuid.UUID(int=1), uuid.UUID(int=2**127)
    assert (7, high) < (8, low)
    assert (7, low) < (7, high)
    assert low > cursors.BEGINNING
    assert CURSOR.position == (CURSOR.xid, CURSOR.attempt_id)


def _signed(fields: bytes) -> str:
    raw = fields + cursors._CHECKSUM.pack(zlib.crc32(fields))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
