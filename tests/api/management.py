"""The management services behind the real pipeline, on a real database, without a network between."""

import ipaddress
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.message import Message

from hook0_client._gen.hook0.v1 import (
    application_pb2,
    application_service_pb2,
    event_type_pb2,
    event_type_service_pb2,
    subscription_pb2,
    subscription_service_pb2,
)
from hook0_server import metrics
from hook0_server.access import credentials, encryption, issue, permissions
from hook0_server.api import applications, event_types, pipeline, subscriptions
from hook0_server.model import errors, targets
from hook0_server.store import database, organizations, wake

MASTER = str(uuid.UUID(int=7))
RETENTION_DAYS = 30
TABLES = (
    "applications",
    "application_secrets",
    "event_types",
    "subscriptions",
    "subscription_revisions",
    "request_answers",
)


class Management:
    """`await management(request)` is a call with the master key, or with `secret`."""

    def __init__(self, db: database.Database, organization_id: uuid.UUID, allowed: Sequence[targets.Network] = ()) -> None:
        self.db, self.organization_id = db, organization_id
        self.keyring = encryption.Keyring([("test", b"k" * 32)])
        self.wake = wake.Wake(db)
        operations = [
            *applications.operations(db, self.keyring, self.wake),
            *event_types.operations(db, self.keyring),
            *subscriptions.operations(db, self.keyring, self.wake, allow_targets=allowed, retention_days=RETENTION_DAYS),
        ]
        self._operations = {operation.request: operation for operation in operations}
        authenticator = credentials.Authenticator(db, uuid.UUID(MASTER), seconds=0)
        permitted = permissions.Permissions(db, seconds=0)
        self._pipeline = pipeline.Pipeline(authenticator, permitted, metrics.Metrics())

    async def __call__(self, request: Message, *, secret: str = MASTER) -> Any:
        operation = self._operations[type(request)]
        return await self._pipeline.unary(operation, request, authorization=f"Bearer {secret}", source_ip=None)

    async def refusal(self, request: Message, *, secret: str = MASTER) -> errors.Refused:
        """How it is refused; nothing may have been stored."""
        before = await self.stored()
        with pytest.raises(errors.Refused) as caught:
            await self(request, secret=secret)
        assert await self.stored() == before
        return caught.value

    async def stored(self) -> dict[str, list[Any]]:
        """Everything in the tables of management."""
        return {table: await self.db.fetch(f"SELECT t::text FROM {table} t ORDER BY 1".encode()) for table in TABLES}

    async def new_application(self, name: str = "shop") -> str:
        """Its id."""
        application = application_pb2.Application(name=name)
        answer = await self(application_service_pb2.CreateApplicationRequest(application=application))
        return str(answer.application.application_id)

    async def new_event_type(self, application_id: str, event_type: str = "order.paid") -> event_type_pb2.EventType:
        given = event_type_pb2.EventType(application_id=application_id, event_type=event_type)
        answer = await self(event_type_service_pb2.CreateEventTypeRequest(event_type=given))
        created: event_type_pb2.EventType = answer.event_type
        return created

    async def new_subscription(self, given: subscription_pb2.Subscription) -> subscription_pb2.Subscription:
        answer = await self(subscription_service_pb2.CreateSubscriptionRequest(subscription=given))
        created: subscription_pb2.Subscription = answer.subscription
        return created


async def open_management(db: database.Database, *, allowed: Sequence[str] = ()) -> Management:
    networks = [ipaddress.ip_network(network) for network in allowed]
    return Management(db, await organizations.ensure_one(db, issue.new_id(), name="default"), networks)


def fields(refusal: errors.Refused) -> list[str]:
    """Which fields it names."""
    return [violation.field for violation in refusal.violations]
