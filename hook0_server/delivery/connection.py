"""One HTTP/1.1 connection to a receiver: one request at a time, each with its deadline.

The receiver is not trusted. Whatever it does, an exchange ends as a `Reply` by its deadline and no exception reaches
the event loop. Once a response head is complete its status stands: what goes wrong in the body after that only cuts the
body (as in Hook0), and the connection is not used again.
"""

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import Any, cast

from hook0_server.delivery import answer, request, response
from hook0_server.model.outcome import Outcome

Key = tuple[str, str, int, bytes]  # scheme, host, port, packed address: an address object hashes slowly
"""Scheme, host, port and the vetted address: what was checked for one name is never used for another."""
Replied = Callable[["Connection", Any, answer.Reply], None]
"""Called once with the connection, the context that was given with the request, and what came of it."""

_JOIN_BYTES = 64 * 1024
# Peers that leave without a TLS goodbye have closed the connection, no more.
_TLS_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Connection(asyncio.Protocol):
    """Whoever dialled it or took it from the kept ones alone calls `exchange`, then gives it back or abandons it."""

    __slots__ = (
        "_context",
        "_deadline_at",
        "_loop",
        "_on_lost",
        "_poll",
        "_reader",
        "_replied",
        "_timer",
        "_timer_at",
        "_transport",
        "_usable",
        "closed",
        "key",
    )

    def __init__(self, key: Key, caps: response.Caps, on_lost: "Callable[[Connection], None]") -> None:
        """`on_lost` is called once, when the connection is closed, by whichever side."""
        self.key = key
        self._on_lost = on_lost
        self._reader = response.Reader(caps)
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._usable = True
        self._replied: Replied | None = None  # of the exchange that is going on
        self._context: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline_at = 0.0

    def exchange(self, sent: request.Request, deadline_at: float, replied: Replied, context: Any) -> None:
        """Write the request; `replied` is called by `deadline_at` (loop time), never from within this call.

        A call back, not a future: waking a task for each answer was a fifth of what sending costs. Who does not want the
        answer any more calls `abandon`.
        """
        if not self._usable:
            lost = _broken("the connection was closed before the request", unanswered=True)
            self._loop.call_soon(replied, self, context, lost)
            return
        self._replied, self._context = replied, context
        self._reader.begin(bodiless=sent.bodiless_answer)
        self._arm(deadline_at)
        if len(sent.body) < _JOIN_BYTES:
            self._transport.write(sent.head + sent.body)
        else:
            self._transport.writelines((sent.head, sent.body))

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self._replied = self._context = None
        self.abort()

    def may_be_kept(self) -> bool:
        """Whether another exchange may follow, as far as this side knows."""
        return self._usable and self._replied is None

    def is_quiet(self) -> bool:
        """Whether nothing has arrived on a kept connection, asked just before it is used again.

        The socket itself is asked: an end, or bytes nobody requested, that the loop has not read yet would otherwise
        break the next request or pass for its answer.
        """
        return self._usable and not self._transport.is_closing() and not self._poll.poll(0)

    def abort(self) -> None:
        """Close at once; harmless when closed already."""
        self._usable = False
        if not self.closed.done():
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._replied is None:
            self.abort()  # nobody asked for this
            return
        try:
            self._reader.feed(data)
        except response.Malformed as error:
            self._break_off(Outcome.PROTOCOL_ERROR, str(error))
        else:
            if self._reader.complete:
                self._finish(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._usable = False
        self.closed.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._replied is not None:
            self._end_of_stream(exc)
        self._on_lost(self)

    # How an exchange ends.

    def _finish(self, cut: str | None) -> None:
        """A final head has come, so its status is the result; `cut` says why the body is not whole."""
        # An answer from one who has not read the whole request: the rest would be read as the next one.
        if cut is not None or not self._reader.keep_alive or self._transport.get_write_buffer_size():
            self.abort()
        self._settle(self._reader.reply(cut))

    def _break_off(self, outcome: Outcome, problem: str) -> None:
        if self._reader.status is not None:
            self._finish(f"the response body was cut off: {problem}")
        else:
            self.abort()
            self._settle(_broken(problem, outcome))

    def _end_of_stream(self, exc: Exception | None) -> None:
        if self._reader.status is not None and exc is None and self._reader.ends_with_the_stream():
            self._finish(None)
        elif self._reader.has_begun:
            self._break_off(Outcome.CONNECTION_ERROR, "the receiver closed the connection in the middle of its answer")
        elif isinstance(exc, ssl.SSLError) and not isinstance(exc, _TLS_CLOSED):
            self._settle(_broken(f"the receiver ended TLS: {exc}", Outcome.TLS_ERROR))
        else:
            self._settle(_broken("the receiver closed the connection without an answer", unanswered=True))

    def _settle(self, reply: answer.Reply) -> None:
        replied, context = self._replied, self._context
        self._replied = self._context = None
        if replied is not None:
            replied(self, context, reply)

    # The deadline.

    def _arm(self, deadline_at: float) -> None:
        """One timer serves many exchanges: it looks for the current deadline when it fires, and only moves earlier."""
        self._deadline_at = deadline_at
        if self._timer is not None:
            if self._timer_at <= deadline_at:
                return
            self._timer.cancel()
        self._timer_at = deadline_at
        self._timer = self._loop.call_at(deadline_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._replied is None:
            return
        # uvloop's timers tick in milliseconds and may come a little early.
        if self._deadline_at - self._loop.time() > 0.002:
            self._arm(self._deadline_at)
        elif self._reader.has_begun:
            self._break_off(Outcome.TIMEOUT, "the deadline passed in the middle of the answer")
        else:
            self._break_off(Outcome.TIMEOUT, "the deadline passed without an answer")


def _broken(message: str, outcome: Outcome = Outcome.CONNECTION_ERROR, *, unanswered: bool = False) -> answer.Reply:
    return answer.Reply(None, [], b"", False, message, outcome, unanswered)
