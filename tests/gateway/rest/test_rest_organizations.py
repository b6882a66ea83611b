"""Organizations and their members over REST."""

import uuid
from typing import Any

import pytest
import rest_people
import rest_rig


@pytest.fixture
def person(served: rest_rig.Served) -> rest_people.Person:
    return rest_people.registered(served)


def test_organizations_are_peoples_to_make(served: rest_rig.Served, person: rest_people.Person) -> None:
    access = person.login().json["access_token"]
    made = served.call("POST", "/organizations/", {"name": "depot"}, token=access)
    unlimited = 2147483647
    assert made.status == 200
    assert made.json == {
        "organization_id": made.json["organization_id"],
        "name": "depot",
        "plan": None,
        "users": [
            {
                "user_id": person.registered["user_id"],
                "email": person.email,
                "first_name": "Ada",
                "last_name": "L",
                "role": "master",
            }
        ],
        "quotas": {
            "members_per_organization_limit": unlimited,
            "applications_per_organization_limit": unlimited,
            "events_per_day_limit": unlimited,
            "days_of_events_retention_limit": 5,
        },
        "consumption": {"members": 1, "applications": 0, "events_per_day": 0},
        "onboarding_steps": {"application": "ToDo", "event_type": "ToDo", "subscription": "ToDo", "event": "ToDo"},
    }
    path = f"/organizations/{made.json['organization_id']}"
    assert served.call("GET", path, token=access).json == made.json
    renamed = served.call("PUT", path, {"name": "store"}, token=access)
    assert (renamed.status, renamed.json) == (200, made.json | {"name": "store"})
    assert served.call("PUT", path, {"name": "x"}, token=access).json["validation"].keys() == {"name"}
    application = {"organization_id": made.json["organization_id"], "name": "shop"}
    application_id = served.call("POST", "/applications", application, token=access).json["application_id"]
    assert served.call("DELETE", path, token=access).problem == (409, "OrganizationIsNotEmpty")
    served.call("DELETE", f"/applications/{application_id}", token=access)
    assert served.call("DELETE", path, token=access).status == 204
    assert served.call("GET", path, token=access).problem == (403, "Forbidden")
    assert served.call("POST", "/organizations", {"name": "depot"}).problem == (403, "Forbidden")  # the master key


def test_an_idempotency_key_makes_one_organization(served: rest_rig.Served, person: rest_people.Person) -> None:
    access, key = person.login().json["access_token"], {"Idempotency-Key": "x1"}
    answers = [served.call("POST", "/organizations", {"name": "once"}, token=access, headers=key) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(served.call("GET", "/organizations", token=access).json) == 2


def test_the_steps_of_an_organization_are_ticked_by_any_application(served: rest_rig.Served, shop: rest_rig.Shop) -> None:
    path = f"/organizations/{served.organization_id}"
    assert served.call("GET", path).json["onboarding_steps"]["event"] == "ToDo"
    shop.call("POST", "/subscriptions", shop.subscription())
    shop.call("POST", "/event", shop.event())
    seen = served.call("GET", path).json
    assert set(seen["onboarding_steps"].values()) == {"Done"}
    assert (seen["consumption"]["events_per_day"], seen["consumption"]["applications"]) == (1, 1)


def test_members_are_invited_get_other_roles_and_leave(served: rest_rig.Served, person: rest_people.Person) -> None:
    access = person.login().json["access_token"]
    path = f"/organizations/{person.registered['organization_id']}"
    guest = {"email": rest_people.address(), "role": "viewer"}
    made = served.call("POST", "/register", rest_people.REGISTER | {"email": guest["email"]}, token="").json

    def users_now() -> dict[str, str]:
        return {each["user_id"]: each["role"] for each in served.call("GET", path, token=access).json["users"]}

    invited = served.call("POST", f"{path}/invite", guest, token=access)
    assert (invited.status, invited.json) == (200, guest)
    stranger = guest | {"email": "stranger@example.com"}  # has no account: the same answer
    assert served.call("POST", f"{path}/invite", stranger, token=access).json == stranger
    assert served.call("POST", f"{path}/invite", guest, token=access).problem == (409, "InvitedUserAlreadyInOrganization")
    assert users_now()[made["user_id"]] == "viewer"
    guests = served.call("POST", "/auth/login", {"email": guest["email"], "password": rest_people.PASSWORD}, token="").json[
        "access_token"
    ]
    assert served.call("GET", path, token=guests).status == 200
    assert served.call("POST", f"{path}/invite", {"email": "x@example.com", "role": "king"}, token=guests).problem[0] == 403
    changed = {"user_id": made["user_id"], "role": "master"}
    answer = served.call("PUT", f"{path}/invite", changed, token=access)
    assert (answer.status, answer.json, users_now()[made["user_id"]]) == (200, changed, "master")
    own = {"user_id": person.registered["user_id"], "role": "viewer"}
    assert served.call("PUT", f"{path}/invite/", own, token=access).problem == (403, "Forbidden")
    revoked = served.call("DELETE", f"{path}/invite", {"user_id": made["user_id"]}, token=access)
    assert (revoked.status, made["user_id"] in users_now()) == (200, False)
    absent = {"user_id": made["user_id"]}
    assert served.call("DELETE", f"{path}/invite", absent, token=access).problem == (404, "NotFound")
    last = served.call("DELETE", f"{path}/invite", {"user_id": own["user_id"]}, token=access)
    assert last.problem == (422, "Validation")


@pytest.mark.parametrize(
    ("method", "changed", "problem"),
    [
        ("POST", {"role": "king"}, (400, "InvalidRole")),
        ("PUT", {"role": "king"}, (400, "InvalidRole")),
        ("PUT", {"user_id": str(uuid.uuid4())}, (404, "NotFound")),
        ("POST", {"email": "x"}, (422, "Validation")),
        ("POST", {"role": None}, (400, "JsonPayload")),
        ("DELETE", {"user_id": "x"}, (400, "JsonPayload")),
    ],
)
def test_bad_changes_of_members_are_refused(
    served: rest_rig.Served, method: str, changed: dict[str, Any], problem: tuple[int, str]
) -> None:
    given = {"email": "x@example.com", "user_id": str(uuid.uuid4()), "role": "viewer"} | changed
    path = f"/organizations/{served.organization_id}"
    assert served.call(method, f"{path}/invite", given).problem == problem
    assert served.call("GET", path).json["users"] == []


def test_an_unknown_and_a_foreign_organization_look_the_same(served: rest_rig.Served, person: rest_people.Person) -> None:
    access = person.login().json["access_token"]
    for organization_id in (str(uuid.uuid4()), served.organization_id):
        for path in (f"/organizations/{organization_id}", f"/service_token?organization_id={organization_id}"):
            assert served.call("GET", path, token=access).problem == (403, "Forbidden")
    assert served.call("GET", "/organizations/x", token=access).problem == (404, "NotFound")


async def _entries(served: rest_rig.Served, actor_id: str) -> list[tuple[str, str, str]]:
    rows = await served.server.db.fetch(
        b"SELECT operation, resource_id, result FROM audit_entries WHERE actor_id = %s ORDER BY audit_entry_id", [actor_id]
    )
    return [(str(operation), str(resource), str(result)) for operation, resource, result in rows]


def test_what_people_change_over_rest_is_in_the_audit_log_once(served: rest_rig.Served, person: rest_people.Person) -> None:
    access, own = person.login().json["access_token"], person.registered["user_id"]
    before = len(served.run(_entries(served, own)))
    organization_id = served.call("POST", "/organizations", {"name": "depot"}, token=access).json["organization_id"]
    path = f"/organizations/{organization_id}"
    served.call("PUT", path, {"name": "store"}, token=access)
    served.call("POST", f"{path}/invite", {"email": "later@example.com", "role": "viewer"}, token=access)
    served.call("PUT", f"{path}/invite", {"user_id": own, "role": "viewer"}, token=access)
    token = {"organization_id": organization_id, "name": "robot"}
    token_id = served.call("POST", "/service_token", token, token=access).json["token_id"]
    served.call("PUT", f"/service_token/{token_id}", token, token=access)
    served.call("DELETE", f"/service_token/{token_id}?organization_id={organization_id}", token=access)
    person.call(access, "/auth/password", {"new_password": rest_people.OTHER_PASSWORD})
    assert served.run(_entries(served, own))[before:] == [
        ("OrganizationService/CreateOrganization", organization_id, "OK"),
        ("OrganizationService/UpdateOrganization", organization_id, "OK"),
        ("OrganizationService/AddMember", "later@example.com", "OK"),
        ("OrganizationService/UpdateMember", own, "PERMISSION_DENIED"),
        ("ServiceTokenService/CreateServiceToken", token_id, "OK"),
        ("ServiceTokenService/UpdateServiceToken", token_id, "OK"),
        ("ServiceTokenService/DeleteServiceToken", token_id, "OK"),
        ("AccountService/ChangePassword", own, "OK"),
    ]
