"""Subscriptions between the wire and the tables. Times are seconds in the tables; what was not set is not there."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from google.protobuf.duration_pb2 import Duration

from hook0_client._gen.hook0.v1 import subscription_pb2 as pb2
from hook0_server.access import encryption
from hook0_server.api import etags
from hook0_server.model import limits
from hook0_server.store import subscriptions

_METHOD = "POST"


def draft(
    given: pb2.Subscription, keyring: encryption.Keyring, subscription_id: uuid.UUID, workers: Sequence[str] = ()
) -> subscriptions.Draft:
    """All that a caller decides; what is not set gets its default. Its target is sealed for this id."""
    return subscriptions.Draft(
        is_enabled=given.is_enabled if given.HasField("is_enabled") else True,
        description=given.description,
        event_types=list(given.event_types),
        labels=dict(given.labels),
        metadata=dict(given.metadata),
        retry_policy=_retry_policy(given.retry_policy),
        delivery_options=_delivery_options(given.delivery_options),
        target_sealed=keyring.encrypt(_target(given.target.http), subscription_id),
        dedicated_workers=list(workers),
    )


def changed(current: subscriptions.Draft, given: subscriptions.Draft, paths: Sequence[str]) -> subscriptions.Draft:
    """`current` with the fields of `paths` taken from `given`."""
    fields = ["target_sealed" if path == "target" else path for path in paths]
    return replace(current, **{field: getattr(given, field) for field in fields})


def shown(subscription: subscriptions.Subscription, keyring: encryption.Keyring) -> pb2.Subscription:
    """As it is stored. Raises encryption.WrongKey."""
    decided = subscription.draft
    target = orjson.loads(keyring.decrypt(decided.target_sealed, subscription.subscription_id))
    message = pb2.Subscription(
        application_id=str(subscription.application_id),
        subscription_id=str(subscription.subscription_id),
        is_enabled=decided.is_enabled,
        description=decided.description,
        event_types=decided.event_types,
        labels=decided.labels,
        metadata=decided.metadata,
        target=pb2.Target(http=pb2.HttpTarget(**target)),
        created_at=subscription.created_at,
        updated_at=subscription.updated_at,
        etag=etags.of(subscription.revision),
    )
    if decided.retry_policy:
        message.retry_policy.CopyFrom(_shown_retry_policy(decided.retry_policy))
    if decided.delivery_options:
        message.delivery_options.CopyFrom(_shown_delivery_options(decided.delivery_options))
    return message


def _target(http: pb2.HttpTarget) -> bytes:
    headers = {name.lower(): value for name, value in sorted(http.headers.items())}
    return orjson.dumps({"method": http.method or _METHOD, "url": http.url, "headers": headers})


def _retry_policy(given: pb2.RetryPolicy) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    if given.delays:
        policy["delays"] = [_seconds(delay) for delay in given.delays]
    if given.HasField("backoff"):
        policy["backoff"] = _backoff(given.backoff)
    if given.HasField("max_retries"):
        policy["max_retries"] = given.max_retries
    if given.HasField("max_age"):
        policy["max_age"] = _seconds(given.max_age)
    if given.HasField("jitter_ratio"):
        policy["jitter_ratio"] = given.jitter_ratio
    return policy


def _backoff(given: pb2.Backoff) -> dict[str, float]:
    """Whole, so that whoever plans a retry needs no defaults."""
    return {
        "initial": _seconds(given.initial),
        "factor": given.factor if given.HasField("factor") else limits.BACKOFF_FACTOR_DEFAULT,
        "maximum": _seconds(given.maximum) if given.HasField("maximum") else float(limits.DELAY_SECONDS[1]),
    }


def _delivery_options(given: pb2.DeliveryOptions) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if given.HasField("timeout"):
        options["timeout"] = _seconds(given.timeout)
    if given.HasField("max_concurrency"):
        options["max_concurrency"] = given.max_concurrency
    return options


def _shown_retry_policy(policy: Mapping[str, Any]) -> pb2.RetryPolicy:
    shown = pb2.RetryPolicy(
        delays=[timedelta(seconds=delay) for delay in policy.get("delays", ())],
        max_retries=policy.get("max_retries"),
        jitter_ratio=policy.get("jitter_ratio"),
    )
    if "backoff" in policy:
        backoff = policy["backoff"]
        shown.backoff.initial.FromTimedelta(timedelta(seconds=backoff["initial"]))
        shown.backoff.factor = backoff["factor"]
        shown.backoff.maximum.FromTimedelta(timedelta(seconds=backoff["maximum"]))
    if "max_age" in policy:
        shown.max_age.FromTimedelta(timedelta(seconds=policy["max_age"]))
    return shown


def _shown_delivery_options(options: Mapping[str, Any]) -> pb2.DeliveryOptions:
    shown = pb2.DeliveryOptions(max_concurrency=options.get("max_concurrency"))
    if "timeout" in options:
        shown.timeout.FromTimedelta(timedelta(seconds=options["timeout"]))
    return shown


def _seconds(duration: Duration) -> float:
    """To the microsecond."""
    return round(duration.seconds + duration.nanos / 1e9, 6)
