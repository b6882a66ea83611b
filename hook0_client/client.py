"""The connection to a Hook0 server."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack

import grpc

from hook0_client import backoff, calls, errors, events, publisher, trust, watch
from hook0_client._gen.hook0.v1 import (
    account_service_pb2_grpc,
    application_service_pb2_grpc,
    attempt_pb2,
    attempt_service_pb2,
    attempt_service_pb2_grpc,
    audit_service_pb2_grpc,
    delivery_service_pb2_grpc,
    event_service_pb2_grpc,
    event_type_service_pb2_grpc,
    ingestion_service_pb2,
    ingestion_service_pb2_grpc,
    instance_service_pb2_grpc,
    organization_service_pb2_grpc,
    service_token_service_pb2_grpc,
    stats_service_pb2_grpc,
    subscription_service_pb2_grpc,
    view_pb2,
)

DEFAULT_ADDRESS = "127.0.0.1:50051"
TIMEOUT = 30.0  # seconds
MAX_TRIES = 6  # of one publish


def connect(
    address: str | None = None,
    *,
    token: str | None = None,
    application_id: str | None = None,
    tls: bool | grpc.ChannelCredentials = False,
    tls_ca: trust.Path | None = None,
    tls_cert: trust.Path | None = None,
    tls_key: trust.Path | None = None,
    timeout: float = TIMEOUT,
) -> "Client":
    """A client for `address` ("host:port"); call it where an event loop runs and use it in `async with`.

    Left out: HOOK0_ADDRESS, HOOK0_TOKEN and HOOK0_APPLICATION_ID of the environment; without an address, the one of a
    server on this machine. `token` is an application secret ("": none); it travels readable unless `tls` is on. `tls_ca`
    is a PEM file with the authorities to trust (left out: the system's), `tls_cert` and `tls_key` are those of a client
    certificate, for servers that ask for one; each of them turns `tls` on. `timeout` in seconds is the deadline of each
    unary call that has no `timeout` of its own.
    Nothing is sent yet: a server that is not there shows in the first call. Raises OSError where a file cannot be read,
    ValueError where it cannot be used.
    """
    credentials = trust.credentials(tls, ca=tls_ca, cert=tls_cert, key=tls_key)
    channel = calls.open_channel(address or os.environ.get("HOOK0_ADDRESS") or DEFAULT_ADDRESS, credentials)
    return Client(
        channel,
        token=os.environ.get("HOOK0_TOKEN") if token is None else token,
        application_id=application_id or os.environ.get("HOOK0_APPLICATION_ID"),
        timeout=timeout,
    )


class Client:
    """The services of the server as attributes, with everything of the .proto files, and the four things that most
    programs need: `publish`, `publisher`, `watch`, and `hook0_client.pages` for the lists.

    Every call raises a Hook0Error where it fails. One client serves a whole program; it belongs to one event loop.
    """

    def __init__(self, channel: grpc.aio.Channel, *, token: str | None, application_id: str | None, timeout: float) -> None:
        self.application_id = application_id
        self._timeout = timeout
        self._channel = channel
        stubs = calls.Channel(channel, token, timeout).as_grpc()
        self.accounts = account_service_pb2_grpc.AccountServiceStub(stubs)
        self.ingestion = ingestion_service_pb2_grpc.IngestionServiceStub(stubs)
        self.events = event_service_pb2_grpc.EventServiceStub(stubs)
        self.deliveries = delivery_service_pb2_grpc.DeliveryServiceStub(stubs)
        self.attempts = attempt_service_pb2_grpc.AttemptServiceStub(stubs)
        self.applications = application_service_pb2_grpc.ApplicationServiceStub(stubs)
        self.event_types = event_type_service_pb2_grpc.EventTypeServiceStub(stubs)
        self.organizations = organization_service_pb2_grpc.OrganizationServiceStub(stubs)
        self.service_tokens = service_token_service_pb2_grpc.ServiceTokenServiceStub(stubs)
        self.instance = instance_service_pb2_grpc.InstanceServiceStub(stubs)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(stubs)
        self.stats = stats_service_pb2_grpc.StatsServiceStub(stubs)
        self.subscriptions = subscription_service_pb2_grpc.SubscriptionServiceStub(stubs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every call that is open; harmless when repeated."""
        await self._channel.close()

    async def publish(
        self,
        event_type: str,
        payload: events.Payload,
        *,
        application_id: str | None = None,
        timeout: float | None = None,
        **options: Unpack[events.EventOptions],
    ) -> events.Published:
        """Publishes one event; returns once it is stored. For thousands a second, use `publisher`.

        A server that is away or full is asked again within `timeout` seconds (default: the client's), under the same
        event id, so that the event is stored once at most. Raises InvalidRequest (a field, PAYLOAD_NOT_JSON, …),
        Precondition (EVENT_TYPE_NOT_FOUND), AlreadyExists (EVENT_ID_REUSED), Unauthenticated, Denied, NotFound;
        Unavailable, QuotaExceeded or DeadlineExceeded when time or tries are used up: it may be stored or not.
        """
        request = ingestion_service_pb2.PublishEventRequest(
            application_id=self._application(application_id), event=events.new_event(event_type, payload, **options)
        )
        clock = asyncio.get_running_loop().time
        end = clock() + (self._timeout if timeout is None else timeout)
        retries = backoff.Retries(MAX_TRIES, end, clock)
        while True:
            try:
                return events.published(await self.ingestion.PublishEvent(request, timeout=end - clock()))
            except errors.Hook0Error as error:
                await asyncio.sleep(retries.failed(error))

    def publisher(
        self,
        *,
        application_id: str | None = None,
        max_pending: int = publisher.MAX_PENDING,
        max_pending_bytes: int = publisher.MAX_PENDING_BYTES,
        give_up_after: float | None = publisher.GIVE_UP_AFTER,
    ) -> publisher.Publisher:
        """Publishes many events fast: `async with client.publisher() as publisher: await publisher.publish(…)`.

        At most `max_pending` events and `max_pending_bytes` are on their way; `publish` waits when that is reached.
        After `give_up_after` seconds without an answer (None: never) everything that waits fails.
        """
        return publisher.Publisher(
            self.ingestion.PublishEventStream,
            self._application(application_id),
            max_pending=max_pending,
            max_pending_bytes=max_pending_bytes,
            give_up_after=give_up_after,
        )

    def watch(
        self,
        attempt_filter: attempt_pb2.AttemptFilter | None = None,
        *,
        cursor: str | None = None,
        start_at: datetime | None = None,
        view: "view_pb2.View" = view_pb2.VIEW_BASIC,
        application_id: str | None = None,
        heartbeat_interval: float = watch.HEARTBEAT_INTERVAL,
        on_interruption: Callable[[errors.Hook0Error], None] | None = None,
    ) -> watch.Watch:
        """Every attempt from `cursor`, from `start_at` (with its time zone), or from now: `async for attempt in …`.

        Without end; see Watch. `heartbeat_interval` in seconds, 1 to 60. With VIEW_FULL attempts have their request
        and response. Raises ValueError where both starts are given.
        """
        if cursor and start_at:
            raise ValueError("a watch starts at a cursor or at a time, not both")
        request = attempt_service_pb2.WatchAttemptsRequest(
            application_id=self._application(application_id), filter=attempt_filter, view=view
        )
        if cursor:
            request.cursor = cursor
        elif start_at:
            request.start_at.CopyFrom(events.timestamp(start_at))
        return watch.Watch(
            self.attempts.WatchAttempts,
            request,
            heartbeat_interval=heartbeat_interval,
            on_interruption=on_interruption,
        )

    def _application(self, given: str | None) -> str:
        chosen = given or self.application_id
        if not chosen:
            raise ValueError("which application? Give application_id, here or to connect(), or set HOOK0_APPLICATION_ID")
        return chosen
