"""TLS of the HTTP port, from files that are read again when they change.

They are looked at before each handshake: two `stat` calls, and a read only where one tells of a change. What is open stays as
it was. Files that cannot be used are told once, and what was read before goes on being served.
"""

import pathlib
import ssl

import structlog

from hook0_server import certificate_files as files

log = structlog.get_logger(__name__)

CERT, KEY = "HOOK0_HTTP_TLS_CERT", "HOOK0_HTTP_TLS_KEY"


class Certificates:
    """`certificate`: the chain, the server's own first. Made, it has read the files. Raises CertificateRefused."""

    def __init__(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        self._certificate, self._key = certificate, key
        self._stamps = self._look()
        self._current = self._load()
        self.context = self._current
        # A context of which only half could be replaced would serve nobody: handshakes move to a whole one instead.
        self.context.sni_callback = self._choose

    def renew(self) -> None:
        """Before a handshake."""
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._current = self._load()
        except files.CertificateRefused as refusal:
            log.warning("http.certificate_kept", reason=str(refusal))

    def _choose(self, handshake: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        handshake.context = self._current

    def _look(self) -> list[files.Stamp]:
        return files.look((self._certificate, self._key))

    def _load(self) -> ssl.SSLContext:
        chain, key = files.read(CERT, self._certificate), files.read(KEY, self._key)
        own = files.certificate(CERT, self._certificate, chain)
        files.check_pair(own, files.key(KEY, self._key, key), KEY, self._key, f"{CERT} ({self._certificate})")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key)
        except OSError as failure:  # an SSLError is one
            raise files.refused(CERT, self._certificate, f"cannot be used with {KEY}: {failure}") from failure
        say = log.warning if files.is_over(own) else log.info
        ends = own.not_valid_after_utc.isoformat()
        say("http.certificate_loaded", valid_until=ends, serial_number=f"{own.serial_number:x}")
        return context


def of(certificate: pathlib.Path | None, key: pathlib.Path | None) -> Certificates | None:
    """None where there is no certificate: in the clear. Raises CertificateRefused."""
    return Certificates(certificate, key) if certificate and key else None
