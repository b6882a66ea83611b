"""Hook0's client: publish events, watch what becomes of them, and check the webhooks that arrive.

    async with hook0_client.connect("127.0.0.1:50051", token=secret, application_id=application) as client:
        await client.publish("user.account.created", {"id": 1}, labels={"tenant": "acme"})
        async for attempt in client.watch():
            print(attempt.event_type, attempt.http_status)

`v1` holds the messages of the protocol. Everything else in this package is private.
"""

from hook0_client import v1
from hook0_client.client import Client, connect
from hook0_client.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    Denied,
    Hook0Error,
    InvalidRequest,
    NotFound,
    OutOfRange,
    Precondition,
    QuotaExceeded,
    ServerFault,
    Unauthenticated,
    Unavailable,
    Violation,
)
from hook0_client.events import Published
from hook0_client.pages import pages
from hook0_client.publisher import Publisher
from hook0_client.watch import Watch
from hook0_client.webhook import SignatureInvalid, Webhook, verify_webhook

__all__ = [
    "AlreadyExists",
    "Client",
    "Conflict",
    "DeadlineExceeded",
    "Denied",
    "Hook0Error",
    "InvalidRequest",
    "NotFound",
    "OutOfRange",
    "Precondition",
    "Published",
    "Publisher",
    "QuotaExceeded",
    "ServerFault",
    "SignatureInvalid",
    "Unauthenticated",
    "Unavailable",
    "Violation",
    "Watch",
    "Webhook",
    "connect",
    "pages",
    "v1",
    "verify_webhook",
]
