"""Pages of what people manage: one list of one parent, in the order of one text that each entry has.

A list is asked for one entry more than its page holds, so that the last page knows that it is the last.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

from hook0_server.model import ids, page_tokens

Entry = TypeVar("Entry")


def position(token: str, kind: str, parent_id: uuid.UUID) -> str:
    """Where the page before ended; '' for the first page. Raises InvalidRequest / PAGE_TOKEN_INVALID."""
    if not token:
        return ""
    parts = page_tokens.decode(token, kind, page_tokens.digest(parent_id.bytes))
    if len(parts) != 1 or not parts[0] or "\0" in parts[0]:
        raise page_tokens.refused()
    return parts[0]


def identity(token: str, kind: str, parent_id: uuid.UUID) -> uuid.UUID | None:
    """`position` of a list in the order of ids; None for the first page."""
    text = position(token, kind, parent_id)
    parsed = ids.parse(text)
    if text and parsed is None:
        raise page_tokens.refused()
    return parsed


def cut(
    found: Sequence[Entry], size: int, kind: str, parent_id: uuid.UUID, place: Callable[[Entry], object]
) -> tuple[Sequence[Entry], str]:
    """The page (`size` entries of up to `size + 1`) and the token of the next one, '' at the end."""
    shown = found[:size]
    if len(found) <= size:
        return shown, ""
    return shown, page_tokens.encode(kind, page_tokens.digest(parent_id.bytes), (str(place(shown[-1])),))
