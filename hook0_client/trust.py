"""What a client trusts, and what it shows of itself."""

import os
import pathlib
import ssl

import grpc

Path = str | os.PathLike[str]


def credentials(
    tls: bool | grpc.ChannelCredentials, *, ca: Path | None = None, cert: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials | None:
    """For a channel; None: in the clear. Without `ca` the system's authorities are trusted; a file turns TLS on.

    Raises OSError where a file cannot be read, and ValueError where it holds something else; gRPC itself would only say
    that it cannot connect.
    """
    if not isinstance(tls, bool):
        if ca or cert or key:
            raise ValueError("credentials of gRPC hold certificates already: give those or files, not both")
        return tls
    if bool(cert) != bool(key):
        raise ValueError("a client certificate and its key belong together: give both or neither")
    if not (tls or ca or cert):
        return None
    authorities = _authorities(ca) if ca else None
    private, chain = _pair(cert, key) if cert and key else (None, None)
    return grpc.ssl_channel_credentials(authorities, private, chain)


def _authorities(ca: Path) -> bytes:
    pem = pathlib.Path(ca).read_bytes()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode())
    except (ssl.SSLError, ValueError) as failure:
        raise ValueError(f"{os.fspath(ca)} holds no certificates in PEM form") from failure
    return pem


def _pair(cert: Path, key: Path) -> tuple[bytes, bytes]:
    """The key and its certificate."""
    chain, private = pathlib.Path(cert).read_bytes(), pathlib.Path(key).read_bytes()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except ssl.SSLError as failure:
        what = f"{os.fspath(cert)} and {os.fspath(key)} are not a certificate and its key in PEM form without a passphrase"
        raise ValueError(what) from failure
    return private, chain
