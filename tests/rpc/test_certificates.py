"""gRPC by TLS: who is let in, which certificate is shown after the files changed, and what is refused at the start."""

import asyncio
import pathlib
import ssl
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import served
from certificates import Authority, Leaf
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from structlog import testing

from hook0_server.rpc import certificates

HOST = "127.0.0.1"
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@dataclass
class Files:
    """An authority, and the files of a server that has a certificate of it."""

    authority: Authority
    certificate: pathlib.Path
    key: pathlib.Path
    leaf: Leaf

    def write(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.certificate.write_bytes(leaf.certificate)
        self.key.write_bytes(leaf.key)

    def trusting(self, shown: Leaf | None = None) -> grpc.ChannelCredentials:
        """What a client has that knows the authority, and shows this certificate."""
        authorities = self.authority.path.read_bytes()
        if shown is None:
            return grpc.ssl_channel_credentials(authorities)
        return grpc.ssl_channel_credentials(authorities, shown.key, shown.certificate)

    def serving(self, client_ca: pathlib.Path | None = None) -> Any:
        """A server by TLS, and a client that trusts it and shows nothing."""
        secured = certificates.credentials(self.certificate, self.key, client_ca)
        return served.serving(served.unary(served.echo), secured=secured, trusting=self.trusting())

    async def shown(self, bound: str) -> int:
        """The serial number of the certificate that a new connection sees."""
        host, port = bound.split(":")
        context = self.authority.trusting()
        context.set_alpn_protocols(["h2"])
        _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=host)
        told: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = told.getpeercert(binary_form=True)
        writer.close()
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Files:
    authority = Authority(tmp_path)
    made = Files(authority, tmp_path / "server.pem", tmp_path / "server.key", authority.leaf(HOST))
    made.write(made.leaf)
    return made


def other_authority(tmp_path: pathlib.Path) -> Authority:
    folder = tmp_path / "other"
    folder.mkdir()
    return Authority(folder)


async def call(bound: str, trusting: grpc.ChannelCredentials | None) -> None:
    """Raises AioRpcError."""
    async with served.connecting(bound, trusting) as channel:
        await served.Served(None, bound, channel).call()  # type: ignore[arg-type]


async def refused(bound: str, trusting: grpc.ChannelCredentials | None) -> bool:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(bound, trusting)
    return caught.value.code() is UNAVAILABLE


async def test_a_client_by_tls_is_served_and_one_in_the_clear_is_not(files: Files) -> None:
    async with files.serving() as rig:
        await rig.call()
        assert await refused(rig.bound, None)


async def test_a_client_without_a_certificate_of_the_right_authority_is_not_served(
    files: Files, tmp_path: pathlib.Path
) -> None:
    async with files.serving(client_ca=files.authority.path) as rig:
        await call(rig.bound, files.trusting(files.authority.leaf("client")))
        assert await refused(rig.bound, files.trusting())
        assert await refused(rig.bound, files.trusting(other_authority(tmp_path).leaf("client")))


async def test_connections_that_end_while_their_server_stops_do_not_end_the_process(files: Files) -> None:
    """With grpcio 1.78 it crashes in one of some ten of these stops."""
    for _ in range(50):
        async with files.serving() as rig:
            await asyncio.gather(*(files.shown(rig.bound) for _ in range(4)))


async def test_new_connections_see_a_new_certificate_and_open_ones_go_on(files: Files) -> None:
    async with files.serving() as rig:
        await rig.call()
        assert await files.shown(rig.bound) == files.leaf.serial_number
        before = files.leaf.serial_number
        files.write(files.authority.leaf(HOST))
        assert await files.shown(rig.bound) == files.leaf.serial_number != before
        await rig.call()
        assert await files.shown(rig.bound) == files.leaf.serial_number


async def test_a_new_certificate_by_a_link_that_is_turned_is_seen(files: Files, tmp_path: pathlib.Path) -> None:
    """As Kubernetes does it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        leaf = files.authority.leaf(HOST)
        (tmp_path / name / "tls.crt").write_bytes(leaf.certificate)
        (tmp_path / name / "tls.key").write_bytes(leaf.key)
    link = tmp_path / "current"
    link.symlink_to("one")
    files.certificate, files.key = link / "tls.crt", link / "tls.key"
    async with files.serving() as rig:
        await files.shown(rig.bound)
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").replace(link)
        assert await files.shown(rig.bound) == leaf.serial_number


async def test_files_that_cannot_be_used_are_told_once_and_the_old_certificate_stays(files: Files) -> None:
    async with files.serving() as rig:
        before, new = files.leaf, files.authority.leaf(HOST)
        with testing.capture_logs() as lines:
            files.certificate.write_bytes(new.certificate)  # its key is still to come
            for _ in range(3):
                assert await files.shown(rig.bound) == before.serial_number
            files.key.unlink()
            assert await files.shown(rig.bound) == before.serial_number
            files.write(new)
            assert await files.shown(rig.bound) == new.serial_number
        kept = [line["reason"] for line in lines if line["event"] == "grpc.certificate_kept"]
        assert len(kept) == 2
        assert "does not belong to the certificate" in kept[0]
        assert "cannot be read: No such file or directory" in kept[1]
        [loaded] = [line for line in lines if line["event"] == "grpc.certificate_loaded"]
        assert loaded["serial_number"] == f"{new.serial_number:x}"


async def test_other_authorities_count_for_new_clients_as_soon_as_they_are_written(
    files: Files, tmp_path: pathlib.Path
) -> None:
    client_ca, other = tmp_path / "clients.pem", other_authority(tmp_path)
    client_ca.write_bytes(files.authority.path.read_bytes())
    of_one, of_other = files.trusting(files.authority.leaf("client")), files.trusting(other.leaf("client"))
    async with files.serving(client_ca=client_ca) as rig:
        await call(rig.bound, of_one)
        client_ca.write_bytes(other.path.read_bytes())
        await call(rig.bound, of_other)
        assert await refused(rig.bound, of_one)


def test_an_expired_certificate_is_served_and_warned_of(files: Files) -> None:
    files.write(files.authority.leaf(HOST, expired=True))
    with testing.capture_logs() as lines:
        certificates.credentials(files.certificate, files.key)
    assert [(line["event"], line["log_level"]) for line in lines] == [("grpc.certificate_loaded", "warning")]


def encrypted(leaf: Leaf) -> bytes:
    key = serialization.load_pem_private_key(leaf.key, None)
    secret = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)


def test_a_key_that_does_not_fit_or_cannot_be_used_is_refused(files: Files) -> None:
    before = files.leaf
    for key, said in (
        (files.authority.leaf(HOST).key, f"does not belong to the certificate of HOOK0_GRPC_TLS_CERT ({files.certificate})"),
        (encrypted(before), "needs a passphrase"),
        (b"nonsense", "holds no private key in PEM form"),
        (before.certificate, "holds no private key in PEM form"),
    ):
        files.key.write_bytes(key)
        with pytest.raises(certificates.CertificateRefused) as caught:
            certificates.credentials(files.certificate, files.key)
        assert str(caught.value).startswith(f"HOOK0_GRPC_TLS_KEY: {files.key} ")
        assert said in str(caught.value)


@pytest.mark.parametrize("make", [ed25519.Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP521R1())])
def test_a_key_with_which_no_handshake_would_succeed_is_refused(files: Files, make: Any) -> None:
    files.write(files.authority.leaf(HOST, key=make()))
    with pytest.raises(certificates.CertificateRefused, match="RSA, P-256 and P-384 will do"):
        certificates.credentials(files.certificate, files.key)


def test_a_file_that_is_missing_or_no_certificate_is_named(files: Files, tmp_path: pathlib.Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.touch()
    for given, setting, said in (
        ((missing, files.key, None), "HOOK0_GRPC_TLS_CERT", f"{missing} cannot be read: No such file or directory."),
        ((files.certificate, missing, None), "HOOK0_GRPC_TLS_KEY", f"{missing} cannot be read: No such file or directory."),
        ((files.certificate, files.key, missing), "HOOK0_GRPC_TLS_CLIENT_CA", f"{missing} cannot be read: "),
        ((tmp_path, files.key, None), "HOOK0_GRPC_TLS_CERT", f"{tmp_path} cannot be read: Is a directory."),
        ((empty, files.key, None), "HOOK0_GRPC_TLS_CERT", f"{empty} holds no certificate in PEM form."),
        ((files.key, files.key, None), "HOOK0_GRPC_TLS_CERT", f"{files.key} holds no certificate in PEM form."),
        ((files.certificate, files.key, empty), "HOOK0_GRPC_TLS_CLIENT_CA", f"{empty} holds no certificate in PEM form."),
    ):
        with pytest.raises(certificates.CertificateRefused) as caught:
            certificates.credentials(*given)
        assert str(caught.value).startswith(f"{setting}: {said}")
