"""Accounts over REST: people register, log in and out, prove their address and set other passwords."""

from typing import Any

import pytest
import rest_people
import rest_rig

from hook0_server.store import users


@pytest.fixture
def person(served: rest_rig.Served) -> rest_people.Person:
    return rest_people.registered(served)


def test_a_person_registers_and_logs_in(served: rest_rig.Served, person: rest_people.Person) -> None:
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
    assert served.call("POST", "/register", rest_people.REGISTER | changed, token="").problem == problem
    assert served.run(users.by_email(served.server.db, "new@example.com")) is None


def test_an_address_registers_once(served: rest_rig.Served, person: rest_people.Person) -> None:
    again = served.call("POST", "/register", rest_people.REGISTER | {"email": person.email.upper()}, token="")
    assert again.problem == (409, "UserAlreadyExist")


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(served: rest_rig.Served, person: rest_people.Person) -> None:
    wrong = person.login(rest_people.OTHER_PASSWORD)
    unknown = served.call("POST", "/auth/login", {"email": "nobody@example.com", "password": rest_people.PASSWORD}, token="")
    assert wrong.problem == (401, "AuthFailedLogin")
    assert wrong.json == unknown.json


def test_a_session_is_refreshed_once_by_each_token_and_ends(served: rest_rig.Served, person: rest_people.Person) -> None:
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
    for path, body in (("/auth/logout", None), ("/auth/password", {"new_password": rest_people.OTHER_PASSWORD})):
        assert served.call("POST", path, body).problem == (403, "Forbidden")


def test_an_address_is_verified_by_its_letter(person: rest_people.Person) -> None:
    verified = person.call("", "/auth/verify-email", {"token": person.letter("verification")})
    assert (verified.status, verified.json["email"]) == (201, person.email)
    assert person.call("", "/auth/verify-email", {"token": "x"}).problem == (401, "AuthEmailExpired")
    assert person.call("", "/auth/verify-email", {"token": ""}).problem == (422, "Validation")
    for email in (person.email, "nobody@example.com"):
        assert person.call("", "/auth/resend-verification-email", {"email": email}).status == 204


def test_a_forgotten_password_is_replaced(person: rest_people.Person) -> None:
    for email in (person.email, "nobody@example.com"):
        assert person.call("", "/auth/begin-reset-password", {"email": email}).status == 204
    person.served.run(person.served.server.people._parts.outbox.idle())  # or its letter makes this one's token void
    given = {"token": person.letter("reset"), "new_password": rest_people.OTHER_PASSWORD}
    assert person.call("", "/auth/reset-password", given | {"new_password": "short"}).problem == (400, "PasswordTooShort")
    assert person.call("", "/auth/reset-password", given).status == 204
    assert person.call("", "/auth/reset-password", given).problem == (401, "AuthEmailExpired")
    assert (person.login().status, person.login(rest_people.OTHER_PASSWORD).status) == (401, 201)


def test_a_password_is_changed_with_the_session_that_is_open(served: rest_rig.Served, person: rest_people.Person) -> None:
    other, own = person.login().json, person.login().json
    access = own["access_token"]
    assert person.call(access, "/auth/password", {"new_password": "short"}).problem == (400, "PasswordTooShort")
    guessed = {"new_password": rest_people.OTHER_PASSWORD, "current_password": "not-the-right-one"}
    assert person.call(access, "/auth/password", guessed).problem == (401, "AuthFailedLogin")
    assert person.call(access, "/auth/password", guessed | {"current_password": ""}).problem == (422, "Validation")
    assert person.call(access, "/auth/password", {"new_password": rest_people.OTHER_PASSWORD}).status == 204
    assert served.call("GET", "/organizations", token=access).status == 200
    assert served.call("GET", "/organizations", token=other["access_token"]).problem == (403, "AuthInvalidBiscuit")
    assert (person.login().status, person.login(rest_people.OTHER_PASSWORD).status) == (401, 201)
