"""HTTP by TLS: which certificate is shown after the files changed, and what is refused at the start."""

import asyncio
import contextlib
import pathlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import edges
import pytest
from certificates import Authority, Leaf
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from structlog import testing

from hook0_server import certificate_files
from hook0_server.gateway import app, certificates

HOST = "127.0.0.1"


@dataclass
class Files:
    """An authority, and the files of a server that has a certificate of it."""

    authority: Authority
    certificate: pathlib.Path
    key: pathlib.Path

    def write(self, leaf: Leaf) -> None:
        self.certificate.write_bytes(leaf.certificate)
        self.key.write_bytes(leaf.key)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[edges.Port]:
        async with edges.serving(guarded=app.Edge(certificates.of(self.certificate, self.key))) as port:
            yield port

    async def shown(self, bound: str) -> int:
        """The serial number of the certificate that a new connection sees."""
        _, writer = await asyncio.open_connection(*bound.split(":"), ssl=self.authority.trusting(), server_hostname=HOST)
        told: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = told.getpeercert(binary_form=True)
        writer.close()
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Files:
    made = Files(Authority(tmp_path), tmp_path / "server.pem", tmp_path / "server.key")
    made.write(made.authority.leaf(HOST))
    return made


async def test_it_is_served_by_tls_and_not_in_the_clear(files: Files) -> None:
    async with files.serving() as port:
        trusting = aiohttp.TCPConnector(ssl=files.authority.trusting())
        async with (
            aiohttp.ClientSession(connector=trusting) as session,
            session.get(f"https://{port.bound}/health") as answer,
        ):
            assert (answer.status, answer.headers["Server"]) == (503, "hook0")  # of a server without a database
        with contextlib.suppress(ConnectionResetError):
            assert await port.say(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") == b""


async def test_a_stranger_who_does_not_trust_it_is_not_served(files: Files) -> None:
    async with files.serving() as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(*port.bound.split(":"), ssl=ssl.create_default_context(), server_hostname=HOST)


async def test_old_versions_of_tls_are_not_spoken(files: Files) -> None:
    context = files.authority.trusting()
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    async with files.serving() as port:
        _, writer = await asyncio.open_connection(*port.bound.split(":"), ssl=context, server_hostname=HOST)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.close()
        served = certificates.Certificates(files.certificate, files.key).context
        assert served.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()])
async def test_a_new_certificate_is_shown_to_new_connections(files: Files, key: ec.EllipticCurvePrivateKey) -> None:
    async with files.serving() as port:
        before = await files.shown(port.bound)
        renewed = files.authority.leaf(HOST, key=key)
        files.write(renewed)
        assert await files.shown(port.bound) == renewed.serial_number != before


async def test_an_open_connection_stays_as_it_was(files: Files) -> None:
    async with files.serving() as port:
        reader, writer = await asyncio.open_connection(
            *port.bound.split(":"), ssl=files.authority.trusting(), server_hostname=HOST
        )
        files.write(files.authority.leaf(HOST))
        await files.shown(port.bound)
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 503 ")
        writer.close()


async def test_what_cannot_be_used_is_told_once_and_the_old_one_kept(files: Files) -> None:
    async with files.serving() as port:
        before = await files.shown(port.bound)
        files.certificate.write_bytes(files.authority.leaf(HOST).certificate)  # its key is not there yet
        with testing.capture_logs() as logged:
            assert [await files.shown(port.bound) for _ in range(2)] == [before] * 2
        assert [line["event"] for line in logged] == ["http.certificate_kept"]
        assert "HOOK0_HTTP_TLS_KEY" in logged[0]["reason"]


@pytest.mark.parametrize(
    ("broken", "named"),
    [("certificate", "HOOK0_HTTP_TLS_CERT"), ("key", "HOOK0_HTTP_TLS_KEY")],
)
async def test_files_that_cannot_be_used_are_refused_by_name(files: Files, broken: str, named: str) -> None:
    path: pathlib.Path = getattr(files, broken)
    path.write_bytes(b"nonsense")
    with pytest.raises(certificate_files.CertificateRefused, match=named):
        certificates.of(files.certificate, files.key)
    path.unlink()
    with pytest.raises(certificate_files.CertificateRefused, match=f"{named}: .* cannot be read"):
        certificates.of(files.certificate, files.key)


async def test_a_key_of_another_certificate_is_refused(files: Files) -> None:
    files.key.write_bytes(files.authority.leaf(HOST).key)
    with pytest.raises(certificate_files.CertificateRefused, match=r"HOOK0_HTTP_TLS_KEY: .* does not belong"):
        certificates.of(files.certificate, files.key)


async def test_without_a_certificate_there_is_no_tls() -> None:
    assert certificates.of(None, None) is None
