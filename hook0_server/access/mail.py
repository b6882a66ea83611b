"""Messages to people: put on a bounded queue, sent in the background. No call waits for one, or fails because of one.

Without an SMTP server what would be sent is logged, link and token, so that whoever operates the server can pass it on.
"""

import asyncio
import contextlib
import email.message
import email.policy
import email.utils
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiosmtplib
import structlog

from hook0_server.model import ending, errors

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
QUIET_SECONDS = 60.0
_MOST_KEYS = 10_000
_SENDERS = 8  # at once: an SMTP server that answers slowly holds up no more than these
_PAUSES = (1.0, 10.0, 60.0)  # seconds before the next try of a message
_LAST_SECONDS = 3.0  # that a stopping server gives to what waits
_SMTP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A text message. `token` and `link`: what it is about, for the log where there is no SMTP server."""

    to: str
    subject: str
    text: str = field(repr=False)
    token: str = field(default="", repr=False)
    link: str = field(default="", repr=False)


Prepare = Callable[[], Awaitable[Letter | None]]
"""Writes the letter, or answers None where none is to be sent; raises errors.Unavailable when it should be asked again."""


class Failed(Exception):
    """The letter was not taken. `is_final`: it never will be."""

    def __init__(self, told: str, *, is_final: bool) -> None:
        super().__init__(told)
        self.is_final = is_final


class Transport(Protocol):
    async def send(self, letter: Letter) -> None:
        """Raises Failed."""


class Logged:
    """Where there is no SMTP server."""

    async def send(self, letter: Letter) -> None:
        log.info("mail.logged", to=letter.to, subject=letter.subject, link=letter.link, token=letter.token)


class Smtp:
    """`url`: smtp[s]://[user:password@]host[:port], the password percent-encoded. smtp:// turns to TLS where it is offered."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._is_tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname or "localhost", parts.port or (465 if self._is_tls else 587)
        self._user, self._password = (urllib.parse.unquote(part or "") or None for part in (parts.username, parts.password))
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        try:
            await aiosmtplib.send(
                self._message(letter),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._is_tls,
                timeout=_SMTP_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            raise Failed(str(refusal), is_final=all(each.code >= 500 for each in refusal.recipients)) from refusal
        except (aiosmtplib.SMTPException, OSError) as failure:
            raise Failed(str(failure), is_final=False) from failure
        log.info("mail.sent", to=letter.to, subject=letter.subject)

    def _message(self, letter: Letter) -> email.message.EmailMessage:
        message = email.message.EmailMessage(policy=email.policy.SMTP)
        message["From"], message["To"], message["Subject"] = self._sender, letter.to, letter.subject
        message["Date"] = email.utils.localtime()
        message["Message-ID"] = email.utils.make_msgid(domain=email.utils.parseaddr(self._sender)[1].rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


class Outbox:
    """What is to be sent. `put` it, and it is tried a few times while the block of `running` lasts."""

    def __init__(
        self,
        transport: Transport,
        *,
        pauses: Sequence[float] = _PAUSES,
        most: int = MOST_WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport, self._pauses, self._clock = transport, pauses, clock
        self._waiting: asyncio.Queue[Prepare] = asyncio.Queue(most)
        self._lately: OrderedDict[Hashable, float] = OrderedDict()  # key → when it was put, the oldest first

    def put(self, prepare: Prepare, *, key: Hashable) -> None:
        """Never waits, never fails: what is past the limit is dropped, with a line in the log.

        One letter a minute for each key (what it is about, and the address): nobody fills a stranger's mailbox.
        """
        if self._was_put_lately(key):
            return
        try:
            self._waiting.put_nowait(prepare)
        except asyncio.QueueFull:
            log.error("mail.dropped", waiting=self._waiting.qsize())

    def _was_put_lately(self, key: Hashable) -> bool:
        now, since = self._clock(), self._lately.get(key)
        if since is not None and now - since < QUIET_SECONDS:
            return True
        self._lately[key] = now
        self._lately.move_to_end(key)
        if len(self._lately) > _MOST_KEYS:
            self._lately.popitem(last=False)
        return False

    async def idle(self) -> None:
        """Returns when all that was put is sent or given up."""
        await self._waiting.join()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The senders; leaving the block gives what waits a last moment."""
        async with asyncio.TaskGroup() as group:
            senders = [group.create_task(self._send_each(), name=f"mail.{number}") for number in range(_SENDERS)]
            try:
                yield
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_SECONDS):
                        await self.idle()
            finally:
                await ending.end(senders)
                if not self._waiting.empty():
                    log.error("mail.unsent", count=self._waiting.qsize())

    async def _send_each(self) -> None:
        while True:
            prepare = await self._waiting.get()
            try:
                await self._send(prepare)
            except Exception:
                log.exception("mail.failed")
            finally:
                self._waiting.task_done()

    async def _send(self, prepare: Prepare) -> None:
        for pause in (*self._pauses, None):
            try:
                letter = await prepare()
                if letter is not None:
                    await self._transport.send(letter)
                return
            except (Failed, errors.Unavailable) as failure:
                if pause is None or (isinstance(failure, Failed) and failure.is_final):
                    log.error("mail.given_up", error=str(failure))
                    return
                log.warning("mail.delayed", error=str(failure))
                await asyncio.sleep(pause)
