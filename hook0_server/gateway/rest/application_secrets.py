"""Application secrets, which REST names by their value."""

from collections.abc import Iterator
from typing import Any

from hook0_client._gen.hook0.v1 import application_pb2, application_service_pb2 as pb2
from hook0_server.api import rest_secrets
from hook0_server.gateway.rest import asked, route, times
from hook0_server.gateway.rest.shapes import applications as shapes

_SERVICE = "ApplicationService"
_PATH = "/application_secrets/{application_secret_token}"


def _read_list(came: asked.Asked) -> pb2.ListApplicationSecretsRequest:
    return pb2.ListApplicationSecretsRequest(application_id=came.query.uuid("application_id"))


def _read_new(came: asked.Asked) -> pb2.CreateApplicationSecretRequest:
    secret = application_pb2.ApplicationSecret(application_id=came.body.uuid("application_id"), name=came.body.text_or("name"))
    return pb2.CreateApplicationSecretRequest(application_secret=secret, request_id=came.request_id)


def _read_update(came: asked.Asked) -> rest_secrets.Named:
    secret = came.id_in_path("application_secret_token")
    return rest_secrets.Named(came.body.uuid("application_id"), secret, came.body.text_or("name"))


def _read_delete(came: asked.Asked) -> rest_secrets.Named:
    return rest_secrets.Named(came.query.uuid("application_id"), came.id_in_path("application_secret_token"))


def _shown(secret: application_pb2.ApplicationSecret) -> dict[str, Any]:
    return {
        "name": secret.name or None,
        "token": secret.secret,
        "created_at": times.text(secret.created_at),
        "deleted_at": times.text_or_none(secret, "deleted_at"),
    }


def _show_list(answer: pb2.ListApplicationSecretsResponse, _: asked.Asked) -> Iterator[dict[str, Any]]:
    return (_shown(each) for each in answer.application_secrets)


def _show_new(answer: pb2.CreateApplicationSecretResponse, _: asked.Asked) -> dict[str, Any]:
    return _shown(answer.application_secret)


def _show_updated(answer: application_pb2.ApplicationSecret, _: asked.Asked) -> dict[str, Any]:
    return _shown(answer)


ROUTES = (
    route.Route(
        "GET", "/application_secrets", f"hook0.rest.{_SERVICE}/ListApplicationSecrets", _read_list, _show_list,
        described=shapes.SECRETS,
    ),
    route.Route(
        "POST", "/application_secrets", f"hook0.v1.{_SERVICE}/CreateApplicationSecret", _read_new, _show_new, status=201,
        within="application_secret.", described=shapes.NEW_SECRET,
    ),
    route.Route(
        "PUT", _PATH, f"hook0.rest.{_SERVICE}/UpdateApplicationSecret", _read_update, _show_updated,
        within="application_secret.", described=shapes.UPDATE_SECRET,
    ),
    route.Route(
        "DELETE", _PATH, f"hook0.rest.{_SERVICE}/DeleteApplicationSecret", _read_delete, None, status=204,
        described=shapes.DELETE_SECRET,
    ),
)  # fmt: skip
