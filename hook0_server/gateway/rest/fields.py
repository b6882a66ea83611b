"""Members of a JSON object, or parameters of a query, read by type. What is not of its type is refused as JsonPayload.

Members that nobody asks for are ignored, as in Hook0; so is the form of a UUID: with or without hyphens, in any case.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from hook0_server.gateway.rest import problems
from hook0_server.model import errors, ids

Value = TypeVar("Value")
_BARE_UUID = re.compile(r"[0-9a-fA-F]{32}", re.ASCII).fullmatch
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch  # RFC 3339; fromisoformat reads much besides


class Fields:
    """`where` goes before the names in refusals."""

    __slots__ = ("_values", "_where")

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self._values, self._where = values, where

    def has(self, name: str) -> bool:
        """It is there and not null."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        return self._of(name, str, "a text")

    def text_or(self, name: str, default: str = "") -> str:
        return self.text(name) if self.has(name) else default

    def flag(self, name: str) -> bool:
        return self._of(name, bool, "true or false")

    def uuid(self, name: str) -> str:
        """Hyphenated and in lower case."""
        text = self.text(name)
        parsed = parse_uuid(text)
        if parsed is None:
            raise self._unfit(name, f"{errors.excerpt(text)} is not a UUID")
        return str(parsed)

    def uuid_or_none(self, name: str) -> str:
        """'' where it is absent."""
        return self.uuid(name) if self.has(name) else ""

    def moment(self, name: str) -> datetime:
        text = self.text(name)
        try:
            if _MOMENT(text):
                return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._unfit(name, f"{errors.excerpt(text)} is not a time such as 2026-01-31T12:00:00Z")

    def texts(self, name: str) -> list[str]:
        found = self._of(name, list, "a list of texts")
        if not all(isinstance(each, str) for each in found):
            raise self._unfit(name, "is not a list of texts")
        return found

    def pairs(self, name: str) -> dict[str, str]:
        found = self._of(name, dict, "an object of texts")
        for value in found.values():
            if not isinstance(value, str):
                raise self._unfit(name, "is not an object of texts")
        return found

    def pairs_or_none(self, name: str) -> dict[str, str]:
        """{} where it is absent."""
        return self.pairs(name) if self.has(name) else {}

    def headers(self, name: str) -> dict[str, str]:
        """Texts, or lists of texts that are one header each, joined as HTTP joins them."""
        found = {}
        for header, value in self._of(name, dict, "an object of texts").items():
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(each, str) for each in values):
                raise self._unfit(name, "is not an object of texts")
            found[header] = ", ".join(values)
        return found

    def object(self, name: str) -> "Fields":
        return Fields(self._of(name, dict, "an object"), f"{self._where}{name}.")

    def _of(self, name: str, kind: type[Value], what: str) -> Value:
        value = self._values.get(name)
        if isinstance(value, kind):
            return value
        raise self._unfit(name, "is missing" if value is None else f"is not {what}")

    def _unfit(self, name: str, why: str) -> problems.Unfit:
        return problems.Unfit("JsonPayload", f"{self._where}{name} {why}.")


def of(json: Any) -> Fields:
    """The members of a body. Raises Unfit where it is not an object."""
    if not isinstance(json, dict):
        raise problems.Unfit("JsonPayload", "The body is not a JSON object.")
    return Fields(json)


def parse_uuid(text: str) -> uuid.UUID | None:
    return ids.parse(text) or (uuid.UUID(text) if _BARE_UUID(text) else None)
