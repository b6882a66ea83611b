"""Accounts over REST: people register, log in and out, prove their address and set other passwords."""

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
import rest_rig

from hook0_server.access import links
from hook0_server.store import users

PASSWORD, OTHER_PASSWORD = "bakery-tuesday-14", "window-lantern-88"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Person:
    served: rest_rig.Served
    email: str
    registered: dict[str, str]

    def login(self, password: str = PASSWORD) -> rest_rig.Answer:
        return self.served.call("POST", "/auth/login", {"email": self.email, "password": password}, token="")

    def call(self, token: str, path: str, body: Any = None) -> rest_rig.Answer:
        return self.served.call("POST", path, body, token=token)

    def letter(self, kind: str) -> str:
        """The token of a letter of this kind."""
        user = self.served.run(users.by_email(self.served.server.db, self.email))
        written = links.Links(self.served.server.db, self.served.server.root, "https://app.example.com")
        if kind == "reset":
            return str(self.served.run(written.reset(user, self.served.server.db)).token)
        return str(written.verification(user.user_id, user.email).token)


@pytest.fixture
def person(served: rest_rig.Served) -> Person:
    email = f"person{next(_NUMBERS)}@example.com"
    given = {"first_name": "Ada", "last_name": "L", "email": email, "password": PASSWORD, "turnstile_token": None}
    answer = served.call("POST", "/register", given, token="")
    assert (answer.status, set(answer.json)) == (201, {"organization_id", "user_id"})
    return Person(served, email, answer.json)


def test_a_person_registers_and_logs_in(served: rest_rig.Served, person: Person) -> None:
    answer = person.login()
    session = answer.json
    assert (answer.status, answer.headers["content-type"]) == (201, "application/json")
    assert set(session) == {
        "access_token",
        "access_token_expiration",
        "refresh_token",
        "refresh_token_expiration",
        "user_id",
        "email",
        "first_name",
        "last_name",
    }
    assert session["user_id"] == person.registered["user_id"]
    assert (session["email"], session["first_name"], session["last_name"]) == (person.email, "Ada", "L")
    assert session["access_token_expiration"] < session["refresh_token_expiration"]
    [own] = served.call("GET", "/organizations", token=session["access_token"]).json
    assert own == {
        "organization_id": person.registered["organization_id"],
        "role": "master",
        "name": "Ada's organization",
        "plan": None,
    }


REGISTER = {"first_name": "Ada", "last_name": "L", "email": "new@example.com", "password": PASSWORD}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"email": None}, (400, "JsonPayload")),
        ({"last_name": 7}, (400, "JsonPayload")),
        ({"email": "nobody"}, (422, "Validation")),
        ({"first_name": ""}, (422, "Validation")),
        ({"password": "short"}, (400, "PasswordTooShort")),
        ({"password": "x4" * 51}, (400, "PasswordTooLong")),
        ({"password": "new@example.com"}, (400, "PasswordSimilarToEmail")),
        ({"password": "password1234"}, (400, "PasswordTooCommon")),
        ({"password": "abababababab"}, (400, "PasswordNotDiverseEnough")),
        ({"first_name": "Wilhelmina", "password": "Wilhelmina12"}, (400, "PasswordSimilarToName")),
    ],
)
def test_a_bad_registration_is_refused(served: rest_rig.Served, changed: dict[str, Any], problem: tuple[int, str]) -> None:
    assert served.call("POST", "/register", REGISTER | changed, token="").problem == problem
    assert served.run(users.by_email(served.server.db, "new@example.com")) is None


def test_an_address_registers_once(served: rest_rig.Served, person: Person) -> None:
    again = served.call("POST", "/register", REGISTER | {"email": person.email.upper()}, token="")
    assert again.problem == (409, "UserAlreadyExist")


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(served: rest_rig.Served, person: Person) -> None:
    wrong = person.login(OTHER_PASSWORD)
    unknown = served.call("POST", "/auth/login", {"email": "nobody@example.com", "password": PASSWORD}, token="")
    assert wrong.problem == (401, "AuthFailedLogin")
    assert wrong.json == unknown.json


def test_a_session_is_refreshed_once_by_each_token_and_ends(served: rest_rig.Served, person: Person) -> None:
    first = person.login().json
    second = person.call(first["refresh_token"], "/auth/refresh/")
    assert (second.status, set(second.json)) == (201, set(first))
    access = second.json["access_token"]
    assert served.call("GET", "/organizations", token=access).status == 200
    logout = person.call(access, "/auth/logout")
    assert (logout.status, logout.body) == (204, b"")
    assert served.call("GET", "/organizations", token=access).problem == (403, "AuthInvalidBiscuit")
    for token in (first["refresh_token"], second.json["refresh_token"], access, "x"):
        assert person.call(token, "/auth/refresh").problem == (403, "AuthInvalidBiscuit")
    assert person.call("", "/auth/refresh").problem == (401, "AuthNoAuthorizationHeader")


def test_only_people_log_out_and_change_passwords(served: rest_rig.Served) -> None:
    for path, body in (("/auth/logout", None), ("/auth/password", {"new_password": OTHER_PASSWORD})):
        assert served.call("POST", path, body).problem == (403, "Forbidden")


def test_an_address_is_verified_by_its_letter(person: Person) -> None:
    verified = person.call("", "/auth/verify-email", {"token": person.letter("verification")})
    assert (verified.status, verified.json["email"]) == (201, person.email)
    assert person.call("", "/auth/verify-email", {"token": "x"}).problem == (401, "AuthEmailExpired")
    assert person.call("", "/auth/verify-email", {"token": ""}).problem == (422, "Validation")
    for email in (person.email, "nobody@example.com"):
        assert person.call("", "/auth/resend-verification-email", {"email": email}).status == 204


def test_a_forgotten_password_is_replaced(person: Person) -> None:
    for email in (person.email, "nobody@example.com"):
        assert person.call("", "/auth/begin-reset-password", {"email": email}).status == 204
    person.served.run(person.served.server.people._parts.outbox.idle())  # or its letter makes this one's token void
    given = {"token": person.letter("reset"), "new_password": OTHER_PASSWORD}
    assert person.call("", "/auth/reset-password", given | {"new_password": "short"}).problem == (400, "PasswordTooShort")
    assert person.call("", "/auth/reset-password", given).status == 204
    assert person.call("", "/auth/reset-password", given).problem == (401, "AuthEmailExpired")
    assert (person.login().status, person.login(OTHER_PASSWORD).status) == (401, 201)


def test_a_password_is_changed_with_the_session_that_is_open(served: rest_rig.Served, person: Person) -> None:
    other, own = person.login().json, person.login().json
    access = own["access_token"]
    assert person.call(access, "/auth/password", {"new_password": "short"}).problem == (400, "PasswordTooShort")
    guessed = {"new_password": OTHER_PASSWORD, "current_password": "not-the-right-one"}
    assert person.call(access, "/auth/password", guessed).problem == (401, "AuthFailedLogin")
    assert person.call(access, "/auth/password", guessed | {"current_password": ""}).problem == (422, "Validation")
    assert person.call(access, "/auth/password", {"new_password": OTHER_PASSWORD}).status == 204
    assert served.call("GET", "/organizations", token=access).status == 200
    assert served.call("GET", "/organizations", token=other["access_token"]).problem == (403, "AuthInvalidBiscuit")
    assert (person.login().status, person.login(OTHER_PASSWORD).status) == (401, 201)


def test_organizations_are_peoples_to_make(served: rest_rig.Served, person: Person) -> None:
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


def test_an_idempotency_key_makes_one_organization(served: rest_rig.Served, person: Person) -> None:
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


def test_members_are_invited_get_other_roles_and_leave(served: rest_rig.Served, person: Person) -> None:
    access = person.login().json["access_token"]
    path = f"/organizations/{person.registered['organization_id']}"
    guest = {"email": f"guest{next(_NUMBERS)}@example.com", "role": "viewer"}
    made = served.call("POST", "/register", REGISTER | {"email": guest["email"]}, token="").json

    def users_now() -> dict[str, str]:
        return {each["user_id"]: each["role"] for each in served.call("GET", path, token=access).json["users"]}

    invited = served.call("POST", f"{path}/invite", guest, token=access)
    assert (invited.status, invited.json) == (200, guest)
    stranger = guest | {"email": "stranger@example.com"}  # has no account: the same answer
    assert served.call("POST", f"{path}/invite", stranger, token=access).json == stranger
    assert served.call("POST", f"{path}/invite", guest, token=access).problem == (409, "InvitedUserAlreadyInOrganization")
    assert users_now()[made["user_id"]] == "viewer"
    guests = served.call("POST", "/auth/login", {"email": guest["email"], "password": PASSWORD}, token="").json["access_token"]
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


def test_an_unknown_and_a_foreign_organization_look_the_same(served: rest_rig.Served, person: Person) -> None:
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


def test_what_people_change_over_rest_is_in_the_audit_log_once(served: rest_rig.Served, person: Person) -> None:
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
    person.call(access, "/auth/password", {"new_password": OTHER_PASSWORD})
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
