"""How an attempt ended: one word for the stage that decided it."""

import enum


class Outcome(enum.IntEnum):
    """The numbers are those of the `Outcome` enum on the wire and in the database: never renumber."""

    SUCCEEDED = 1
    """The receiver answered 2xx."""
    HTTP_ERROR = 2
    """The receiver answered any other final status; redirects are not followed."""
    TIMEOUT = 3
    """The total deadline passed before a complete response head."""
    CONNECTION_ERROR = 4
    """No connection, or it broke before a complete response head."""
    DNS_ERROR = 5
    """The name has no address, or its resolution failed or took too long."""
    TLS_ERROR = 6
    """The TLS handshake failed, or the certificate is not trusted for the name."""
    TARGET_REFUSED = 7
    """An address of the target is one that this server does not call."""
    INVALID_TARGET = 8
    """No request can be built: an impossible URL, header or method."""
    PROTOCOL_ERROR = 9
    """The receiver answered something that is not HTTP/1.x, or too large a head."""
    CANCELLED = 10
    """Ended by a caller or with its subscription, without a request."""
    EXPIRED = 11
    """Older than the retry policy's max_age, without a request."""
    INTERRUPTED = 12
    """The server died several times while it held this delivery."""
