"""Rate limits around every operation: what is asked before authentication, what after it, and who is spared."""

import hashlib
import uuid
from typing import Any

import piped
import pytest
from structlog import testing

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server import metrics
from hook0_server.access import credentials, permissions, rate_limits
from hook0_server.api import pipeline, registry
from hook0_server.model import errors
from hook0_server.store import database

HERE, THERE = "192.0.2.7", "192.0.2.8"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Limited:
    """A pipeline with limits on a clock of its own; `await limited(…)` is a call."""

    def __init__(self, db: database.Database, **limits: float) -> None:
        self.clock, self.counted = Clock(), metrics.Metrics()
        self._pipeline = pipeline.Pipeline(
            credentials.Authenticator(db, piped.MASTER_KEY, clock=self.clock),
            permissions.Permissions(db),
            self.counted,
            rate_limits.RateLimits(**limits, clock=self.clock),
        )
        self._own = piped.operation(piped.answer, scope=registry.Scope.APPLICATION)
        self.application_id = uuid.UUID(int=1)

    async def __call__(
        self,
        authorization: str | None = piped.MASTER,
        source_ip: str | None = HERE,
        *,
        operation: registry.Operation | None = None,
    ) -> str:
        """How the call ended: OK, or the reason of its refusal."""
        request = pb2.PublishEventRequest(application_id=str(self.application_id))
        operation = operation or (piped.operation(piped.answer) if authorization == piped.MASTER else self._own)
        try:
            await self._pipeline.unary(operation, request, authorization=authorization, source_ip=source_ip)
        except errors.Refused as refusal:
            return refusal.reason
        return "OK"

    async def starts(self, messages: int) -> str:
        """As for a call, of a stream that gets so many messages."""

        async def handler(call: pipeline.Call, requests: Any) -> Any:
            async for _ in requests:
                yield pb2.PublishEventResponse(event_id="e")

        operation = piped.operation(handler, kind=registry.Kind.BIDI_STREAM, scope=registry.Scope.STREAM)
        given = piped.each([pb2.PublishEventRequest()] * messages)
        got, refusal = await piped.taken(
            self._pipeline.bidi_stream(operation, given, authorization=piped.MASTER, source_ip=HERE)
        )
        assert len(got) == (0 if refusal else messages)
        return refusal.reason if refusal else "OK"

    def limited(self) -> dict[str, float | None]:
        value = self.counted.registry.get_sample_value
        words = ("credential", "address", "failure")
        return {word: value("hook0_rate_limited_total", {"limit": word}) for word in words}


async def secret(db: database.Database, limited: Limited) -> str:
    """The authorization of a new secret of the rig's application."""
    value = str(uuid.uuid4())
    await db.fetch(
        b"INSERT INTO organizations (organization_id, name) VALUES (%s, 'o') ON CONFLICT DO NOTHING", [uuid.UUID(int=2)]
    )
    await db.fetch(
        b"INSERT INTO applications (application_id, organization_id, name) VALUES (%s, %s, 'a') ON CONFLICT DO NOTHING",
        [limited.application_id, uuid.UUID(int=2)],
    )
    await db.fetch(
        b"""INSERT INTO application_secrets (application_id, application_secret_id, secret_hash, secret_encrypted)
        VALUES (%s, gen_random_uuid(), %s, '')""",
        [limited.application_id, hashlib.sha256(value.encode()).digest()],
    )
    return f"Bearer {value}"


def wrong() -> str:
    return f"Bearer {uuid.uuid4()}"


def looked_up(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is asked of the database from now on."""
    asked: list[object] = []
    fetch = db.fetch

    async def counting(statement: bytes, parameters: Any = None) -> list[database.Row]:
        asked.append(parameters)
        return await fetch(statement, parameters)

    monkeypatch.setattr(db, "fetch", counting)
    return asked


async def test_without_limits_there_are_none(db: database.Database) -> None:
    limited = Limited(db)
    assert {await limited() for _ in range(100)} == {"OK"}
    assert {await limited(wrong()) for _ in range(100)} == {"CREDENTIALS_INVALID"}


async def test_an_address_has_a_rate_whoever_calls_and_others_are_not_held_up(db: database.Database) -> None:
    limited = Limited(db, per_address=2)
    assert [await limited() for _ in range(3)] == ["OK", "OK", "OK"]
    assert [await limited(None), await limited(None), await limited()] == [
        "CREDENTIALS_MISSING",
        "RATE_LIMITED",
        "RATE_LIMITED",
    ]
    assert await limited(source_ip=THERE) == "OK"
    assert await limited(source_ip=None) == "OK"
    limited.clock.now += 0.5
    assert [await limited(), await limited()] == ["OK", "RATE_LIMITED"]
    assert limited.limited() == {"credential": 0, "address": 3, "failure": 0}


async def test_a_credential_has_a_rate_wherever_it_calls_from_and_the_master_key_has_none(db: database.Database) -> None:
    limited = Limited(db, per_credential=2)
    mine, other = await secret(db, limited), await secret(db, limited)
    assert [await limited(mine, f"192.0.2.{n}") for n in range(5)] == ["OK"] * 4 + ["RATE_LIMITED"]
    assert await limited(other) == "OK"
    assert {await limited() for _ in range(20)} == {"OK"}
    assert limited.limited() == {"credential": 1, "address": 0, "failure": 0}


async def test_a_stream_is_one_call_whatever_it_carries(db: database.Database) -> None:
    limited = Limited(db, per_address=1)
    assert [await limited.starts(100), await limited.starts(100), await limited.starts(1)] == ["OK", "OK", "RATE_LIMITED"]


async def test_an_operation_for_everybody_is_limited_by_address_alone(db: database.Database) -> None:
    limited = Limited(db, per_credential=1, per_address=2, failures_per_minute=3)
    public = piped.operation(piped.answer, scope=registry.Scope.PUBLIC)
    assert [await limited(None, operation=public) for _ in range(5)] == ["OK"] * 4 + ["RATE_LIMITED"]
    assert await limited(wrong(), THERE) == "CREDENTIALS_INVALID"  # none of them was a failure


async def test_who_guesses_is_refused_before_the_database_is_asked(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Limited(db, failures_per_minute=60)
    asked = looked_up(db, monkeypatch)
    assert {await limited(wrong()) for _ in range(20)} == {"CREDENTIALS_INVALID"}
    assert len(asked) == 20
    assert {await limited(each) for each in [*(wrong() for _ in range(20)), None, "Bearer nothing"]} == {"RATE_LIMITED"}
    assert len(asked) == 20
    limited.clock.now += 1
    assert [await limited(wrong()), await limited(wrong())] == ["CREDENTIALS_INVALID", "RATE_LIMITED"]
    assert await limited(wrong(), THERE) == "CREDENTIALS_INVALID"
    assert limited.limited() == {"credential": 0, "address": 0, "failure": 23}


async def test_calls_without_a_credential_count_as_failures(db: database.Database) -> None:
    limited = Limited(db, failures_per_minute=60)
    assert [await limited(None) for _ in range(21)] == ["CREDENTIALS_MISSING"] * 20 + ["RATE_LIMITED"]


async def test_a_neighbour_who_guesses_locks_out_nobody_who_was_right_before(db: database.Database) -> None:
    limited = Limited(db, failures_per_minute=60)
    mine = await secret(db, limited)
    assert await limited(mine) == "OK"
    for _ in range(30):
        await limited(wrong())
    assert await limited(wrong()) == "RATE_LIMITED"
    assert await limited(mine) == "OK"
    limited.clock.now += 3600  # the verdict counts no longer, that it was good is remembered
    for _ in range(30):
        await limited(wrong())
    assert [await limited(mine), await limited(wrong())] == ["OK", "RATE_LIMITED"]


async def test_a_credential_that_was_good_and_is_deleted_becomes_one_that_guesses(db: database.Database) -> None:
    limited = Limited(db, failures_per_minute=60)
    mine = await secret(db, limited)
    assert await limited(mine) == "OK"
    await db.fetch(b"UPDATE application_secrets SET deleted_at = now()")
    limited.clock.now += 3
    assert [await limited(mine) for _ in range(21)] == ["CREDENTIALS_INVALID"] * 20 + ["RATE_LIMITED"]


async def test_a_database_that_is_away_is_no_failure_of_the_caller(
    db: database.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Limited(db, failures_per_minute=60)

    async def away(*_: object) -> None:
        raise database.ResultUnknown("DATABASE_UNAVAILABLE", "Retry.", retry_after=1)

    with monkeypatch.context() as gone:
        gone.setattr(db, "fetch_one", away)
        assert {await limited(wrong()) for _ in range(30)} == {"DATABASE_UNAVAILABLE"}
    assert await limited(wrong()) == "CREDENTIALS_INVALID"


async def test_an_operations_own_limit_is_refused_too_and_counted_by_its_code(db: database.Database) -> None:
    limited = Limited(db)
    busy = piped.operation(piped.refusing(errors.QuotaExceeded("RATE_LIMITED", "Too many at once.", retry_after=1)))
    assert await limited(operation=busy) == "RATE_LIMITED"
    assert limited.limited() == {"credential": 0, "address": 0, "failure": 0}
    counted = {"method": busy.name, "code": "RESOURCE_EXHAUSTED"}
    assert limited.counted.registry.get_sample_value("hook0_rpc_calls_total", counted) == 1


async def test_the_line_of_a_refused_call_says_which_limit_and_whose_and_is_damped(db: database.Database) -> None:
    limited = Limited(db, per_address=1)
    for _ in range(2):
        await limited()
    with testing.capture_logs() as lines:
        await limited()
    (line,) = lines
    assert (line["code"], line["reason"], line["limit"]) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED", "address")
    assert (line["address"], line["log_level"]) == (HERE, "warning")  # only warnings are damped
