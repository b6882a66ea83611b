"""TLS is verified against the name of the target while the vetted address is dialled; what fails says TLS_ERROR."""

import asyncio
import pathlib
import socket
import ssl

import pytest
from certificates import Authority
from hostile import ROUND, Do, receiving, sending

from hook0_server.delivery import http, resolve
from hook0_server.model.outcome import Outcome


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


async def test_a_name_is_verified_sent_as_sni_and_as_host_and_the_connection_is_kept(authority: Authority) -> None:
    names: list[str | None] = []
    serving = authority.serving("hooks.test")
    serving.sni_callback = lambda _, name, __: names.append(name)
    async with (
        receiving(ROUND * 2, tls=serving) as receiver,
        sending(tls=authority.trusting(), addresses=["127.0.0.1"]) as sender,
    ):
        for _ in range(2):
            came = await sender.send(f"https://hooks.test:{receiver.port}/")
            assert (came.outcome, came.error_message) == (Outcome.SUCCEEDED, None)
    assert names == ["hooks.test"]
    assert f"Host: hooks.test:{receiver.port}".encode() in receiver.requests[0]
    assert receiver.accepted == 1


async def test_an_address_may_be_certified_too(authority: Authority) -> None:
    async with (
        receiving(ROUND, tls=authority.serving("127.0.0.1")) as receiver,
        sending(tls=authority.trusting()) as sender,
    ):
        came = await sender.send(f"https://127.0.0.1:{receiver.port}/")
    assert came.outcome == Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "expired", "trusted", "why"),
    [
        ("other.test", False, True, "mismatch"),
        ("hooks.test", True, True, "expired"),
        ("hooks.test", False, False, "certificate"),
    ],
)
async def test_a_certificate_that_does_not_prove_the_name_is_a_tls_error(
    authority: Authority, name: str, expired: bool, trusted: bool, why: str
) -> None:
    client = authority.trusting() if trusted else ssl.create_default_context()
    async with (
        receiving(ROUND, tls=authority.serving(name, expired=expired)) as receiver,
        sending(tls=client, addresses=["127.0.0.1"]) as sender,
    ):
        came = await sender.send(f"https://hooks.test:{receiver.port}/")
    assert (came.outcome, came.http_status, receiver.requests) == (Outcome.TLS_ERROR, None, [])
    assert came.error_message
    assert why in came.error_message


@pytest.mark.parametrize(
    "script",
    [
        [Do.CLOSE],
        [b"garbage\r\n"],
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        [b"\x15\x03\x03\x00\x02\x02\x28"],
        [b"\x16\x03\x03\xff\xff"],
    ],
)
async def test_a_port_that_does_not_speak_tls_is_a_tls_error(authority: Authority, script: list[bytes | Do]) -> None:
    async with receiving(script) as receiver, sending(tls=authority.trusting(), connect_timeout=0.5) as sender:
        came = await sender.send(f"https://127.0.0.1:{receiver.port}/")
    assert came.outcome == Outcome.TLS_ERROR


async def test_a_handshake_that_hangs_ends_with_the_connect_timeout(authority: Authority) -> None:
    async with receiving([30.0]) as receiver, sending(tls=authority.trusting(), connect_timeout=0.2) as sender:
        came = await sender.send(f"https://127.0.0.1:{receiver.port}/", deadline=10)
    assert (came.outcome, came.error_message) == (Outcome.TLS_ERROR, "the TLS handshake took longer than 0.2 s")


async def test_a_plain_request_to_a_tls_port_ends_as_an_outcome(authority: Authority) -> None:
    async with receiving(ROUND, tls=authority.serving("127.0.0.1")) as receiver, sending() as sender:
        came = await sender.send(receiver.url)
    assert came.outcome in {Outcome.CONNECTION_ERROR, Outcome.PROTOCOL_ERROR}


async def test_a_receiver_that_demands_a_client_certificate_is_a_tls_error(authority: Authority) -> None:
    serving = authority.serving("127.0.0.1")
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(authority.path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A blocking server, because asyncio's closes before it has said why.
        refusing = asyncio.create_task(asyncio.to_thread(refuse, listener, serving))
        async with sending(tls=authority.trusting()) as sender:
            came = await sender.send(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        await refusing
    assert came.outcome == Outcome.TLS_ERROR


def refuse(listener: socket.socket, serving: ssl.SSLContext) -> None:
    peer, _ = listener.accept()
    with serving.wrap_socket(peer, server_side=True, do_handshake_on_connect=False) as refusing:
        with pytest.raises(ssl.SSLError):
            refusing.do_handshake()
        while socket.socket.recv(refusing, 65_536):
            pass  # closing on unread bytes would be a reset, which overtakes what was said


async def test_an_authority_named_by_ssl_cert_file_is_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setattr(http, "_default_tls", http._default_tls.__wrapped__)  # not the one that was made before
    async with receiving(ROUND, tls=authority.serving("127.0.0.1")) as receiver, sending() as sender:
        came = await sender.send(f"https://127.0.0.1:{receiver.port}/")
    assert came.outcome == Outcome.SUCCEEDED


async def test_the_default_verifies() -> None:
    client = http.HttpClient(resolver=resolve.Resolver())
    assert client._tls.verify_mode == ssl.CERT_REQUIRED
    assert client._tls.check_hostname
