"""People who registered over REST."""

import itertools
from dataclasses import dataclass
from typing import Any

import rest_rig

from hook0_server.access import links
from hook0_server.store import users

PASSWORD, OTHER_PASSWORD = "bakery-tuesday-14", "window-lantern-88"
REGISTER = {"first_name": "Ada", "last_name": "L", "email": "new@example.com", "password": PASSWORD}
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


def address() -> str:
    """One that nobody has yet."""
    return f"person{next(_NUMBERS)}@example.com"


def registered(served: rest_rig.Served) -> Person:
    email = address()
    answer = served.call("POST", "/register", REGISTER | {"email": email, "turnstile_token": None}, token="")
    assert (answer.status, set(answer.json)) == (201, {"organization_id", "user_id"})
    return Person(served, email, answer.json)
