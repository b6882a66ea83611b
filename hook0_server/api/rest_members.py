"""Members as REST has them: named by their user_id, with a role in Hook0's words that is judged by itself."""

import dataclasses
from collections.abc import Callable
from typing import Any

from hook0_client._gen.hook0.v1 import organization_pb2 as resource_pb2, organization_service_pb2 as pb2
from hook0_server.api import pipeline, registry, rules
from hook0_server.model import errors
from hook0_server.model.roles import HOOK0

Rules = Callable[[Any, rules.Breaches], None]


def _role_first(others: Rules | None) -> Rules:
    """Refuses what is no role before anything else of the request is judged."""

    def judge(request: pb2.AddMemberRequest | pb2.UpdateMemberRequest, breaches: rules.Breaches) -> None:
        if request.role == resource_pb2.ROLE_UNSPECIFIED:
            why = f"role: is not one of {', '.join(HOOK0.values())}"
            raise errors.InvalidRequest("FIELD_INVALID", why, metadata={"problem": "InvalidRole"})
        if others is not None:
            others(request, breaches)

    return judge


def operations(rpc: list[registry.Operation]) -> list[registry.Operation]:
    """What REST has in place of some of OrganizationService, which is in `rpc`."""
    by_method = {each.method: each for each in rpc if each.service == "OrganizationService"}
    add, update = by_method["AddMember"], by_method["UpdateMember"]

    async def edit_role(call: pipeline.Call, request: pb2.UpdateMemberRequest) -> pb2.UpdateMemberResponse:
        call.concerns(request.user_id)
        if str(call.principal.user_id) == request.user_id:
            raise errors.Denied("PERMISSION_DENIED", "Nobody changes their own role; ask another owner of the organization.")
        changed: pb2.UpdateMemberResponse = await update.handler(call, request)
        return changed

    return [
        dataclasses.replace(add, rules=_role_first(add.rules), is_rpc=False),
        dataclasses.replace(update, rules=_role_first(update.rules), handler=edit_role, is_rpc=False),
    ]
