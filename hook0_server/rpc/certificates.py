"""TLS of the gRPC edge: the server's certificate and whose clients it lets in, from files that are read again when they change.

gRPC asks before each handshake, in a thread of its own: three `stat` calls then, and a read only where one tells of a change.
What is open stays as it was. Files that cannot be used are told once, and what was read before goes on being served.
"""

import pathlib
import threading

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hook0_server import certificate_files as files

log = structlog.get_logger(__name__)

CERT, KEY, CLIENT_CA = "HOOK0_GRPC_TLS_CERT", "HOOK0_GRPC_TLS_KEY", "HOOK0_GRPC_TLS_CLIENT_CA"
_CURVES = ("secp256r1", "secp384r1")  # with another one gRPC starts, and every handshake fails
CertificateRefused = files.CertificateRefused


def credentials(
    certificate: pathlib.Path | None, key: pathlib.Path | None, client_ca: pathlib.Path | None = None
) -> grpc.ServerCredentials | None:
    """What a server listens with; None where there is no certificate: in the clear. Raises CertificateRefused."""
    return Certificates(certificate, key, client_ca).credentials() if certificate and key else None


class Certificates:
    """`certificate`: the chain, the server's own first; `client_ca`: clients need a certificate of one of these authorities."""

    def __init__(self, certificate: pathlib.Path, key: pathlib.Path, client_ca: pathlib.Path | None = None) -> None:
        self._certificate, self._key, self._client_ca = certificate, key, client_ca
        self._turn = threading.Lock()
        self._stamps: list[files.Stamp] = []

    def credentials(self) -> grpc.ServerCredentials:
        """What a server listens with. Raises CertificateRefused."""
        self._stamps = self._look()
        return grpc.dynamic_ssl_server_credentials(
            self._load(),
            self._renewed,  # type: ignore[arg-type]  # its stub does not know the None that gRPC takes for "no change"
            require_client_authentication=self._client_ca is not None,
        )

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        with self._turn:
            stamps = self._look()
            if stamps == self._stamps:
                return None
            self._stamps = stamps
            try:
                return self._load()
            except CertificateRefused as refusal:
                log.warning("grpc.certificate_kept", reason=str(refusal))
                return None

    def _look(self) -> list[files.Stamp]:
        return files.look(path for path in (self._certificate, self._key, self._client_ca) if path is not None)

    def _load(self) -> grpc.ServerCertificateConfiguration:
        chain, key = files.read(CERT, self._certificate), files.read(KEY, self._key)
        own = files.certificate(CERT, self._certificate, chain)
        self._judge_key(own, key)
        authorities = None
        if self._client_ca is not None:
            authorities = files.read(CLIENT_CA, self._client_ca)
            files.certificate(CLIENT_CA, self._client_ca, authorities)
        say = log.warning if files.is_over(own) else log.info
        ends = own.not_valid_after_utc.isoformat()
        say("grpc.certificate_loaded", valid_until=ends, serial_number=f"{own.serial_number:x}")
        return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=authorities)

    def _judge_key(self, own: x509.Certificate, pem: bytes) -> None:
        """What gRPC would say only in the log of its own, or by failing each handshake."""
        key = files.key(KEY, self._key, pem)
        is_curve = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES
        if not (is_curve or isinstance(key, rsa.RSAPrivateKey)):
            raise files.refused(KEY, self._key, "is of a kind that gRPC cannot use: RSA, P-256 and P-384 will do")
        files.check_pair(own, key, KEY, self._key, f"{CERT} ({self._certificate})")
