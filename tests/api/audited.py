"""A walk through everything that changes something, and what the audit log says of each."""

import pathlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import every_credential
import grpc
import people
import registering
import rows
import structlog
from google.protobuf.message import Message

import hook0_client
from hook0_client import v1
from hook0_client._gen.hook0.v1 import (
    organization_pb2,
    organization_service_pb2 as organizations,
    service_token_service_pb2 as tokens,
)
from hook0_server import app, settings as server_settings
from hook0_server.api import registry

ADDRESS = "127.0.0.1"
TABLES = (
    "organizations", "applications", "application_secrets", "event_types", "subscriptions", "subscription_revisions",
    "service_tokens", "members", "invitations", "users", "sessions", "request_answers", "deliveries",
)  # fmt: skip
COLUMNS = (
    "organization_id", "application_id", "action", "operation", "actor_kind", "actor_id", "credential_id", "source_ip",
    "resource_type", "resource_id", "result",
)  # fmt: skip
BROKEN = b"ALTER TABLE audit_entries ADD CONSTRAINT broken CHECK (false) NOT VALID"
MENDED = b"ALTER TABLE audit_entries DROP CONSTRAINT broken"


def settings(folder: pathlib.Path, master_key: str) -> server_settings.Settings:
    """A server that sends nothing: deliveries stay as they are. Nobody calls too often here."""
    limits = ("RATE_PER_CREDENTIAL", "RATE_PER_ADDRESS", "FAILED_LOGINS_PER_MINUTE")
    return server_settings.Settings.from_environ(
        {
            "HOOK0_DATA_DIR": str(folder / "data"),
            "HOOK0_GRPC_ADDRESS": "127.0.0.1:0",
            "HOOK0_HTTP_ADDRESS": "127.0.0.1:0",
            "HOOK0_ALLOW_TARGETS": "127.0.0.0/8",
            "HOOK0_MASTER_API_KEY": master_key,
            "HOOK0_ROLES": "api",
            **{f"HOOK0_{each}": "0" for each in limits},
        }
    )


def said(entry: tuple[Any, ...]) -> dict[str, Any]:
    """One of `Walk.entries`, by column."""
    return dict(zip(COLUMNS, entry[1:], strict=True))


@dataclass(frozen=True)
class Who:
    """A credential, and what the log calls who has it."""

    token: str
    kind: str
    actor_id: str = ""
    credential_id: str = ""


NOBODY = Who("", "anonymous")


@dataclass
class Walk:
    """`await walk(who, request, resource_id=…)`: nothing happens without an entry, and then all of it with exactly one."""

    server: app.Server
    channel: grpc.aio.Channel
    walked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.operations = {each.request: each for each in self.server.operations()}
        self.outbox = self.server.people._parts.outbox
        self.outbox._transport = self.letters = registering.Kept()
        self.server.people.passwords._hasher = registering.Counting()  # a cheap one

    async def __call__(
        self,
        who: Who,
        request: Message,
        *,
        resource_id: str | Callable[[Any], str],
        organization_id: str | Callable[[Any], str] = "",
        application_id: str | Callable[[Any], str] = "",
        actor: Who | Callable[[Any], Who] | None = None,
    ) -> Any:
        operation = self.operations[type(request)]
        self.walked.add(operation.name)
        await self._nothing_without_an_entry(operation, request, who)
        before = await self.entries()
        answer = await self.called(operation, request, who)
        [entry] = [each for each in await self.entries() if each not in before]
        actor = actor(answer) if callable(actor) else actor or who
        assert said(entry) == {
            "organization_id": _of(organization_id, answer) or None,
            "application_id": _of(application_id, answer) or None,
            "action": operation.action,
            "operation": f"{operation.service}/{operation.method}",
            "actor_kind": actor.kind,
            "actor_id": actor.actor_id,
            "credential_id": actor.credential_id,
            "source_ip": ADDRESS,
            "resource_type": operation.changes,
            "resource_id": _of(resource_id, answer),
            "result": "OK",
        }
        return answer

    async def entries(self) -> list[tuple[Any, ...]]:
        """Ids as texts, the oldest first."""
        columns = ", ".join(f"{each}::text" for each in COLUMNS)
        found = await self.server.db.fetch(
            f"SELECT audit_entry_id::text, {columns} FROM audit_entries ORDER BY audit_entry_id".encode()
        )
        return [tuple(row) for row in found]

    async def called(self, operation: registry.Operation, request: Message, who: Who) -> Any:
        call = self.channel.unary_unary(
            f"/{operation.name}",
            request_serializer=operation.request.SerializeToString,
            response_deserializer=operation.response.FromString,
        )
        answer = await call(request, metadata=(("authorization", f"Bearer {who.token}"),) if who.token else ())
        await self.outbox.idle()
        return answer

    async def _nothing_without_an_entry(self, operation: registry.Operation, request: Message, who: Who) -> None:
        before = await self.stored()
        await self.server.db.fetch(BROKEN)
        try:
            with structlog.testing.capture_logs():  # stacks are dear to show
                await self.called(operation, request, who)
            is_refused = False
        except grpc.aio.AioRpcError as raised:
            is_refused = raised.code() is grpc.StatusCode.INTERNAL
        finally:
            await self.server.db.fetch(MENDED)
        assert is_refused or operation.method == "BeginPasswordReset", operation.name  # that one works after its answer
        assert await self.stored() == before, operation.name
        self.outbox._lately.clear()  # it would send no second letter so soon

    async def stored(self, *but: str) -> list[Any]:
        """Everything that people and programs manage, but what is in these tables."""
        tables = [f"SELECT '{table}', t::text FROM {table} t" for table in TABLES if table not in but]
        return await self.server.db.fetch((" UNION ALL ".join(tables) + " ORDER BY 1, 2").encode())


def _of(text: str | Callable[[Any], str], answer: Any) -> str:
    return text if isinstance(text, str) else text(answer)


async def walk_organization(walk: Walk, master: hook0_client.Client) -> None:
    """Organization, members, service tokens and applications, each by somebody else."""
    owner = await _person(walk.server)
    name = organization_pb2.Organization(name="house")
    made = await walk(
        owner,
        organizations.CreateOrganizationRequest(organization=name),
        resource_id=lambda answer: str(answer.organization.organization_id),
        organization_id=lambda answer: str(answer.organization.organization_id),
    )
    here = made.organization.organization_id
    renamed = organization_pb2.Organization(organization_id=here, name="home")
    request: Message = organizations.UpdateOrganizationRequest(organization=renamed)
    await walk(owner, request, resource_id=here, organization_id=here)
    request = organizations.AddMemberRequest(organization_id=here, email="New@example.com", role=people.VIEWER)
    await walk(owner, request, resource_id="new@example.com", organization_id=here)
    request = organizations.UpdateMemberRequest(organization_id=here, email="new@example.com", role=people.EDITOR)
    await walk(owner, request, resource_id="new@example.com", organization_id=here)
    request = organizations.RemoveMemberRequest(organization_id=here, email="new@example.com")
    await walk(owner, request, resource_id="new@example.com", organization_id=here)
    token = tokens.ServiceToken(name="billing", organization_id=here)
    issued = await walk(
        owner,
        tokens.CreateServiceTokenRequest(service_token=token, request_id=str(uuid.uuid4())),
        resource_id=lambda answer: str(answer.service_token.service_token_id),
        organization_id=here,
    )
    token_id = issued.service_token.service_token_id
    service = Who(issued.token, "service_token", token_id, token_id)
    token = tokens.ServiceToken(name="shipping", organization_id=here, service_token_id=token_id.upper())
    await walk(owner, tokens.UpdateServiceTokenRequest(service_token=token), resource_id=token_id, organization_id=here)
    await _walk_application(walk, service, here)
    request = tokens.DeleteServiceTokenRequest(organization_id=here, service_token_id=token_id)
    await walk(owner, request, resource_id=token_id, organization_id=here)
    request = organizations.DeleteOrganizationRequest(organization_id=here)
    await walk(owner, request, resource_id=here, organization_id=here)


async def _person(server: app.Server) -> Who:
    who = await people.person(server, f"o{uuid.uuid4().hex}")
    return Who(who.token, "user", str(who.user_id), str(who.session_id))


async def _walk_application(walk: Walk, service: Who, here: str) -> None:
    application = v1.Application(name="shop", organization_id=here)
    made = await walk(
        service,
        v1.CreateApplicationRequest(application=application),
        resource_id=lambda answer: str(answer.application.application_id),
        organization_id=here,
        application_id=lambda answer: str(answer.application.application_id),
    )
    inside: dict[str, Any] = {"organization_id": here, "application_id": made.application.application_id}
    shop = made.application.application_id
    renamed = v1.Application(application_id=shop, name="store")
    await walk(service, v1.UpdateApplicationRequest(application=renamed), resource_id=shop, **inside)
    first = made.application_secret
    secret = Who(first.secret, "application_secret", first.application_secret_id, first.application_secret_id)
    await _walk_what_an_application_has(walk, secret, shop, inside)
    await walk(service, v1.DeleteApplicationRequest(application_id=shop), resource_id=shop, **inside)


async def _walk_what_an_application_has(walk: Walk, secret: Who, shop: str, inside: dict[str, Any]) -> None:
    another = v1.ApplicationSecret(application_id=shop, name="another")
    made = await walk(
        secret,
        v1.CreateApplicationSecretRequest(application_secret=another),
        resource_id=lambda answer: str(answer.application_secret.application_secret_id),
        **inside,
    )
    secret_id = made.application_secret.application_secret_id
    another = v1.ApplicationSecret(application_id=shop, application_secret_id=secret_id, name="other")
    await walk(secret, v1.UpdateApplicationSecretRequest(application_secret=another), resource_id=secret_id, **inside)
    request: Message = v1.DeleteApplicationSecretRequest(application_id=shop, application_secret_id=secret_id)
    await walk(secret, request, resource_id=secret_id, **inside)
    await _walk_deliveries(walk, secret, shop, inside)
    kind = every_credential.TYPE
    request = v1.DeleteEventTypeRequest(application_id=shop, event_type=kind)
    await walk(secret, request, resource_id=kind, **inside)


async def _walk_deliveries(walk: Walk, secret: Who, shop: str, inside: dict[str, Any]) -> None:
    kind = every_credential.TYPE
    described = v1.EventType(application_id=shop, event_type=kind, description="paid")
    await walk(secret, v1.CreateEventTypeRequest(event_type=described), resource_id=kind, **inside)
    await walk(secret, v1.UpdateEventTypeRequest(event_type=described), resource_id=kind, **inside)
    wanted = v1.Subscription(application_id=shop, event_types=["**"])
    wanted.target.http.url = "http://127.0.0.1:9/"
    made = await walk(
        secret,
        v1.CreateSubscriptionRequest(subscription=wanted),
        resource_id=lambda answer: str(answer.subscription.subscription_id),
        **inside,
    )
    subscription_id = made.subscription.subscription_id
    changed = v1.Subscription(application_id=shop, subscription_id=subscription_id, description="all")
    await walk(secret, v1.UpdateSubscriptionRequest(subscription=changed), resource_id=subscription_id, **inside)
    application_id = uuid.UUID(shop)
    event_id = await rows.event(walk.server.db, application_id, event_type=kind)
    await walk(secret, v1.ReplayEventRequest(application_id=shop, event_id=str(event_id)), resource_id=str(event_id), **inside)
    waiting = await rows.delivery(walk.server.db, application_id, subscription_id=uuid.UUID(subscription_id))
    retried: Message = v1.RetryDeliveryRequest(application_id=shop, delivery_id=str(waiting))
    await walk(secret, retried, resource_id=str(waiting), **inside)
    cancelled: Message = v1.CancelDeliveryRequest(application_id=shop, delivery_id=str(waiting))
    await walk(secret, cancelled, resource_id=str(waiting), **inside)
    request = v1.DeleteSubscriptionRequest(application_id=shop, subscription_id=subscription_id)
    await walk(secret, request, resource_id=subscription_id, **inside)
