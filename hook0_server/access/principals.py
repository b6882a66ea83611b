"""Who calls, as far as rights depend on it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from hook0_server.access import biscuits
from hook0_server.model.roles import Role

Kind = Literal["application_secret", "service_token", "user", "master", "system", "anonymous"]
_NO_ROLES: Mapping[uuid.UUID, Role] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Principal:
    """A credential that was found valid. The master key and nobody's call have no organization of their own."""

    kind: Kind
    application_id: uuid.UUID | None  # of an application's secret: the only one that it opens
    credential_id: str  # may be logged
    roles: Mapping[uuid.UUID, Role] = field(default_factory=lambda: _NO_ROLES)  # by organization
    user_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    token: biscuits.Token | None = field(default=None, repr=False)  # whose holder may have narrowed it

    @property
    def is_narrowed(self) -> bool:
        return self.token is not None and self.token.is_attenuated

    @property
    def asks_labels(self) -> bool:
        """Whether it reaches only what carries certain labels."""
        return self.token is not None and self.token.asks_labels


MASTER = Principal("master", None, "master")
SYSTEM = Principal("system", None, "system")  # what a server does by itself
ANONYMOUS = Principal("anonymous", None, "")
