"""Whatever a request holds, no operation fails by it as nothing was meant to, and what is refused stores nothing."""

import uuid
from dataclasses import dataclass
from random import Random

import every_credential
import hostile_requests
import hypothesis
import pytest
from google.protobuf.message import Message
from hypothesis import strategies as st

import hook0_client
from hook0_server import app
from hook0_server.api import ending, pipeline, registry
from hook0_server.model import errors, page_tokens
from tests.conftest import MASTER_KEY

TABLES = (
    "application_secrets", "applications", "event_types", "events", "invitations", "members", "organizations",
    "request_answers", "service_tokens", "sessions", "subscription_revisions", "subscriptions", "users",
)  # fmt: skip
# How many rows there are, and which transaction was the last that wrote one.
STORED = " UNION ALL ".join(f"SELECT '{each}', count(*), max(xmin::text::bigint) FROM {each}" for each in TABLES).encode()
# What these name is absent, so that the next request finds what it needs.
ABSENT = {
    "DeleteApplication": "application_id", "DeleteOrganization": "organization_id", "DeleteSubscription": "subscription_id",
    "DeleteEventType": "event_type",
}  # fmt: skip


@dataclass
class Target:
    """A server and one application's house in it."""

    server: app.Server
    house: every_credential.House
    through: pipeline.Pipeline
    operations: list[registry.Operation]

    def request(self, operation: registry.Operation) -> Message:
        request = self.house.request(operation)
        if field := ABSENT.get(operation.method):
            setattr(request, field, str(uuid.UUID(int=7)))
        return request

    async def stored(self) -> object:
        return sorted(await self.server.db.fetch(STORED))

    async def refusal(self, operation: registry.Operation, request: Message) -> errors.Refused | None:
        try:
            await self.through.unary(operation, request, authorization=f"Bearer {MASTER_KEY}", source_ip=None)
        except errors.Refused as refusal:
            return refusal
        return None


@pytest.fixture
async def target(server: app.Server, master: hook0_client.Client) -> Target:
    unary = [each for each in server.operations() if each.kind is registry.Kind.UNARY]
    return Target(server, await every_credential.house(server, master), server._pipeline(), unary)


@hypothesis.settings(
    max_examples=20 * hypothesis.settings().max_examples,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(random=st.randoms(use_true_random=True))
async def test_no_request_is_an_internal_error_and_a_refused_one_stores_nothing(target: Target, random: Random) -> None:
    operation = random.choice(target.operations)
    request = target.request(operation)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        hostile_requests.spoil(request, random)
    before = await target.stored()
    refusal = await target.refusal(operation, request)
    assert not isinstance(refusal, ending.Internal), f"{operation.name} {str(request)[:2000]}"
    if refusal is not None:
        assert await target.stored() == before, f"{operation.name} {refusal.message} {str(request)[:2000]}"


_PLAUSIBLE = ("infinity", "-1", "1" * 30, "2026-01-31", "9999-12-31T23:59:59Z", str(uuid.UUID(int=7)))


def position(random: Random) -> tuple[str, ...]:
    parts = random.choices((*_PLAUSIBLE, hostile_requests.text(random)), k=random.randrange(5))
    return tuple(parts)


@hypothesis.settings(
    max_examples=5 * hypothesis.settings().max_examples,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(random=st.randoms(use_true_random=True))
async def test_a_page_token_that_somebody_computed_with_its_checksum_is_refused_or_followed(
    target: Target, random: Random
) -> None:
    """The checksum is no signature: whoever reads how it is made can make one for any position."""
    lists = [each for each in target.operations if "page_token" in each.request.DESCRIPTOR.fields_by_name]
    operation, made = random.choice(lists), position(random)
    request = target.request(operation)
    request.page_token = "computed"  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_tokens, "decode", lambda token, kind, digest: made)
        refusal = await target.refusal(operation, request)
    assert not isinstance(refusal, ending.Internal), f"{operation.name} {str(made)[:2000]}"
