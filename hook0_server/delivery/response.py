"""Reads one HTTP/1.x response after another from untrusted bytes: llhttp parses, the caps are ours."""

import dataclasses
from typing import Any, NoReturn

import httptools

from hook0_server.delivery import answer

_INTERIM_MAX = 8
_SWITCHING_PROTOCOLS = 101
_H = ord("H")


class Malformed(Exception):
    """The bytes are not a response, or one past the caps; the text says how, for people."""


@dataclasses.dataclass(frozen=True, slots=True)
class Caps:
    """How much of a response is read and how much of it is kept, in bytes."""

    head: int = 64 * 1024
    header_count: int = 100
    body_read: int = 1024 * 1024
    """Past this the connection is closed: reading on would cost more than a new connection."""
    body_kept: int = 16 * 1024


class Reader:
    """`begin`, then `feed` until `complete` or `Malformed`; `status` is set as soon as the final head is in."""

    __slots__ = (
        "_bodiless",
        "_body",
        "_body_size",
        "_caps",
        "_headers",
        "_interim_count",
        "_is_interim",
        "_parser",
        "_problem",
        "_received",
        "complete",
        "keep_alive",
        "status",
    )

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._parser: Any = httptools.HttpResponseParser(self)
        self.keep_alive = True
        """False once the connection cannot carry another response: its own wish, or bytes that nobody asked for."""
        self.begin(bodiless=False)

    def begin(self, *, bodiless: bool) -> None:
        """Forget the last response; `bodiless`: the next one answers HEAD."""
        self._bodiless = bodiless
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_size = self._received = self._interim_count = 0
        self._is_interim = self.complete = False
        self._problem: str | None = None
        self.status: int | None = None

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises `Malformed`, before or after `status` was set."""
        if not self.has_begun and data[0] != _H:
            raise Malformed("the answer is not HTTP")  # the parser itself also reads RTSP and ICE
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if self._problem is None:
                raise  # not the receiver's fault, but ours
            raise Malformed(self._problem) from error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.complete:  # else the answer came whole, and what follows it is nobody's
                raise Malformed(f"the answer is not valid HTTP: {error}") from error
        if not self.complete:
            self._check_caps()

    @property
    def has_begun(self) -> bool:
        """Whether any byte of this response has arrived."""
        return self._received > 0 or self.status is not None

    def ends_with_the_stream(self) -> bool:
        """Whether the body has no length of its own, so that the end of the connection is its proper end."""
        delimiters = (b"content-length", b"transfer-encoding")
        return not any(name.lower() in delimiters for name, _ in self._headers)

    def reply(self, message: str | None) -> answer.Reply:
        """The response so far; `message` says why its body is not whole."""
        truncated = message is not None or self._body_size > self._caps.body_kept
        return answer.Reply(self.status, self._headers, b"".join(self._body), truncated, message)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status is not None:
            return  # a trailer: not kept, and counted with the body
        self._headers.append((name, value))
        if len(self._headers) > self._caps.header_count:
            self._refuse(f"the response head has more than {self._caps.header_count} headers")

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        if self._received > self._caps.head and self._head_size() > self._caps.head:
            self._refuse(self._too_long())
        status = self._parser.get_status_code()
        if not 100 <= status <= 599 or self._parser.get_http_version() not in ("1.1", "1.0"):
            self._refuse("the answer has an impossible status or version")
        if status < 200:
            self._interim(status)
            return
        self.status = status
        # From here on it counts the body and what frames it, but for what came in one read with the head.
        self._received = 0
        # The parser cannot be told that the length of an answer to HEAD is followed by no body.
        self.keep_alive = not self._bodiless and self._parser.should_keep_alive()
        self.complete = self._bodiless

    def on_body(self, data: bytes) -> None:
        room = self._caps.body_kept - self._body_size
        self._body_size += len(data)
        if room > 0 and not self._bodiless:
            self._body.append(data[:room])

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
            self._headers = []
        else:
            self.complete = True

    # Caps.

    def _check_caps(self) -> None:
        if self.status is None:
            if self._received > self._caps.head:
                raise Malformed(self._too_long())
        elif max(self._received, self._body_size) > self._caps.body_read:
            raise Malformed(f"the body is longer than {self._caps.body_read} bytes")

    def _interim(self, status: int) -> None:
        self._interim_count += 1
        if status == _SWITCHING_PROTOCOLS:
            self._refuse("the answer switches protocols")
        if self._interim_count > _INTERIM_MAX:
            self._refuse(f"more than {_INTERIM_MAX} interim responses came before the answer")
        self._is_interim = True

    def _refuse(self, problem: str) -> NoReturn:
        """Stops the parser, which hides this error; `feed` says it again."""
        self._problem = problem
        raise Malformed(problem)

    def _too_long(self) -> str:
        return f"the response head is longer than {self._caps.head} bytes"

    def _head_size(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self._headers)
