"""People's accounts as a server puts them together from its settings."""

import uuid

import structlog

from hook0_client._gen.hook0.v1 import account_service_pb2 as pb2
from hook0_server import metrics, people, settings
from hook0_server.access import biscuits, credentials, mail, permissions
from hook0_server.api import pipeline
from hook0_server.store import database


class Unlimited:
    def may_try(self, key: object) -> None:
        return

    def failed(self, key: object) -> None:
        return


def made(db: database.Database, **environ: str) -> people.People:
    given = settings.Settings.from_environ(environ)
    return people.People(db, given, biscuits.Root(b"r" * 32), Unlimited(), lambda _: None)


async def register(db: database.Database, served: people.People) -> pb2.RegisterResponse:
    through = pipeline.Pipeline(credentials.Authenticator(db, None), permissions.Permissions(db), metrics.Metrics())
    [operation] = [each for each in served.operations() if each.method == "Register"]
    request = pb2.RegisterRequest(email="owner@example.com", password="bakery-tuesday-14", first_name="Olive")
    answer = await through.unary(operation, request, authorization=None, source_ip=None)
    assert isinstance(answer, pb2.RegisterResponse)
    return answer


async def test_without_a_mail_server_the_link_is_logged_before_the_server_has_stopped(db: database.Database) -> None:
    served = made(db, HOOK0_APP_URL="https://app.example.com")
    with structlog.testing.capture_logs() as logged:
        async with served.running():
            answer = await register(db, served)
    [line] = [each for each in logged if each["event"] == "mail.logged"]
    assert line["link"].startswith("https://app.example.com/verify-email?token=")
    token = biscuits.Root(b"r" * 32).read(line["token"])
    assert token.user_id == uuid.UUID(answer.user.user_id)


async def test_with_a_mail_server_messages_go_there(db: database.Database) -> None:
    served = made(db, HOOK0_SMTP_URL="smtps://mail.example.com", HOOK0_MAIL_FROM="hook0@example.com")
    assert isinstance(served._parts.outbox._transport, mail.Smtp)
    assert served._policy.needs_verification


async def test_settings_decide_who_may_register_and_for_how_long_a_session_lives(db: database.Database) -> None:
    served = made(db, HOOK0_REGISTRATION="off", HOOK0_ACCESS_TOKEN_SECONDS="60", HOOK0_REFRESH_TOKEN_SECONDS="120")
    assert not served._policy.may_register
    lifetimes = served._parts.sessions._lifetimes
    assert (lifetimes.access, lifetimes.refresh) == (60, 120)
