"""What came of one request, in the form in which it is recorded. Pure."""

import dataclasses
import functools

import orjson

from hook0_server.model import retry
from hook0_server.model.outcome import Outcome

ERROR_MESSAGE_MAX = 500
HEADERS_EXCERPT_BYTES = 4 * 1024

_TOO_MANY_REQUESTS = 429
_UNPRINTABLE = dict.fromkeys((*range(32), 127), " ")


@dataclasses.dataclass(slots=True)  # not frozen: made for every request, and freezing costs a microsecond
class Reply:
    """What a connection saw of one exchange. `status` None: no complete head came, and `failure` says which stage.

    With a status, `message` is set where the body did not come to its end.
    """

    status: int | None
    headers: list[tuple[bytes, bytes]]
    body: bytes
    body_truncated: bool
    message: str | None = None
    failure: Outcome = Outcome.PROTOCOL_ERROR
    unanswered: bool = False
    """The peer closed before a single byte of an answer: on a kept connection, it may never have seen the request."""


@dataclasses.dataclass(slots=True)  # not frozen: made for every request, and freezing costs a microsecond
class Answer:
    """The result of one attempt, storable as it is: text is valid UTF-8 without NUL, excerpts are capped.

    `outcome` is judged by the status as soon as there is one: a body that breaks off does not undo a 2xx (it is
    flagged as truncated, and `error_message` says why). `headers` is a JSON object; `body` is as received, never
    decoded. `retry_after` in seconds, from a 429 only.
    """

    outcome: Outcome
    http_status: int | None
    error_message: str | None
    headers: str | None
    headers_truncated: bool
    body: bytes
    body_truncated: bool
    retry_after: float | None


def failed(outcome: Outcome, message: str) -> Answer:
    """The answer of a request that got none."""
    return Answer(outcome, None, storable(message), None, False, b"", False, None)


def of_reply(reply: Reply, now: float) -> Answer:
    """Judges what a connection saw; `now` in Unix seconds, for a Retry-After that is a date."""
    status = reply.status
    if status is None:
        return failed(reply.failure, reply.message or "")
    headers, headers_truncated = _excerpt(tuple(reply.headers))
    message = reply.message and storable(reply.message)
    if 200 <= status < 300:
        outcome = Outcome.SUCCEEDED
    else:
        outcome = Outcome.HTTP_ERROR
        message = message or f"the receiver answered {status}"
    retry_after = _retry_after(reply.headers, now) if status == _TOO_MANY_REQUESTS else None
    return Answer(outcome, status, message, headers, headers_truncated, reply.body, reply.body_truncated, retry_after)


def storable(text: str) -> str:
    """Text from outside, as PostgreSQL and every reader can take it."""
    plain = text.translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")
    return plain[:ERROR_MESSAGE_MAX]


@functools.lru_cache(maxsize=128)
def _excerpt(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[str | None, bool]:
    """Lower-case names, values in Latin-1; repeated ones joined. The parser lets no NUL through.

    Cached: a receiver that is sent to often answers with the same headers for as long as its Date stands.
    """
    excerpt: dict[str, str] = {}
    room = HEADERS_EXCERPT_BYTES
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        room -= len(name) + len(value)
        if room < 0:
            break
        excerpt[name] = f"{excerpt[name]}, {value}" if name in excerpt else value
    return orjson.dumps(excerpt).decode() if excerpt else None, room < 0


def _retry_after(headers: list[tuple[bytes, bytes]], now: float) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after":
            return retry.parse_retry_after(value.decode("latin-1"), now)
    return None
