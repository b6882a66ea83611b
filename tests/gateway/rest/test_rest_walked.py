"""Every operation of the OpenAPI document with requests that schemathesis makes of it, right and wrong ones, on a real server.

Each answer must be one that the document has: no fault of the server, no other status, content type, header or shape. What
breaks a schema must be refused.
"""

import collections
import itertools
import json
import os
import pathlib
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import people
import pytest
import rest_rig
import schemathesis
from hypothesis import strategies
from schemathesis.specs.openapi import checks

import hook0_client

DOCUMENT = json.loads(pathlib.Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))
for _operation in itertools.chain.from_iterable(each.values() for each in DOCUMENT["paths"].values()):
    _operation["security"] = []  # the credential is the walk's own
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]
MODES = {mode.name.lower(): mode for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)}
HELD = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
WALKS = [
    pytest.param(each, mode, id=f"{each.definition.raw['operationId']}-{mode}")
    for each in OPERATIONS
    for mode in MODES
    if mode == "positive" or each.definition.raw["parameters"] or "requestBody" in each.definition.raw
]  # where nothing is given nothing can be wrong
EXAMPLES = 4  # of each operation and mode, in the suite
SOAK_EXAMPLES = 50  # in each round of the soak


# Mostly with the right to do it, on what is there: else little would be answered but refusals.
WHO = ("owner", "owner", "owner", "owner", "master", "secret", "nobody")
KNOWN = (True, True, True, True, False)


class Walk:
    """Calls with ids of things that are there, or with those that were made up."""

    def __init__(self, served: rest_rig.Served) -> None:
        self.served, self.base = served, f"http://{served.address}"
        shop, [owner, other] = served.new_application(), served.run(self._people())
        token = {"organization_id": served.organization_id, "name": "robot"}
        subscription = shop.call("POST", "/subscriptions", shop.subscription()).json["subscription_id"]
        event = shop.call("POST", "/event", shop.event()).json["event_id"]
        self.attempt = self._attempt(shop)
        self.known = {
            "application_id": shop.application_id,
            "application_secret_token": shop.secret,
            "event_id": event,
            "event_type": rest_rig.TYPES[0],
            "event_type_name": rest_rig.TYPES[0],
            "organization_id": served.organization_id,
            "request_attempt_id": self.attempt,
            "response_id": self.attempt,
            "service_token_id": served.call("POST", "/service_token", token).json["token_id"],
            "subscription_id": subscription,
            "url": served.receiver.url,
            "user_id": str(other.user_id),
        }
        self.credentials = {"owner": owner.token, "master": served.master_key, "secret": shop.secret, "nobody": ""}

    async def _people(self) -> list[people.Person]:
        found = [await people.person(self.served.server, f"w{uuid.uuid4().hex}") for _ in range(2)]
        async with hook0_client.connect(self.served.server.grpc, token=self.served.master_key) as master:
            for each, role in zip(found, (people.OWNER, people.VIEWER), strict=True):
                await people.added(master, self.served.organization_id, each.email, role)
        return found

    def _attempt(self, shop: rest_rig.Shop) -> str:
        """The id of one that has ended."""
        deadline = time.monotonic() + 15
        while True:
            [attempt] = shop.call("GET", shop.of("/request_attempts")).json
            if attempt["response_id"]:
                return str(attempt["response_id"])
            assert time.monotonic() < deadline, attempt

    def examples(self, operation: schemathesis.APIOperation, mode: str, most: int) -> collections.Counter[int]:
        """How often each status was answered."""
        answered: collections.Counter[int] = collections.Counter()

        @hypothesis.settings(max_examples=most, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(
            operation.as_strategy(generation_mode=MODES[mode]), strategies.sampled_from(WHO), strategies.sampled_from(KNOWN)
        )
        def walk(case: schemathesis.Case, who: str, is_known: bool) -> None:
            if is_known and mode == "positive":
                self._fill(case.path_parameters, self.known)
                self._fill(case.query, self.known)
                self._fill(case.body, {name: known for name, known in self.known.items() if name != "event_id"})
            answered[self._call(case, self.credentials[who])] += 1

        walk()
        return answered

    def _call(self, case: schemathesis.Case, credential: str) -> int:
        declared = {each["name"] for each in case.operation.definition.raw["parameters"] if each["in"] == "header"}
        for undeclared in set(case.headers) - declared:  # Expect, Connection and the like are HTTP's own affair
            del case.headers[undeclared]
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        answer = case.call(base_url=self.base, headers=headers, timeout=20)
        case.validate_response(answer, checks=HELD)
        return int(answer.status_code)

    def _fill(self, values: Any, known: Mapping[str, str]) -> None:
        """With what is there, wherever it may be named."""
        if isinstance(values, list):
            for each in values:
                self._fill(each, known)
        elif isinstance(values, dict):
            values.update({name: value for name, value in known.items() if name in values})
            for each in values.values():
                self._fill(each, known)


@pytest.fixture(scope="module")
def walked() -> Iterator[dict[str, bool]]:
    """By operation, whether anything of it succeeded: where little does, little is seen."""
    found: dict[str, bool] = {}
    yield found
    assert sum(found.values()) * 2 >= len(found), [label for label, succeeded in found.items() if not succeeded]


@pytest.fixture(scope="module")
def shared(served: rest_rig.Served) -> Walk:
    return Walk(served)


@pytest.mark.parametrize(("operation", "mode"), WALKS)
def test_every_answer_is_in_the_document(
    served: rest_rig.Served, shared: Walk, walked: dict[str, bool], operation: schemathesis.APIOperation, mode: str
) -> None:
    ends_something = operation.method == "delete" or operation.path.endswith("/logout")
    answered = (Walk(served) if ends_something else shared).examples(operation, mode, EXAMPLES)
    if mode == "positive":
        walked[operation.label] = min(answered) < 300


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_answer_is_in_the_document_for_minutes(served: rest_rig.Served) -> None:
    """As many rounds as fit into SOAK_MINUTES, five at most, with other examples each time."""
    until = time.monotonic() + 60 * min(5.0, float(os.environ.get("SOAK_MINUTES", "5")))
    rounds, answered = 0, collections.Counter[int]()
    for operation, mode in itertools.cycle(each.values for each in WALKS):
        if time.monotonic() > until:
            break
        answered += Walk(served).examples(operation, mode, SOAK_EXAMPLES)
        rounds += 1
    print(f"{sum(answered.values())} requests in {rounds} rounds over {len(OPERATIONS)} operations: {sorted(answered.items())}")
