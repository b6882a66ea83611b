"""Subscriptions to ask for, and requests about them."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from hook0_client._gen.hook0.v1 import subscription_pb2 as resource_pb2, subscription_service_pb2 as pb2


def to(url: str = "https://example.com/hook", **http: Any) -> resource_pb2.Target:
    return resource_pb2.Target(http=resource_pb2.HttpTarget(url=url, **http))


def wanting(application_id: str, *event_types: str, **given: Any) -> resource_pb2.Subscription:
    given = {"target": to(), **given}
    return resource_pb2.Subscription(application_id=application_id, event_types=event_types or ["**"], **given)


def update(current: resource_pb2.Subscription, *paths: str, **given: Any) -> pb2.UpdateSubscriptionRequest:
    subscription = resource_pb2.Subscription(
        application_id=current.application_id, subscription_id=current.subscription_id, **given
    )
    return pb2.UpdateSubscriptionRequest(subscription=subscription, update_mask=FieldMask(paths=paths) if paths else None)


def get(current: resource_pb2.Subscription) -> pb2.GetSubscriptionRequest:
    return pb2.GetSubscriptionRequest(application_id=current.application_id, subscription_id=current.subscription_id)


def delete(current: resource_pb2.Subscription) -> pb2.DeleteSubscriptionRequest:
    return pb2.DeleteSubscriptionRequest(application_id=current.application_id, subscription_id=current.subscription_id)
