"""PEM files that both edges read: certificates and keys, refused by the name of their setting, and whether they changed."""

import datetime
import pathlib
from collections.abc import Iterable

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Stamp = tuple[int, int, int, int] | None


class CertificateRefused(Exception):
    """A file cannot be used; the message is one sentence that names its setting and the file."""


def refused(setting: str, path: pathlib.Path, what: str) -> CertificateRefused:
    return CertificateRefused(f"{setting}: {path} {what}.")


def look(paths: Iterable[pathlib.Path]) -> list[Stamp]:
    """What changes when one of the files does."""
    return [_stamp(path) for path in paths]


def _stamp(path: pathlib.Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None  # reading it will say why
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read(setting: str, path: pathlib.Path) -> bytes:
    """Raises CertificateRefused."""
    try:
        return path.read_bytes()
    except OSError as failure:
        raise refused(setting, path, f"cannot be read: {failure.strerror}") from failure


def certificate(setting: str, path: pathlib.Path, pem: bytes) -> x509.Certificate:
    """The first one; all of them have to be readable. Raises CertificateRefused."""
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError as failure:
        raise refused(setting, path, "holds no certificate in PEM form") from failure


def key(setting: str, path: pathlib.Path, pem: bytes) -> PrivateKeyTypes:
    """Raises CertificateRefused."""
    try:
        return serialization.load_pem_private_key(pem, None)
    except TypeError as encrypted:
        raise refused(setting, path, "needs a passphrase; give one without") from encrypted
    except (ValueError, exceptions.UnsupportedAlgorithm) as unreadable:
        raise refused(setting, path, "holds no private key in PEM form") from unreadable


def check_pair(own: x509.Certificate, given: PrivateKeyTypes, setting: str, path: pathlib.Path, of: str) -> None:
    """`of`: what names the certificate. Raises CertificateRefused."""
    if given.public_key() != own.public_key():
        raise refused(setting, path, f"does not belong to the certificate of {of}")


def is_over(own: x509.Certificate) -> bool:
    return own.not_valid_after_utc <= datetime.datetime.now(datetime.UTC)
