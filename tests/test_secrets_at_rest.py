"""A dump of the database and everything that was logged: none of the secrets that a server gave out or took is in them."""

import base64
import contextlib
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import structlog
import workbench
from psycopg import sql

import hook0_client
from hook0_client import errors, v1
from hook0_client._gen.hook0.v1 import account_service_pb2 as accounts_pb2, service_token_service_pb2 as tokens_pb2
from hook0_server import app
from tests.conftest import MASTER_KEY

EMAIL, FIRST_PASSWORD, PASSWORD = "owner@example.com", "bakery-tuesday-14", "window-lantern-88"
HEADER, USERINFO, REFUSED_USERINFO = "header-value-7f3a9c", "hook:userinfo-41c7d2", "hook:refused-98b1e4"
TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass
class Secrets:
    """By what they are: texts that nobody may find."""

    texts: dict[str, str] = field(default_factory=dict)

    def spellings(self) -> Iterator[tuple[str, str]]:
        """As they are, as bytes of a bytea, in base64, and what a UUID or token is made of, in hexadecimal digits."""
        for name, text in self.texts.items():
            yield f"{name}", text
            yield f"{name}, as bytes", text.encode().hex()
            yield f"{name}, in base64", base64.b64encode(text.encode()).decode().rstrip("=")[:-1]
            with contextlib.suppress(ValueError):
                yield f"{name}, as a UUID", uuid.UUID(text).hex
            if len(text) > 200:
                raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
                yield f"{name}, as a Biscuit", raw.hex()
                yield f"{name}, the key that it ends with", raw[-32:].hex()


def dump(dsn: str) -> str:
    """Every row of every table; a bytea is in hexadecimal digits."""
    parts: list[bytes] = []
    with psycopg.connect(dsn) as connection:
        for schema, table in connection.execute(TABLES).fetchall():
            asked = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor().copy(asked) as copied:
                parts += [bytes(each) for each in copied]
    return b"".join(parts).decode()


@pytest.fixture
async def logged(caplog: pytest.LogCaptureFixture) -> Any:
    """What is logged from here on, at any level, from before the server starts."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as lines:
        yield lines


def repeated() -> str:
    return str(uuid.uuid4())


async def use_an_application(server: app.Server, master: hook0_client.Client, secrets: Secrets, url: str) -> str:
    """An application whose secrets work, a second secret, subscriptions and an event that is delivered; answers its id."""
    application = v1.Application(name="shop")
    asked = v1.CreateApplicationRequest(application=application, request_id=repeated())
    made = await master.applications.CreateApplication(asked)
    application_id = str(made.application.application_id)
    another = v1.ApplicationSecret(application_id=application_id, name="another")
    second = v1.CreateApplicationSecretRequest(application_secret=another, request_id=repeated())
    answers = [await master.applications.CreateApplicationSecret(second) for _ in range(2)]
    secrets.texts["first application secret"] = made.application_secret.secret
    secrets.texts["application secret"] = answers[0].application_secret.secret
    assert answers[0] == answers[1]
    event_type = v1.EventType(application_id=application_id, event_type="order.invoice.paid")
    await master.event_types.CreateEventType(v1.CreateEventTypeRequest(event_type=event_type))
    async with hook0_client.connect(server.grpc, token=secrets.texts["application secret"]) as client:
        await subscribe(client, application_id, secrets, url)
        event = v1.NewEvent(event_type="order.invoice.paid", payload_text='{"seen": true}')
        await client.ingestion.PublishEvent(v1.PublishEventRequest(application_id=application_id, event=event))
    return application_id


async def subscribe(client: hook0_client.Client, application_id: str, secrets: Secrets, url: str) -> None:
    for name, where in (("delivered", url), ("failing", "http://127.0.0.1:9/hook"), ("refused", "http://10.0.0.1:9/hook")):
        userinfo = REFUSED_USERINFO if name == "refused" else USERINFO
        http = v1.HttpTarget(url=where.replace("//", f"//{userinfo}@"), headers={"X-Api-Key": HEADER})
        subscription = v1.Subscription(application_id=application_id, event_types=["**"], target=v1.Target(http=http))
        asked = v1.CreateSubscriptionRequest(subscription=subscription, request_id=repeated())
        if name == "refused":
            with pytest.raises(errors.InvalidRequest) as caught:
                await client.subscriptions.CreateSubscription(asked)
            assert "98b1e4" not in f"{caught.value!r} {caught.value} {caught.value.metadata} {caught.value.violations}"
            continue
        made = await client.subscriptions.CreateSubscription(asked)
        secrets.texts[f"signing secret of {name}"] = made.secret
        made.subscription.description = "changed"
        update = v1.UpdateSubscriptionRequest(subscription=made.subscription)
        update.update_mask.paths.append("description")
        await client.subscriptions.UpdateSubscription(update)


async def use_a_service_token(server: app.Server, master: hook0_client.Client, secrets: Secrets) -> None:
    token = tokens_pb2.ServiceToken(name="billing")
    asked = tokens_pb2.CreateServiceTokenRequest(service_token=token, request_id=repeated())
    secrets.texts["service token"] = (await master.service_tokens.CreateServiceToken(asked)).token
    async with hook0_client.connect(server.grpc, token=secrets.texts["service token"]) as client:
        await client.applications.ListApplications(v1.ListApplicationsRequest())


async def use_an_account(server: app.Server, secrets: Secrets) -> None:
    """Registered, logged in, refreshed, with a password that was changed and another one asked for."""
    async with hook0_client.connect(server.grpc) as nobody:
        new = accounts_pb2.RegisterRequest(email=EMAIL, password=FIRST_PASSWORD, first_name="Olive")
        await nobody.accounts.Register(new)
        session = await nobody.accounts.Login(accounts_pb2.LoginRequest(email=EMAIL, password=FIRST_PASSWORD))
        asked = accounts_pb2.RefreshSessionRequest(refresh_token=session.refresh_token)
        refreshed = await nobody.accounts.RefreshSession(asked)
        with pytest.raises(errors.Unauthenticated):
            await nobody.accounts.Login(accounts_pb2.LoginRequest(email=EMAIL, password="guessed-at-night-3"))
        secrets.texts |= {"first access token": session.access_token, "first refresh token": session.refresh_token}
        secrets.texts |= {"access token": refreshed.access_token, "refresh token": refreshed.refresh_token}
        async with hook0_client.connect(server.grpc, token=refreshed.access_token) as olive:
            await olive.accounts.ChangePassword(
                accounts_pb2.ChangePasswordRequest(current_password=FIRST_PASSWORD, new_password=PASSWORD)
            )
        await nobody.accounts.BeginPasswordReset(accounts_pb2.BeginPasswordResetRequest(email=EMAIL))
    secrets.texts |= {"first password": FIRST_PASSWORD, "password": PASSWORD, "guess": "guessed-at-night-3"}


async def until_mailed(server: app.Server, logged: list[Any]) -> list[Any]:
    """The two letters, which are logged because there is no mail server."""
    await server.people._parts.outbox.idle()
    letters = [each for each in logged if each["event"] == "mail.logged"]
    assert len(letters) == 2
    return letters


async def test_no_secret_is_in_a_dump_or_in_the_logs(
    logged: list[Any], caplog: pytest.LogCaptureFixture, server: app.Server, master: hook0_client.Client, dsn: str
) -> None:
    basic = base64.b64encode(USERINFO.encode()).decode()
    secrets = Secrets({"header value": HEADER, "userinfo": USERINFO, "as it is sent": basic, "refused": REFUSED_USERINFO})
    secrets.texts["master key"] = MASTER_KEY
    async with workbench.receiving() as receiver:
        await use_an_application(server, master, secrets, receiver.url)
        await receiver.until_events(1)
        assert receiver.received[0].headers["x-api-key"] == HEADER
        assert receiver.received[0].headers["authorization"] == f"Basic {basic}"
    await use_a_service_token(server, master, secrets)
    await use_an_account(server, secrets)
    letters = await until_mailed(server, logged)
    mailed = Secrets({"link to verify": letters[0]["token"], "link to reset": letters[1]["token"]})
    lines = "\n".join([str(each) for each in logged if each["event"] != "mail.logged"] + [caplog.text])
    stored = dump(dsn)
    assert "another" in stored
    assert b'{"seen": true}'.hex() in stored  # so what is searched for would be found
    assert "rpc.finished" in lines
    spellings = [*secrets.spellings(), *mailed.spellings()]
    assert len(secrets.texts) == 17
    assert [name for name, text in spellings if text in stored] == []
    assert [name for name, text in spellings if text in lines] == []
