"""Service tokens over REST."""

import uuid
from datetime import UTC, datetime, timedelta

import rest_rig

from hook0_client import attenuation


def test_a_service_token_is_shown_again_and_ends(served: rest_rig.Served) -> None:
    given = {"organization_id": served.organization_id, "name": "robot"}
    made = served.call("POST", "/service_token/", given)
    assert (made.status, set(made.json)) == (201, {"token_id", "name", "biscuit", "created_at"})
    of = f"?organization_id={served.organization_id}"
    path = f"/service_token/{made.json['token_id']}"
    assert made.json in served.call("GET", f"/service_token{of}").json
    assert served.call("GET", path + of).json == made.json
    renamed = served.call("PUT", path, given | {"name": "machine"})
    assert (renamed.status, renamed.json) == (200, made.json | {"name": "machine"})
    token = made.json["biscuit"]
    assert served.call("GET", f"/applications{of}", token=token).status == 200
    [seen] = served.call("GET", "/organizations", token=token).json
    assert (seen["organization_id"], seen["role"]) == (served.organization_id, "master")  # may do all of it, as in Hook0
    assert served.call("DELETE", path + of).status == 204
    assert served.call("GET", f"/applications{of}", token=token).problem == (403, "AuthInvalidBiscuit")
    for method, body in (("GET", None), ("PUT", given), ("DELETE", None)):
        assert served.call(method, path + of, body).problem == (404, "NotFound")


def test_a_narrowed_token_never_reads_whole_ones(served: rest_rig.Served) -> None:
    given = {"organization_id": served.organization_id, "name": "robot"}
    whole = served.call("POST", "/service_token", given).json
    narrowed = attenuation.attenuate(whole["biscuit"], expires=datetime.now(UTC) + timedelta(minutes=1))
    listed = served.call("GET", f"/service_token?organization_id={served.organization_id}", token=narrowed)
    one = served.call("GET", f"/service_token/{whole['token_id']}?organization_id={served.organization_id}", token=narrowed)
    assert (listed.status, {each["biscuit"] for each in listed.json}) == (200, {""})
    assert one.json == whole | {"biscuit": ""}
    assert served.call("POST", "/service_token", given, token=narrowed).problem == (403, "Forbidden")


def test_bad_service_tokens_are_refused(served: rest_rig.Served) -> None:
    given = {"organization_id": served.organization_id, "name": "robot"}
    assert served.call("POST", "/service_token", given | {"name": "x"}).problem == (422, "Validation")
    assert served.call("POST", "/service_token", given | {"name": None}).problem == (400, "JsonPayload")
    assert served.call("POST", "/service_token", given | {"organization_id": str(uuid.uuid4())}).problem == (403, "Forbidden")
    assert served.call("GET", "/service_token").problem == (400, "JsonPayload")
    assert served.call("GET", f"/service_token/x?organization_id={served.organization_id}").problem == (404, "NotFound")
