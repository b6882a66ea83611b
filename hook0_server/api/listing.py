"""What the lists of events, deliveries and attempts share: tokens bound to application and filter, pages that fit an answer."""

import uuid
from collections.abc import Sequence

from google.protobuf.message import Message

from hook0_server.model import ids, page_tokens
from hook0_server.store import keyset


def digest(application_id: uuid.UUID, filter_given: Message) -> bytes:
    """What a page token is bound to. Deterministic: maps have no order on the wire."""
    return page_tokens.digest(application_id.bytes, filter_given.SerializeToString(deterministic=True))


def position(token: str, kind: str, about: bytes, parts: int) -> tuple[str, ...]:
    """The texts in a token, `parts` of them; none for the first page. Raises InvalidRequest / PAGE_TOKEN_INVALID."""
    if not token:
        return ()
    texts = page_tokens.decode(token, kind, about)
    if len(texts) != parts:
        raise page_tokens.refused()
    return texts


def identity(text: str) -> uuid.UUID:
    """An id in a token. Raises InvalidRequest / PAGE_TOKEN_INVALID."""
    parsed = ids.parse(text)
    if parsed is None:
        raise page_tokens.refused()
    return parsed


def fitting(messages: Sequence[Message]) -> int:
    """How many of these, from the first on, an answer holds: about 3 MiB of them, one at least."""
    total = 0
    for at, message in enumerate(messages):
        total += message.ByteSize()
        if total > keyset.PAGE_BYTES and at:
            return at
    return len(messages)
