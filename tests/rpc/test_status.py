from typing import Any

import grpc
import pytest
import served

from hook0_server.api import details, ending
from hook0_server.model import errors


@pytest.mark.parametrize(("kind", "code"), list(ending.CODES.items()))
async def test_each_refusal_has_its_code_and_its_reason(kind: type[errors.Refused], code: str) -> None:
    refusal = kind("SOME_REASON", "Do something else.", metadata={"fact": "value"})
    async with served.serving(served.refusing(refusal)) as rig:
        failed = await served.failure(rig.call())
    assert failed.code() is grpc.StatusCode[code]
    assert failed.details() == "Do something else."
    info = served.details(failed)["ErrorInfo"]
    assert (info.reason, info.domain, dict(info.metadata)) == ("SOME_REASON", "hook0.v1", {"fact": "value"})


def unpacked(refusal: errors.Refused) -> dict[str, Any]:
    return {detail.type_url.rpartition(".")[2]: detail for detail in details.to_status(refusal).details}


async def test_details_are_typed_where_they_apply() -> None:
    violations = [errors.Violation("name", "is too short"), errors.Violation("url", "is none")]
    async with served.serving(served.refusing(errors.InvalidRequest("X", "m", violations=violations))) as rig:
        found = served.details(await served.failure(rig.call()))
    assert [each.field for each in found["BadRequest"].field_violations] == ["name", "url"]
    async with served.serving(served.refusing(errors.QuotaExceeded("FULL", "Wait.", retry_after=1.5))) as rig:
        found = served.details(await served.failure(rig.call()))
    assert found["RetryInfo"].retry_delay.ToMilliseconds() == 1500
    assert found["QuotaFailure"].violations[0].subject == "FULL"
    absent = errors.NotFound("APPLICATION_SECRET_NOT_FOUND", "m", metadata={"application_secret_id": "7"})
    async with served.serving(served.refusing(absent)) as rig:
        found = served.details(await served.failure(rig.call()))
    assert (found["ResourceInfo"].resource_type, found["ResourceInfo"].resource_name) == ("hook0.v1.ApplicationSecret", "7")
    taken = errors.AlreadyExists("EVENT_ID_REUSED", "m", metadata={"event_id": "8"})
    async with served.serving(served.refusing(taken)) as rig:
        found = served.details(await served.failure(rig.call()))
    assert (found["ResourceInfo"].resource_type, found["ResourceInfo"].resource_name) == ("hook0.v1.Event", "8")


def test_what_does_not_apply_is_not_there() -> None:
    assert set(unpacked(errors.Denied("PERMISSION_DENIED", "No."))) == {"ErrorInfo"}


LONG = "ä" * 5_000


@pytest.mark.parametrize("text", ["x" * 5_000, LONG, "\udcff" * 5_000, "€\n" * 2_000])
async def test_the_largest_refusal_arrives_whole_and_fits_into_8_kib(text: str) -> None:
    refusal = errors.InvalidRequest(
        "FIELD_INVALID",
        text,
        violations=[errors.Violation(text, text) for _ in range(30)],
        metadata={f"{number}{text}": text for number in range(30)},
        retry_after=1,
    )
    async with served.serving(served.refusing(refusal)) as rig:
        failed = await served.failure(rig.call())
    found = served.details(failed)
    assert found["ErrorInfo"].reason == "FIELD_INVALID"
    assert len(found["BadRequest"].field_violations) >= 1
    raw = details.to_status(refusal).SerializeToString()
    percent_encoded = 3 * len((failed.details() or "").encode())
    assert len(raw) * 4 / 3 + percent_encoded + 200 <= 8192


def test_twenty_violations_of_usual_length_all_fit() -> None:
    violations = [errors.Violation(f"subscription.event_types[{n}]", "x" * 100) for n in range(20)]
    refusal = errors.InvalidRequest("PATTERN_INVALID", "m", violations=violations)
    assert len(unpacked(refusal)["BadRequest"].value) > 20 * 100
