"""Every operation of Hook0's SDK, blocking and awaited: what it got where all is well, and how it was refused.

sdk.txt holds it. To write it anew after a change that is meant: HOOK0_WRITE_EXPECTED=1.
"""

import datetime
import os
import pathlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import hook0  # type: ignore[import-untyped]
import hook0_sdk
import pytest
import rest_rig
from hook0 import generated

EXPECTED = pathlib.Path(__file__).with_name("sdk.txt")
Call = Callable[[], Any]
ABSENT = str(uuid.uuid4())
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.UTC)


class Statuses:
    """Keeps the status of the last answer that a transport got."""

    def __init__(self, transport: Any) -> None:
        self.last = 0
        deliver = transport.deliver

        def noting(*given: Any) -> Any:
            answer = deliver(*given)
            return self._awaited(answer) if hasattr(answer, "__await__") else self._noted(answer)

        transport.deliver = noting

    def _noted(self, answer: tuple[int, Any, bytes]) -> tuple[int, Any, bytes]:
        self.last = answer[0]
        return answer

    async def _awaited(self, answer: Any) -> tuple[int, Any, bytes]:
        return self._noted(await answer)


def shown(answer: Any) -> str:
    if isinstance(answer, list):
        assert answer, "an empty list shows nothing of its entries"
        return f"list of {type(answer[0]).__name__}"
    return "nothing" if answer is None else type(answer).__name__


class Walk:
    """Two calls for each operation: `well` has one that succeeds, `wrong` one that is refused."""

    def __init__(self, served: rest_rig.Served, half: tuple[str, Any]) -> None:
        self.served, self.shop = served, served.new_application()
        self.sdk = hook0_sdk.Sdk(served, served.master_key, half)
        self.statuses = Statuses(self.sdk.transport)
        self.application_id, self.organization_id = self.shop.application_id, served.organization_id

    def lines(self) -> Iterator[str]:
        for name, well, wrong in self.operations():
            yield f"{name:38} {self._outcome(well):32} {self._outcome(wrong)}".rstrip()

    def _outcome(self, call: Call | None) -> str:
        if call is None:
            return ""
        try:
            answer = shown(call())
        except generated.ProblemError as refused:  # where it could not be decoded that is its name, too
            answer = type(refused).__name__
        return f"{self.statuses.last} {answer}"

    def operations(self) -> Iterator[tuple[str, Call, Call | None]]:
        yield from self._instance()
        yield from self._applications()
        yield from self._events()
        yield from self._subscriptions()
        yield from self._attempts()
        yield from self._service_tokens()
        yield from self._ends()

    def _instance(self) -> Iterator[tuple[str, Call, Call | None]]:
        yield "errors.list", self.sdk.Errors.list, None
        yield "instance.get", self.sdk.Instance.get, None
        yield "payload_content_types.list", self.sdk.PayloadContentTypes.list, None
        yield "quotas.get", self.sdk.Quotas.get, None

    def _applications(self) -> Iterator[tuple[str, Call, Call | None]]:
        api, within = self.sdk.Applications, uuid.UUID(self.organization_id)
        post, short = generated.ApplicationPost("depot", within), generated.ApplicationPost("x", within)
        yield "applications.create", lambda: api.create(post), lambda: api.create(short)
        yield "applications.list", lambda: api.list(self.organization_id), lambda: api.list(ABSENT)
        yield "applications.get", lambda: api.get(self.application_id), lambda: api.get(ABSENT)
        yield "applications.update", lambda: api.update(self.application_id, post), lambda: api.update(ABSENT, post)
        secrets, named = self.sdk.ApplicationSecrets, generated.ApplicationSecretPost(uuid.UUID(self.application_id), "second")
        elsewhere = generated.ApplicationSecretPost(uuid.UUID(ABSENT), "second")
        yield "applicationSecrets.create", lambda: secrets.create(named), lambda: secrets.create(elsewhere)
        yield "applicationSecrets.read", lambda: secrets.read(self.application_id), lambda: secrets.read(ABSENT)
        token = self.shop.secret
        yield "applicationSecrets.update", lambda: secrets.update(token, named), lambda: secrets.update(ABSENT, named)
        yield (
            "applicationSecrets.delete",
            lambda: secrets.delete(token, self.application_id),
            lambda: secrets.delete(ABSENT, self.application_id),
        )
        types = self.sdk.EventTypes
        kind = generated.EventTypePost(uuid.UUID(self.application_id), "order", "shop", "lost")
        odd = generated.EventTypePost(uuid.UUID(self.application_id), "order", "shop", "a b")
        yield "eventTypes.create", lambda: types.create(kind), lambda: types.create(odd)
        yield "eventTypes.list", lambda: types.list(self.application_id), lambda: types.list(ABSENT)
        yield (
            "eventTypes.get",
            lambda: types.get("shop.order.lost", self.application_id),
            lambda: types.get("shop.order.none", self.application_id),
        )
        yield (
            "eventTypes.delete",
            lambda: types.delete("shop.order.lost", self.application_id),
            lambda: types.delete("shop.order.lost", self.application_id),
        )

    def _events(self) -> Iterator[tuple[str, Call, Call | None]]:
        api, event_id, of = self.sdk.Events, uuid.uuid4(), uuid.UUID(self.application_id)
        self.subscribe()
        post = generated.EventPost(of, rest_rig.TYPES[0], {"tenant": "t1"}, NOW, "{}", "application/json", event_id)
        yield "events.ingest", lambda: api.ingest(post), lambda: api.ingest(post)
        yield "events.list", lambda: api.list(self.application_id), lambda: api.list(ABSENT)
        yield "events.get", lambda: api.get(str(event_id), self.application_id), lambda: api.get(ABSENT, self.application_id)
        again = generated.ReplayEvent(of)
        yield "events.replay", lambda: api.replay(str(event_id), again), lambda: api.replay(ABSENT, again)
        days, backwards = self.sdk.EventsPerDay, {"from_": "2026-01-02", "to": "2026-01-01"}
        yield (
            "events_per_day.list_for_application",
            lambda: days.list_for_application(self.application_id),
            lambda: days.list_for_application(self.application_id, **backwards),
        )
        yield (
            "events_per_day.list_for_organization",
            lambda: days.list_for_organization(self.organization_id),
            lambda: days.list_for_organization(ABSENT),
        )

    def subscribe(self) -> str:
        return str(
            self.shop.call("POST", "/subscriptions", self.shop.subscription(), token=self.served.master_key).json[
                "subscription_id"
            ]
        )

    def _subscriptions(self) -> Iterator[tuple[str, Call, Call | None]]:
        api, subscription_id = self.sdk.Subscriptions, self.subscribe()
        target = generated.SubscriptionPostTarget({"x-a": "b"}, "POST", "http", self.served.receiver.url)

        def post(**labels: Any) -> Any:
            return generated.SubscriptionPost(uuid.UUID(self.application_id), [rest_rig.TYPES[0]], True, target, **labels)

        full = post(labels={"tenant": "t1"})
        yield "subscriptions.create", lambda: api.create(full), lambda: api.create(post())
        yield "subscriptions.list", lambda: api.list(self.application_id), lambda: api.list(ABSENT)
        yield "subscriptions.get", lambda: api.get(subscription_id), lambda: api.get(ABSENT)
        yield "subscriptions.update", lambda: api.update(subscription_id, full), lambda: api.update(ABSENT, full)
        yield (
            "subscriptions.delete",
            lambda: api.delete(subscription_id, self.application_id),
            lambda: api.delete(ABSENT, self.application_id),
        )

    def _attempts(self) -> Iterator[tuple[str, Call, Call | None]]:
        api, of = self.sdk.RequestAttempts, self.application_id
        yield "requestAttempts.read", lambda: api.read(of), lambda: api.read(ABSENT)
        attempt_id = self._ended()
        yield "requestAttempts.get", lambda: api.get(attempt_id, of), lambda: api.get(ABSENT, of)
        responses = self.sdk.Response
        yield "response.get", lambda: responses.get(attempt_id, of), lambda: responses.get(ABSENT, of)

    def _ended(self) -> str:
        """The id of an attempt that has ended."""
        deadline = time.monotonic() + 15
        while True:
            for attempt in self.sdk.RequestAttempts.read(self.application_id):
                if attempt.response_id is not None:
                    return str(attempt.request_attempt_id)
            assert time.monotonic() < deadline

    def _service_tokens(self) -> Iterator[tuple[str, Call, Call | None]]:
        api, within = self.sdk.ServiceToken, self.organization_id
        post = generated.ServiceTokenPost("robot", uuid.UUID(within))
        made = api.create(post)
        token_id = str(made.token_id)
        yield (
            "serviceToken.create",
            lambda: api.create(post),
            lambda: api.create(generated.ServiceTokenPost("robot", uuid.UUID(ABSENT))),
        )
        yield "serviceToken.list", lambda: api.list(within), lambda: api.list(ABSENT)
        yield "serviceToken.get", lambda: api.get(token_id, within), lambda: api.get(ABSENT, within)
        yield "serviceToken.edit", lambda: api.edit(token_id, post), lambda: api.edit(ABSENT, post)
        yield "serviceToken.delete", lambda: api.delete(token_id, within), lambda: api.delete(token_id, within)

    def _ends(self) -> Iterator[tuple[str, Call, Call | None]]:
        api = self.sdk.Applications
        yield "applications.delete", lambda: api.delete(self.application_id), lambda: api.delete(self.application_id)


@pytest.fixture(params=hook0_sdk.HALVES, ids=["blocking", "awaited"])
def lines(served: rest_rig.Served, request: pytest.FixtureRequest) -> list[str]:
    return sorted(Walk(served, request.param).lines())


def test_every_operation_of_the_sdk_gets_what_the_file_says(lines: list[str]) -> None:
    if os.environ.get("HOOK0_WRITE_EXPECTED"):
        EXPECTED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == EXPECTED.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 36


def test_a_retry_with_the_same_event_id_succeeds(shop: rest_rig.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the first try is lost on its way; the SDK tries again, and Hook0's refusal of the repeat is a success."""
    deliver, tries = hook0.HttpTransport.deliver, []

    def losing(transport: Any, *given: Any) -> Any:
        answer = deliver(transport, *given)
        tries.append(answer[0])
        if len(tries) == 1:
            raise hook0.TransportError("lost", transient=True)
        return answer

    monkeypatch.setattr(hook0.HttpTransport, "deliver", losing)
    client = hook0.Hook0Client(shop.served.base, shop.application_id, shop.secret)
    event_id = client.send_event(hook0.Event(rest_rig.TYPES[0], "{}", "application/json", {"tenant": "t1"}))
    assert tries == [201, 409]
    assert [each["event_id"] for each in shop.call("GET", shop.of("/events")).json] == [str(event_id)]
