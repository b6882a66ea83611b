"""`hook0-server dev`: an empty database becomes something that can be used at once, and stays the same when started again.

What was made is remembered in dev.json in the data directory (it holds secrets, so it is private). What the database does
not have any more is made anew.
"""

import contextlib
import json
import os
import pathlib
import secrets
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from google.protobuf.message import Message

from hook0_client._gen.hook0.v1 import (
    application_pb2,
    application_service_pb2,
    event_type_pb2,
    event_type_service_pb2,
    subscription_pb2,
    subscription_service_pb2,
)
from hook0_server.access import encryption, issue, principals
from hook0_server.api import applications, event_types, pipeline, subscriptions
from hook0_server.model import errors, ids
from hook0_server.store import credentials as stored_credentials, database, organizations, wake

FILE_NAME = "dev.json"
NAME = "dev"
OWNER = "owner@example.com"
_UNASKED = 30  # days of retention, which only field rules ask for
EVENT_TYPES = ("user.account.created", "user.account.deleted", "order.invoice.paid")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be used: ids as texts, and the two secrets."""

    organization_id: str
    application_id: str
    application_secret: str = field(repr=False)
    subscription_id: str
    receiver_url: str
    signing_secret: str = field(repr=False)
    grpc: str = ""
    """host:port. It is written down for `hook0ctl`, which finds the server of its directory in dev.json."""

    @classmethod
    def read(cls, path: pathlib.Path) -> Self | None:
        """What was remembered; None when there is nothing, or nothing that can be read."""
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        return None

    def write(self, path: pathlib.Path) -> None:
        """Whole or not at all, readable by its owner alone."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(self), file, indent=2)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


async def prepare(
    db: database.Database,
    keyring: encryption.Keyring,
    hints: wake.Wake,
    *,
    receiver_url: str,
    data_dir: pathlib.Path,
    grpc: str = "",
) -> Prepared:
    """An application with event types and a subscription to `receiver_url`, made or found again. Raises OSError."""
    path = data_dir / FILE_NAME
    bench = _Bench(db, keyring, hints, await organizations.ensure_one(db, issue.new_id(), name=NAME))
    kept = Prepared.read(path)
    if kept is None or not await bench.has_application(kept):
        kept = await bench.new_application(receiver_url)
    prepared = replace(await bench.with_subscription(kept, receiver_url), grpc=grpc)
    prepared.write(path)
    return prepared


def welcome(prepared: Prepared, grpc: str, url: str, *, by_tls: bool = False) -> str:
    """What a person who just started the server can paste. `grpc`: host:port; `by_tls`: so is gRPC."""
    plaintext, tls = ("", " --tls") if by_tls else (" -plaintext", "")
    event = {"event_type": EVENT_TYPES[0], "payload_text": '{"id":1}'}
    request = json.dumps({"application_id": prepared.application_id, "event": event}, separators=(",", ":"))
    return f"""
  gRPC      {grpc}
  HTTP      {url}   (Connect, /health, /metrics)
  receiver  {prepared.receiver_url}
            Targets on this machine's loopback addresses may be called, because this is `dev`.

Publish an event; it is delivered to the receiver above:

  grpcurl{plaintext} -H 'authorization: Bearer {prepared.application_secret}' \\
    -d '{request}' \\
    {grpc} hook0.v1.IngestionService/PublishEvent

See what arrived:

  curl {prepared.receiver_url}

See every attempt as it happens, in another terminal:

  hook0ctl{tls} --address {grpc} --application-id {prepared.application_id} \\
    --token {prepared.application_secret} watch
"""


def first_login(email: str, password: str, grpc: str, *, by_tls: bool = False) -> str:
    """How the owner that was just made logs in; the password is told this once. Both are without quotes."""
    tls = " --tls" if by_tls else ""
    return f"""
Log in as the organization's owner; the password is shown this once:

  echo '{password}' | hook0ctl{tls} --address {grpc} login --email {email} --password-stdin
"""


class _Bench:
    """The services as the master key would use them, without a network between."""

    def __init__(
        self, db: database.Database, keyring: encryption.Keyring, hints: wake.Wake, organization_id: uuid.UUID
    ) -> None:
        self._db, self._organization_id = db, organization_id
        operations = [
            *applications.operations(db, keyring, hints),
            *event_types.operations(db, keyring),
            *subscriptions.operations(db, keyring, hints, allow_targets=(), retention_days=_UNASKED),
        ]
        self._operations = {operation.request: operation for operation in operations}

    async def has_application(self, kept: Prepared) -> bool:
        found = await stored_credentials.application_secret(self._db, issue.digest(kept.application_secret))
        return found is not None and str(found.application_id) == kept.application_id

    async def new_application(self, receiver_url: str) -> Prepared:
        """Without a subscription yet."""
        application = application_pb2.Application(name=NAME)
        answer = await self._done(application_service_pb2.CreateApplicationRequest(application=application), None)
        application_id = answer.application.application_id
        for name in EVENT_TYPES:
            event_type = event_type_pb2.EventType(application_id=application_id, event_type=name)
            request = event_type_service_pb2.CreateEventTypeRequest(event_type=event_type)
            await self._done(request, application_id)
        secret = answer.application_secret.secret
        return Prepared(str(self._organization_id), application_id, secret, "", receiver_url, "")

    async def with_subscription(self, kept: Prepared, receiver_url: str) -> Prepared:
        """Its subscription follows the receiver to another port, unless somebody pointed it elsewhere."""
        found = await self._subscription(kept)
        if found is None:
            return await self._new_subscription(kept, receiver_url)
        if found.target.http.url == kept.receiver_url != receiver_url:
            found.target.http.url = receiver_url
            request = subscription_service_pb2.UpdateSubscriptionRequest(subscription=found)
            request.update_mask.paths.append("target")
            await self._done(request, kept.application_id)
        return replace(kept, organization_id=str(self._organization_id), receiver_url=receiver_url)

    async def _subscription(self, kept: Prepared) -> subscription_pb2.Subscription | None:
        if ids.parse(kept.subscription_id) is None:
            return None
        request = subscription_service_pb2.GetSubscriptionRequest(subscription_id=kept.subscription_id)
        try:
            found: subscription_pb2.Subscription = (await self._done(request, kept.application_id)).subscription
            return found
        except errors.NotFound:
            return None

    async def _new_subscription(self, kept: Prepared, receiver_url: str) -> Prepared:
        subscription = subscription_pb2.Subscription(
            application_id=kept.application_id,
            description="everything, to the built-in receiver",
            event_types=["**"],
            target=subscription_pb2.Target(http=subscription_pb2.HttpTarget(url=receiver_url)),
        )
        request = subscription_service_pb2.CreateSubscriptionRequest(subscription=subscription)
        answer = await self._done(request, kept.application_id)
        return replace(
            kept,
            subscription_id=answer.subscription.subscription_id,
            receiver_url=receiver_url,
            signing_secret=answer.secret,
        )

    async def _done(self, request: Message, application_id: str | None) -> Any:
        operation = self._operations[type(request)]
        call = pipeline.Call(
            principals.SYSTEM,
            "dev",
            application_id=uuid.UUID(application_id) if application_id else None,
            organization_id=self._organization_id,
            operation=operation,
        )
        if operation.resource_id is not None:
            call.concerns(operation.resource_id(request))
        return await operation.handler(call, request)
