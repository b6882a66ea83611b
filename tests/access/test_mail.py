import asyncio
import base64
import contextlib
import email
import email.policy
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import structlog

from hook0_server.access import mail
from hook0_server.model import errors

LETTER = mail.Letter("owner@example.com", "Héllo", "Line one\n\nthe token", "t0ken", "https://app.example.com/x?token=t0ken")


class Flaky:
    """Fails as told, then keeps what comes."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.letters: list[mail.Letter] = []

    async def send(self, letter: mail.Letter) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.letters.append(letter)


class Hung:
    def __init__(self) -> None:
        self.begun = 0

    async def send(self, letter: mail.Letter) -> None:
        self.begun += 1
        await asyncio.Event().wait()


def same(letter: mail.Letter | None) -> mail.Prepare:
    async def prepare() -> mail.Letter | None:
        return letter

    return prepare


async def after(outbox: mail.Outbox, *puts: mail.Prepare) -> list[str]:
    """The names of the lines that were logged while these were sent."""
    with structlog.testing.capture_logs() as logged:
        async with outbox.running():
            for number, prepare in enumerate(puts):
                outbox.put(prepare, key=number)
            await outbox.idle()
    return [line["event"] for line in logged]


async def test_a_letter_that_is_not_taken_is_tried_again() -> None:
    flaky = Flaky(mail.Failed("busy", is_final=False), mail.Failed("busy", is_final=False))
    assert await after(mail.Outbox(flaky, pauses=(0, 0)), same(LETTER)) == ["mail.delayed", "mail.delayed"]
    assert flaky.letters == [LETTER]


async def test_a_letter_is_given_up_after_the_last_try_and_the_others_go_out() -> None:
    flaky = Flaky(*[mail.Failed("busy", is_final=False)] * 2)
    lines = await after(mail.Outbox(flaky, pauses=(0,)), same(LETTER))
    assert lines == ["mail.delayed", "mail.given_up"]
    assert await after(mail.Outbox(flaky, pauses=(0,)), same(LETTER)) == []
    assert flaky.letters == [LETTER]


async def test_what_is_refused_for_good_is_not_tried_again() -> None:
    flaky = Flaky(mail.Failed("no such mailbox", is_final=True))
    assert await after(mail.Outbox(flaky, pauses=(0, 0)), same(LETTER)) == ["mail.given_up"]
    assert flaky.letters == []


async def test_a_letter_is_written_again_when_the_database_was_away() -> None:
    asked = 0

    async def prepare() -> mail.Letter:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise errors.Unavailable("DATABASE_UNAVAILABLE", "away")
        return LETTER

    flaky = Flaky()
    await after(mail.Outbox(flaky, pauses=(0,)), prepare)
    assert flaky.letters == [LETTER]


async def test_a_defect_in_one_letter_ends_no_sender() -> None:
    async def broken() -> mail.Letter:
        raise ZeroDivisionError

    flaky = Flaky()
    assert await after(mail.Outbox(flaky), *[broken] * 20, same(LETTER)) == ["mail.failed"] * 20
    assert flaky.letters == [LETTER]


async def test_nothing_is_sent_where_there_is_nothing_to_say() -> None:
    flaky = Flaky()
    assert await after(mail.Outbox(flaky), same(None)) == []
    assert flaky.letters == []


async def test_putting_never_waits_and_what_is_past_the_limit_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_LAST_SECONDS", 0.01)
    hung = Hung()
    outbox = mail.Outbox(hung, most=3)
    with structlog.testing.capture_logs() as logged:
        async with outbox.running():
            for number in range(3):
                outbox.put(same(LETTER), key=number)
            outbox.put(same(LETTER), key="one more")
            assert [line["event"] for line in logged] == ["mail.dropped"]
    assert hung.begun == 3


async def test_a_stopping_server_sends_what_waits_but_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    flaky = Flaky()
    outbox = mail.Outbox(flaky)
    async with outbox.running():
        outbox.put(same(LETTER), key="x")
    assert flaky.letters == [LETTER]
    monkeypatch.setattr(mail, "_LAST_SECONDS", 0.01)
    async with asyncio.timeout(5):
        async with (outbox := mail.Outbox(Hung())).running():
            outbox.put(same(LETTER), key="x")


async def test_one_letter_a_minute_about_one_thing() -> None:
    now = [0.0]
    flaky = Flaky()
    outbox = mail.Outbox(flaky, clock=lambda: now[0])
    async with outbox.running():
        for at, key, expected in ((0, "a", 1), (59, "a", 1), (59, "b", 2), (61, "a", 3), (90, "a", 3)):
            now[0] = at
            outbox.put(same(LETTER), key=key)
            await outbox.idle()
            assert len(flaky.letters) == expected


async def test_without_a_server_the_link_and_the_token_are_logged_but_never_shown_otherwise() -> None:
    with structlog.testing.capture_logs() as logged:
        await mail.Logged().send(LETTER)
    [line] = logged
    assert (line["event"], line["log_level"], line["to"]) == ("mail.logged", "info", LETTER.to)
    assert (line["link"], line["token"]) == (LETTER.link, LETTER.token)
    assert "t0ken" not in repr(LETTER)


Answer = Callable[[bytes], bytes]


@contextlib.asynccontextmanager
async def smtp(answer: Answer = lambda line: b"250 ok") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A mail server; `answer` to each command but DATA. Yields its port and what it was sent."""
    got: list[bytes] = []

    talks: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            got.append(line)
            if line.upper().startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                got.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            else:
                writer.write(answer(line) + b"\r\n")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], got
        async with asyncio.timeout(5):
            await asyncio.gather(*(each for each in talks if each is not None))


async def test_a_letter_goes_out_as_a_text_message() -> None:
    async with smtp() as (port, got):
        with structlog.testing.capture_logs() as logged:
            await mail.Smtp(f"smtp://127.0.0.1:{port}", "Hook0 <hook0@example.com>").send(LETTER)
    assert b"MAIL FROM:<hook0@example.com>" in b"".join(got)
    assert b"RCPT TO:<owner@example.com>" in b"".join(got)
    [data] = [each for each in got if b"Subject:" in each]
    message = email.message_from_bytes(data.removesuffix(b".\r\n"), policy=email.policy.default)
    assert (message["From"], message["To"], message["Subject"]) == ("Hook0 <hook0@example.com>", LETTER.to, LETTER.subject)
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"]
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == LETTER.text
    assert "t0ken" not in str(logged)


async def test_user_and_password_of_the_url_are_shown_to_the_server() -> None:
    def answer(line: bytes) -> bytes:
        if line.upper().startswith(b"EHLO"):
            return b"250-me\r\n250 AUTH PLAIN"
        return b"235 in" if line.upper().startswith(b"AUTH") else b"250 ok"

    async with smtp(answer) as (port, got):
        await mail.Smtp(f"smtp://me%40example.com:s%2Fcret@127.0.0.1:{port}", "hook0@example.com").send(LETTER)
    [auth] = [line for line in got if line.upper().startswith(b"AUTH PLAIN")]
    assert base64.b64decode(auth.split()[2]) == b"\0me@example.com\0s/cret"


@pytest.mark.parametrize(("reply", "is_final"), [(b"550 no such mailbox", True), (b"450 later", False)])
async def test_a_mailbox_that_is_refused_for_good_is_told_from_one_that_is_busy(reply: bytes, is_final: bool) -> None:
    async with smtp(lambda line: reply if line.upper().startswith(b"RCPT") else b"250 ok") as (port, _):
        with pytest.raises(mail.Failed) as caught:
            await mail.Smtp(f"smtp://127.0.0.1:{port}", "hook0@example.com").send(LETTER)
    assert caught.value.is_final is is_final


async def test_a_server_that_is_away_may_come_back() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: it refuses, and nobody else takes the port
        with pytest.raises(mail.Failed) as caught:
            await mail.Smtp(f"smtp://127.0.0.1:{held.getsockname()[1]}", "hook0@example.com").send(LETTER)
    assert not caught.value.is_final
