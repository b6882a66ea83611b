"""Service tokens of an organization."""

from collections.abc import Sequence

from hook0_client._gen.hook0.v1 import service_token_service_pb2 as pb2
from hook0_server.api import rest_service_tokens
from hook0_server.gateway.rest import asked, route, times
from hook0_server.gateway.rest.shapes import people as shapes

_REST = "hook0.rest.ServiceTokenService"
_PATH = "/service_token/{service_token_id}"
_WITHIN = "service_token."


def _read_list(came: asked.Asked) -> pb2.ListServiceTokensRequest:
    return pb2.ListServiceTokensRequest(organization_id=came.query.uuid("organization_id"))


def _read_new(came: asked.Asked) -> pb2.CreateServiceTokenRequest:
    token = pb2.ServiceToken(organization_id=came.body.uuid("organization_id"), name=came.body.text("name"))
    return pb2.CreateServiceTokenRequest(service_token=token, request_id=came.request_id)


def _read_get(came: asked.Asked) -> pb2.GetServiceTokenRequest:
    return pb2.GetServiceTokenRequest(
        service_token_id=came.id_in_path("service_token_id"), organization_id=came.query.uuid("organization_id")
    )


def _read_update(came: asked.Asked) -> pb2.UpdateServiceTokenRequest:
    token = pb2.ServiceToken(
        service_token_id=came.id_in_path("service_token_id"),
        organization_id=came.body.uuid("organization_id"),
        name=came.body.text("name"),
    )
    request = pb2.UpdateServiceTokenRequest(service_token=token)
    request.update_mask.paths.append("name")
    return request


def _read_delete(came: asked.Asked) -> pb2.DeleteServiceTokenRequest:
    return pb2.DeleteServiceTokenRequest(
        service_token_id=came.id_in_path("service_token_id"), organization_id=came.query.uuid("organization_id")
    )


def _show(answer: rest_service_tokens.Shown, _: asked.Asked) -> dict[str, str]:
    return {
        "token_id": answer.token.service_token_id,
        "name": answer.token.name,
        "biscuit": answer.value,
        "created_at": times.text(answer.token.created_at),
    }


def _show_list(answer: Sequence[rest_service_tokens.Shown], came: asked.Asked) -> list[dict[str, str]]:
    return [_show(each, came) for each in answer]


ROUTES = (
    route.Route("GET", "/service_token", f"{_REST}/ListServiceTokens", _read_list, _show_list, described=shapes.SERVICE_TOKENS),
    route.Route(
        "POST", "/service_token", f"{_REST}/CreateServiceToken", _read_new, _show, status=201, within=_WITHIN,
        described=shapes.NEW_SERVICE_TOKEN,
    ),
    route.Route("GET", _PATH, f"{_REST}/GetServiceToken", _read_get, _show, described=shapes.SERVICE_TOKEN),
    route.Route(
        "PUT", _PATH, f"{_REST}/UpdateServiceToken", _read_update, _show, within=_WITHIN,
        described=shapes.EDIT_SERVICE_TOKEN,
    ),
    route.Route(
        "DELETE", _PATH, "hook0.v1.ServiceTokenService/DeleteServiceToken", _read_delete, None, status=204,
        described=shapes.DELETE_SERVICE_TOKEN,
    ),
)  # fmt: skip
