"""Service tokens as REST has them: their values are shown again and again, to those who may create one."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hook0_client._gen.hook0.v1 import service_token_service_pb2 as pb2
from hook0_server.access import encryption
from hook0_server.api import parents, pipeline, registry, service_tokens as rpcs, whole
from hook0_server.store import database, service_tokens


@dataclass(frozen=True, slots=True)
class Shown:
    """`value`: '' where the caller may not see it."""

    token: pb2.ServiceToken
    value: str = field(repr=False)


class RestServiceTokens:
    """On top of what gRPC does, by the names of its methods."""

    def __init__(
        self,
        rpc: dict[str, Callable[[pipeline.Call, Any], Awaitable[Any]]],
        db: database.Database,
        keyring: encryption.Keyring,
    ) -> None:
        self._rpc, self._db, self._keyring = rpc, db, keyring

    async def create(self, call: pipeline.Call, request: pb2.CreateServiceTokenRequest) -> Shown:
        created = await self._rpc["CreateServiceToken"](call, request)
        return Shown(created.service_token, created.token)

    async def list(self, call: pipeline.Call, request: pb2.ListServiceTokensRequest) -> Sequence[Shown]:
        found = await whole.pages(self._rpc["ListServiceTokens"], call, request, "service_tokens")
        return await self._shown(call, found.service_tokens)

    async def get(self, call: pipeline.Call, request: pb2.GetServiceTokenRequest) -> Shown:
        return await self._one(call, (await self._rpc["GetServiceToken"](call, request)).service_token)

    async def update(self, call: pipeline.Call, request: pb2.UpdateServiceTokenRequest) -> Shown:
        return await self._one(call, (await self._rpc["UpdateServiceToken"](call, request)).service_token)

    async def _one(self, call: pipeline.Call, found: pb2.ServiceToken) -> Shown:
        shown = await self._shown(call, [found])
        if not shown:  # it was deleted since
            raise rpcs.missing()
        return shown[0]

    async def _shown(self, call: pipeline.Call, found: Sequence[pb2.ServiceToken]) -> Sequence[Shown]:
        ids = [uuid.UUID(each.service_token_id) for each in found]
        sealed = await service_tokens.sealed(self._db, parents.organization(call), ids)
        may_see = await call.may("service_token:create")  # a narrowed token must not read whole ones
        shown = []
        for token_id, each in zip(ids, found, strict=True):
            if token_id in sealed:
                value = self._keyring.decrypt(sealed[token_id], token_id).decode() if may_see else ""
                shown.append(Shown(each, value))
        return shown


def operations(rpc: list[registry.Operation], db: database.Database, keyring: encryption.Keyring) -> list[registry.Operation]:
    """What REST has in place of some of ServiceTokenService, which is in `rpc`."""
    by_method = {each.method: each for each in rpc if each.service == "ServiceTokenService"}
    shown = RestServiceTokens({name: each.handler for name, each in by_method.items()}, db, keyring)
    return [
        registry.for_rest(by_method["CreateServiceToken"], shown.create, Shown),
        registry.for_rest(by_method["GetServiceToken"], shown.get, Shown),
        registry.for_rest(by_method["UpdateServiceToken"], shown.update, Shown),
        registry.for_rest(by_method["ListServiceTokens"], shown.list, list),
    ]
