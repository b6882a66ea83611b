"""One house for each credential: what it owns, the credential that calls, and a request for every operation."""

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import people
from google.protobuf.message import Message

import hook0_client
from hook0_client import attenuation, errors, v1
from hook0_client._gen.hook0.v1 import account_service_pb2 as accounts_pb2, service_token_service_pb2 as tokens_pb2
from hook0_server import app
from hook0_server.api import registry

TYPE, TENANT = "order.invoice.paid", {"tenant": "acme"}
PAST = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_PARTS = ("application", "application_secret", "event_type", "organization", "service_token", "subscription", "event", "events")
# What takes away what others need, in this order; without `force` an organization with an application stays. A secret ends with
# its application, at once or a little later, and a session when it is logged out.
LAST = ("DeleteSubscription", "DeleteEventType", "DeleteOrganization", "DeleteApplication", "Logout")
LAST_OF_SECRETS = (*LAST[:3], "Logout", "DeleteApplication")


@dataclass
class House:
    """An organization with one application, and what is in it."""

    server: app.Server
    master: hook0_client.Client
    organization_id: str
    application_id: str
    secret: str
    ids: dict[str, str] = field(default_factory=dict)

    async def service_token(self) -> tuple[str, str]:
        """Its id and text."""
        token = tokens_pb2.ServiceToken(name="billing", organization_id=self.organization_id)
        made = await self.master.service_tokens.CreateServiceToken(tokens_pb2.CreateServiceTokenRequest(service_token=token))
        return made.service_token.service_token_id, made.token

    async def member(self, role: people.organization_pb2.Role) -> str:
        """The token of a new one."""
        who = await people.person(self.server, f"m{uuid.uuid4().hex}")
        await people.added(self.master, self.organization_id, who.email, role)
        return who.token

    def request(self, operation: registry.Operation) -> Message:
        made = operation.request()
        self._fill(made)
        return made

    def _fill(self, message: Message) -> None:
        for each in message.DESCRIPTOR.fields:
            if each.message_type is not None and each.name in _PARTS:
                part = getattr(message, each.name)
                self._fill(part.add() if each.is_repeated else part)
            elif each.message_type is None and each.name in self.ids:
                setattr(message, each.name, self.ids[each.name])
        _complete(message)


def _complete(message: Any) -> None:
    """What cannot be told from the name of a field."""
    if isinstance(message, v1.Subscription):
        message.event_types.append("**")
        message.labels.update(TENANT)
        message.target.http.url = "http://127.0.0.1:9/"
    elif isinstance(message, v1.NewEvent):
        message.event_id = ""
        message.payload_text = "{}"
        message.labels.update(TENANT)
    elif isinstance(message, (people.pb2.AddMemberRequest, people.pb2.UpdateMemberRequest)):
        message.role = people.VIEWER
    if isinstance(message, (people.pb2.UpdateMemberRequest, people.pb2.RemoveMemberRequest)):
        message.user_id = ""
    if isinstance(message, v1.GetEventsPerDayRequest):
        message.organization_id = ""
    if isinstance(message, accounts_pb2.DeleteAccountRequest):
        message.password = "wrong-tuesday-14"
    if isinstance(message, accounts_pb2.ChangePasswordRequest):
        message.current_password, message.new_password = "wrong-tuesday-14", "window-lantern-88"


async def house(server: app.Server, master: hook0_client.Client) -> House:
    organization_id = await people.founded(master)
    application = v1.Application(name="shop", organization_id=organization_id)
    made = await master.applications.CreateApplication(v1.CreateApplicationRequest(application=application))
    built = House(server, master, organization_id, made.application.application_id, made.application_secret.secret)
    absent = ("delivery_id", "attempt_id", "application_secret_id", "service_token_id")
    built.ids = {
        "organization_id": organization_id, "application_id": built.application_id, "event_type": TYPE, "name": "other",
        "email": "nobody@example.com", "from": "2024-01-01", "to": "2024-01-02", **{each: str(uuid.uuid4()) for each in absent},
    }  # fmt: skip
    await _furnish(built, master)
    return built


async def _furnish(built: House, master: hook0_client.Client) -> None:
    event_type = v1.EventType(application_id=built.application_id, event_type=TYPE)
    await master.event_types.CreateEventType(v1.CreateEventTypeRequest(event_type=event_type))
    subscription = v1.Subscription()
    built._fill(subscription)
    asked = v1.CreateSubscriptionRequest(subscription=subscription)
    built.ids["subscription_id"] = (await master.subscriptions.CreateSubscription(asked)).subscription.subscription_id
    event = v1.NewEvent(event_type=TYPE, payload_text="{}", labels=TENANT)
    published = v1.PublishEventRequest(application_id=built.application_id, event=event)
    built.ids["event_id"] = (await master.ingestion.PublishEvent(published)).event_id


Text = Callable[[registry.Operation], str]  # of a credential, for a call of this operation


async def plain(own: House, other: House, master_key: str) -> dict[str, str]:
    """Credentials as they were made."""
    owner = await people.person(own.server, f"s{uuid.uuid4().hex}")
    await people.added(own.master, other.organization_id, owner.email, people.OWNER)
    return {
        "nothing": "",
        "unknown_uuid": str(uuid.uuid4()),
        "malformed": "En0KEwoEMTIzNBgDIgkKBwgKEgMYgAg",
        "secret": own.secret,
        "other_secret": other.secret,
        "service": (await own.service_token())[1],
        "other_service": (await other.service_token())[1],
        "stranger": owner.token,
        "viewer": await own.member(people.VIEWER),
        "editor": await own.member(people.EDITOR),
        "owner": await own.member(people.OWNER),
        "master": master_key,
    }


async def limited(own: House, other: House) -> dict[str, Text]:
    """Tokens of the house's service or owner with less in them; `own_action` is good for nothing but what is called."""
    service, owner = (await own.service_token())[1], await own.member(people.OWNER)

    def narrowed(token: str, **limits: Any) -> Text:
        text = attenuation.attenuate(token, **limits)
        return lambda operation: text

    def other_action(operation: registry.Operation) -> str:
        return attenuation.attenuate(service, actions=["event:get" if operation.action == "event:ingest" else "event:ingest"])

    return {
        "own_action": lambda operation: attenuation.attenuate(service, actions=[operation.action]),
        "other_action": other_action,
        "own_application": narrowed(service, applications=[own.application_id]),
        "other_application": narrowed(service, applications=[other.application_id]),
        "time_over": narrowed(service, expires=PAST),
        "own_label": narrowed(service, labels=TENANT),
        "other_label": narrowed(service, labels={"tenant": "other"}),
        "owner_narrowed": lambda operation: attenuation.attenuate(owner, actions=[operation.action]),
    }


async def revoked(own: House) -> str:
    token_id, text = await own.service_token()
    gone = tokens_pb2.DeleteServiceTokenRequest(service_token_id=token_id, organization_id=own.organization_id)
    await own.master.service_tokens.DeleteServiceToken(gone)
    return text


async def outcome(channel: grpc.aio.Channel, operation: registry.Operation, request: Message, token: str) -> str:
    """`OK`, or the code and the reason of the refusal."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    serving: dict[str, Any] = {"response_deserializer": operation.response.FromString}
    serving["request_serializer"] = operation.request.SerializeToString
    try:
        if operation.kind is registry.Kind.UNARY:
            answer = await channel.unary_unary(f"/{operation.name}", **serving)(request, metadata=metadata)
            return _of_event(answer.results[0]) if hasattr(answer, "results") else "OK"
        if operation.kind is registry.Kind.SERVER_STREAM:
            watching = channel.unary_stream(f"/{operation.name}", **serving)(request, metadata=metadata)
            await anext(aiter(watching))
            watching.cancel()
        else:
            stream = channel.stream_stream(f"/{operation.name}", **serving)([request], metadata=metadata)
            [answer] = [each async for each in stream]
            return _of_event(answer.results[0])
    except grpc.aio.AioRpcError as raised:
        failure = errors.from_rpc(raised)
        return f"{failure.code.name} {failure.reason}"
    return "OK"


def _of_event(result: Any) -> str:
    """One event of many is refused within the answer."""
    return f"PERMISSION_DENIED {errors.from_item(result.error).reason} (in the answer)" if result.HasField("error") else "OK"
