"""Certificates made for one test: an authority, and leaves that are right or wrong in one way."""

import dataclasses
import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_DAY = datetime.timedelta(days=1)


@dataclasses.dataclass
class Authority:
    folder: pathlib.Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(self._name, self._name, self._key, expired=False).add_extension(basic, critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.path = self.folder / "authority.pem"
        certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def trusting(self) -> ssl.SSLContext:
        """What a client uses that knows this authority."""
        return ssl.create_default_context(cafile=str(self.path))

    def serving(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a server uses that has a certificate of this authority for these names and addresses."""
        leaf = self.leaf(*names, expired=expired)
        path = self.folder / "leaf.pem"
        path.write_bytes(leaf.certificate + leaf.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def leaf(self, *names: str, expired: bool = False, key: Key | None = None) -> "Leaf":
        """A certificate of this authority for these names and addresses, and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
        builder = _builder(subject, self._name, key, expired=expired)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Leaf(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            certificate.serial_number,
        )


@dataclasses.dataclass(frozen=True)
class Leaf:
    """In PEM form."""

    certificate: bytes
    key: bytes
    serial_number: int


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, *, expired: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - 3 * _DAY)
    return builder.not_valid_after(now - _DAY if expired else now + _DAY)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
