"""A request as the routes read it: what its path, its query and its body say, each by type.

What cannot be read is refused with Hook0's nearest problem: NotFound in a path, JsonPayload everywhere else.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import yarl

from hook0_server.gateway.rest import fields, problems

_KEYS = uuid.UUID("6f1b0c52-6f0e-5d0b-9f0a-3d1f7c9a2e54")  # what the ids of Idempotency-Keys are made in
MOST_KEY_CHARACTERS = 255


class Asked:
    """`json` is the body where the route takes one; `key` the Idempotency-Key and `token` the credential, '' without."""

    __slots__ = ("json", "key", "path", "token", "url")

    def __init__(self, url: yarl.URL, path: Mapping[str, str], json: Any = None, key: str = "", token: str = "") -> None:
        self.url, self.path, self.json, self.key, self.token = url, path, json, key, token

    @property
    def body(self) -> fields.Fields:
        """Its members. Raises Unfit where it is not an object."""
        return fields.of(self.json)

    @property
    def query(self) -> fields.Fields:
        """Its parameters, all of them texts."""
        return fields.Fields(self.url.query, "the query parameter ")

    def id_in_path(self, name: str) -> str:
        """A UUID of the path, hyphenated and in lower case. Raises Unfit (NotFound)."""
        parsed = fields.parse_uuid(self.path[name])
        if parsed is None:
            raise problems.Unfit("NotFound", f"The {name} in the path is not a UUID, so there is no such thing.")
        return str(parsed)

    @property
    def request_id(self) -> str:
        """The request_id that the Idempotency-Key stands for; '' without one."""
        return str(uuid.uuid5(_KEYS, self.key)) if self.key else ""

    def numbered_id(self, at: int) -> str:
        """`request_id` for one of several; '' without a key."""
        return str(uuid.uuid5(_KEYS, f"{self.key} {at}")) if self.key else ""


def checked_key(text: str) -> str:
    """An Idempotency-Key as it may be. Raises Unfit."""
    if len(text) > MOST_KEY_CHARACTERS or not text.isprintable() or not text.isascii():
        what = f"has {len(text)} characters; 1 to {MOST_KEY_CHARACTERS} visible ASCII ones are allowed"
        raise problems.Unfit("JsonPayload", f"The header Idempotency-Key {what}.")
    return text
