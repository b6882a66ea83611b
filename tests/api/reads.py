"""The services that read and steer, behind the real pipeline, on a real database, without a network between."""

import uuid
from typing import Any

import pytest
import rows
from google.protobuf.message import Message

from hook0_server import metrics
from hook0_server.access import credentials, encryption, permissions
from hook0_server.api import attempts, deliveries, events, pipeline
from hook0_server.model import errors
from hook0_server.store import database, feed_epoch, wake

MASTER = str(uuid.UUID(int=7))
ABSENT = "018f3c5e-7a2b-7c11-8d4e-0123456789ab"


class Reads:
    """`await reads(request)` is a call with the master key."""

    def __init__(self, db: database.Database, application_id: uuid.UUID) -> None:
        self.db, self.application_id = db, application_id
        self.keyring = encryption.Keyring([("test", b"k" * 32)])
        self.heard: list[tuple[str, str]] = []
        waker = wake.Wake(db)
        waker.notify = lambda channel, payload="": self.heard.append((channel, payload))  # type: ignore[method-assign]
        operations = [
            *events.operations(db, self.keyring, waker),
            *deliveries.operations(db, waker),
            *attempts.operations(db, self.keyring),
        ]
        self.operations = {operation.request: operation for operation in operations}
        authenticator = credentials.Authenticator(db, uuid.UUID(MASTER), seconds=0)
        self._pipeline = pipeline.Pipeline(authenticator, permissions.Permissions(db, seconds=0), metrics.Metrics())

    async def __call__(self, request: Message) -> Any:
        if not request.application_id:  # type: ignore[attr-defined]
            request.application_id = str(self.application_id)  # type: ignore[attr-defined]
        operation = self.operations[type(request)]
        return await self._pipeline.unary(operation, request, authorization=f"Bearer {MASTER}", source_ip=None)

    async def refusal(self, request: Message) -> errors.Refused:
        with pytest.raises(errors.Refused) as caught:
            await self(request)
        return caught.value

    async def breach(self, request: Message) -> tuple[str, list[str]]:
        """The reason and the fields of an InvalidRequest."""
        refusal = await self.refusal(request)
        assert isinstance(refusal, errors.InvalidRequest), refusal
        return refusal.reason, [violation.field for violation in refusal.violations]


async def open_reads(db: database.Database) -> Reads:
    await feed_epoch.open(db)
    return Reads(db, await rows.application(db))
