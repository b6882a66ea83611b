"""What the calls of AccountService share: who calls, the rules of what people type, and how a person is shown."""

import uuid
from typing import Any

from hook0_client._gen.hook0.v1 import account_pb2
from hook0_server.access import sessions
from hook0_server.api import pipeline, rules
from hook0_server.model import addresses, errors, password_rules
from hook0_server.store import database, users


def session(call: pipeline.Call) -> tuple[uuid.UUID, uuid.UUID]:
    """The person who calls, and their session: of an operation with Scope.USER."""
    user_id, session_id = call.principal.user_id, call.principal.session_id
    if user_id is None or session_id is None:
        raise AssertionError("the operation is not declared with Scope.USER")
    return user_id, session_id


async def caller(db: database.Database, call: pipeline.Call) -> users.User:
    """Raises Unauthenticated where the account was deleted a moment ago."""
    found = await users.get(db, session(call)[0])
    if found is None:
        raise errors.Unauthenticated("CREDENTIALS_INVALID", "The account of this token was deleted.")
    return found


def of(user: users.User) -> password_rules.Person:
    """Whom their password must not be like."""
    return password_rules.Person(user.email, (user.first_name, user.last_name))


def shown(user: users.User) -> account_pb2.User:
    return account_pb2.User(
        user_id=str(user.user_id),
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        created_at=user.created_at,
        verified_at=user.verified_at,
    )


def tokens(pair: sessions.Pair) -> dict[str, Any]:
    """The fields of every response that hands out a session's tokens."""
    return {
        "access_token": pair.access_token,
        "access_token_expires_at": rules.seconds_to_datetime(int(pair.access_token_expires_at), 0),
        "refresh_token": pair.refresh_token,
        "refresh_token_expires_at": rules.seconds_to_datetime(int(pair.refresh_token_expires_at), 0),
        "user": shown(pair.user),
    }


def judge_email(breaches: rules.Breaches, email: str) -> None:
    if not addresses.is_address(email):
        breaches.add("email", f"{errors.excerpt(email)} is not an address such as name@example.com, in ASCII")


def judge_password(breaches: rules.Breaches, field: str, password: str) -> None:
    """Of a password that should be right. Of a new one more is asked, by access/passwords."""
    breaches.text(field, password, 1, password_rules.LONGEST)


def judge_new_password(breaches: rules.Breaches, field: str, password: str) -> None:
    """What could not be typed again at a login; the rest is judged by access/passwords, which knows the person."""
    if "\0" in password:
        breaches.add(field, "holds the character NUL (\\u0000), which is not allowed")


def judge_token(breaches: rules.Breaches, field: str, token: str) -> None:
    if not token:
        breaches.add(field, "is empty; give the token of the message, or of the session")
