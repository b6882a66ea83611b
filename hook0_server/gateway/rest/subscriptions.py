"""Subscriptions, with Hook0's two ways to give labels."""

from collections.abc import Iterator, Sequence
from typing import Any

from hook0_client._gen.hook0.v1 import subscription_pb2, subscription_service_pb2 as pb2
from hook0_server.api import rest_subscriptions
from hook0_server.gateway.rest import asked, fields, problems, route, times
from hook0_server.gateway.rest.shapes import subscriptions as shapes

_SERVICE = "hook0.rest.SubscriptionService"
_PATH = "/subscriptions/{subscription_id}"
_WITHIN = "subscription."


def _read_list(came: asked.Asked) -> pb2.ListSubscriptionsRequest:
    return pb2.ListSubscriptionsRequest(application_id=came.query.uuid("application_id"))


def _read_get(came: asked.Asked) -> pb2.GetSubscriptionRequest:
    return pb2.GetSubscriptionRequest(subscription_id=came.id_in_path("subscription_id"))


def _read_delete(came: asked.Asked) -> pb2.DeleteSubscriptionRequest:
    return pb2.DeleteSubscriptionRequest(
        subscription_id=came.id_in_path("subscription_id"), application_id=came.query.uuid("application_id")
    )


def _read_new(came: asked.Asked) -> rest_subscriptions.Create:
    subscription = _given(came.body)
    request = pb2.CreateSubscriptionRequest(subscription=subscription, request_id=came.request_id)
    return rest_subscriptions.Create(request, _workers(came.body))


def _read_replacement(came: asked.Asked) -> rest_subscriptions.Replace:
    subscription_id = came.id_in_path("subscription_id")
    subscription = _given(came.body)
    subscription.subscription_id = subscription_id
    return rest_subscriptions.Replace(pb2.UpdateSubscriptionRequest(subscription=subscription), _workers(came.body))


def _given(body: fields.Fields) -> subscription_pb2.Subscription:
    """A SubscriptionPost."""
    return subscription_pb2.Subscription(
        application_id=body.uuid("application_id"),
        is_enabled=body.flag("is_enabled"),
        description=body.text_or("description"),
        event_types=body.texts("event_types"),
        metadata=body.pairs_or_none("metadata"),
        target=_target(body.object("target")),
        labels=_labels(body),
    )


def _labels(body: fields.Fields) -> dict[str, str]:
    """Where both forms are given, `labels` counts; the other must be readable all the same."""
    key, value = body.text_or("label_key"), body.text_or("label_value")
    if body.has("labels"):
        return body.pairs("labels")
    if body.has("label_key") and body.has("label_value"):
        return {key: value}
    raise problems.Unfit("LabelsAmbiguity", "Give labels, or both label_key and label_value.")


def _target(given: fields.Fields) -> subscription_pb2.Target:
    kind = given.text("type")
    if kind != "http":
        raise problems.Unfit("JsonPayload", "target.type must be http: there is no other kind.")
    http = subscription_pb2.HttpTarget(method=given.text("method"), url=given.text("url"), headers=given.headers("headers"))
    return subscription_pb2.Target(http=http)


def _workers(body: fields.Fields) -> Sequence[str] | None:
    return body.texts("dedicated_workers") if body.has("dedicated_workers") else None


def _shown(shown: rest_subscriptions.Shown) -> dict[str, Any]:
    subscription = shown.subscription
    target = subscription.target.http
    labels = dict(sorted(subscription.labels.items()))
    key, value = next(iter(labels.items()), ("", ""))
    return {
        "application_id": subscription.application_id,
        "subscription_id": subscription.subscription_id,
        "is_enabled": subscription.is_enabled,
        "event_types": list(subscription.event_types),
        "description": subscription.description or None,
        "secret": shown.secret,
        "metadata": dict(subscription.metadata),
        "label_key": key,
        "label_value": value,
        "labels": labels,
        "target": {"type": "http", "method": target.method, "url": target.url, "headers": dict(target.headers)},
        "created_at": times.text(subscription.created_at),
        "updated_at": times.text(subscription.updated_at),
        "dedicated_workers": list(shown.dedicated_workers),
    }


def _show_list(answer: Sequence[rest_subscriptions.Shown], _: asked.Asked) -> Iterator[dict[str, Any]]:
    return (_shown(each) for each in answer)


def _show(answer: rest_subscriptions.Shown, _: asked.Asked) -> dict[str, Any]:
    return _shown(answer)


ROUTES = (
    route.Route("GET", "/subscriptions", f"{_SERVICE}/ListSubscriptions", _read_list, _show_list, described=shapes.LIST),
    route.Route(
        "POST", "/subscriptions", f"{_SERVICE}/CreateSubscription", _read_new, _show, status=201, within=_WITHIN,
        described=shapes.NEW,
    ),
    route.Route("GET", _PATH, f"{_SERVICE}/GetSubscription", _read_get, _show, described=shapes.GET),
    route.Route(
        "PUT", _PATH, f"{_SERVICE}/UpdateSubscription", _read_replacement, _show, within=_WITHIN, described=shapes.REPLACE,
    ),
    route.Route("DELETE", _PATH, f"{_SERVICE}/DeleteSubscription", _read_delete, None, status=204, described=shapes.DELETE),
)  # fmt: skip
