"""Subscriptions as REST has them: the signing secret is shown again and again, to those who may create one."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hook0_client._gen.hook0.v1 import subscription_pb2 as resource_pb2, subscription_service_pb2 as pb2
from hook0_server.access import encryption
from hook0_server.api import parents, pipeline, registry, rest_secrets, rules, subscription_rules, subscriptions as rpcs, whole
from hook0_server.model import errors, targets
from hook0_server.store import database, subscriptions

_SLICE = 500
_MOST_WORKERS = 20
_WORKER_CHARACTERS = 100
_REPLACED = ("is_enabled", "description", "event_types", "labels", "metadata", "target")  # Hook0's; what gRPC has besides stays


@dataclass(frozen=True, slots=True)
class Create:
    """`dedicated_workers`: None where none were given."""

    request: pb2.CreateSubscriptionRequest
    dedicated_workers: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Replace:
    """All that REST knows of a subscription is set anew."""

    request: pb2.UpdateSubscriptionRequest
    dedicated_workers: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Shown:
    subscription: resource_pb2.Subscription
    secret: str = field(repr=False)
    dedicated_workers: Sequence[str]


class RestSubscriptions:
    """On top of what gRPC does."""

    def __init__(self, handlers: rpcs.Subscriptions, db: database.Database, keyring: encryption.Keyring) -> None:
        self._handlers, self._db, self._keyring = handlers, db, keyring

    async def create(self, call: pipeline.Call, given: Create) -> Shown:
        created = await self._handlers.create(call, given.request, given.dedicated_workers or ())
        return Shown(created.subscription, created.secret, given.dedicated_workers or ())

    async def replace(self, call: pipeline.Call, given: Replace) -> Shown:
        given.request.update_mask.paths[:] = _REPLACED
        updated = await self._handlers.update(call, given.request, given.dedicated_workers or ())
        return await self._shown_one(call, updated.subscription)

    async def get(self, call: pipeline.Call, request: pb2.GetSubscriptionRequest) -> Shown:
        """By its id alone; one that the caller does not reach looks like one that is not there."""
        application_id = await subscriptions.application_of(self._db, uuid.UUID(request.subscription_id))
        if application_id is None:
            raise _missing()
        try:
            await call.authorize(str(application_id))
        except (errors.Denied, errors.NotFound) as refusal:
            raise _missing() from refusal
        found = await self._handlers.get(call, request)
        return await self._shown_one(call, found.subscription)

    async def list(self, call: pipeline.Call, request: pb2.ListSubscriptionsRequest) -> Sequence[Shown]:
        """All of them, oldest first."""
        found = await whole.pages(self._handlers.list, call, request, "subscriptions")
        return await self._shown(call, list(reversed(found.subscriptions)))

    async def delete(self, call: pipeline.Call, request: pb2.DeleteSubscriptionRequest) -> pb2.DeleteSubscriptionResponse:
        """Once more is no error, as in Hook0."""
        try:
            return await self._handlers.delete(call, request)
        except errors.NotFound:
            key = parents.application(call), uuid.UUID(request.subscription_id)
            if call.principal.asks_labels or not await subscriptions.was_deleted(self._db, *key):
                raise
        return pb2.DeleteSubscriptionResponse()

    async def _shown_one(self, call: pipeline.Call, found: resource_pb2.Subscription) -> Shown:
        for shown in await self._shown(call, [found]):
            return shown
        raise _missing()  # it was deleted since

    async def _shown(self, call: pipeline.Call, found: Sequence[resource_pb2.Subscription]) -> Sequence[Shown]:
        """In slices: there may be 100,000, and others get their turn while the next one is read."""
        may_see = await call.may("subscription:create")
        shown: list[Shown] = []
        for at in range(0, len(found), _SLICE):
            shown += await self._slice(call, found[at : at + _SLICE], may_see=may_see)
        return shown

    async def _slice(
        self, call: pipeline.Call, found: Sequence[resource_pb2.Subscription], *, may_see: bool
    ) -> Iterable[Shown]:
        ids = [uuid.UUID(each.subscription_id) for each in found]
        kept = await subscriptions.kept_for_rest(self._db, parents.application(call), ids)
        shown = []
        for subscription_id, each in zip(ids, found, strict=True):
            if subscription_id in kept:  # else it was deleted since
                sealed, workers = kept[subscription_id]
                secret = self._keyring.decrypt(sealed, subscription_id).decode() if may_see else rest_secrets.HIDDEN
                shown.append(Shown(each, secret, workers))
        return shown


def _missing() -> errors.NotFound:
    return errors.NotFound(
        "SUBSCRIPTION_NOT_FOUND",
        "There is no such subscription, it was deleted, or this credential does not reach it; check subscription_id.",
    )


def _judge_more(subscription: resource_pb2.Subscription, workers: Sequence[str] | None, breaches: rules.Breaches) -> None:
    """What gRPC has a default for, and what only Hook0 has."""
    if not subscription.labels:
        breaches.add("subscription.labels", "has 0 pairs; 1 to 10 are allowed")
    if not subscription.target.http.method:
        breaches.add("subscription.target.http.method", f"'' is not one of {', '.join(sorted(targets.METHODS))}")
    if workers is None:
        return
    if not 1 <= len(workers) <= _MOST_WORKERS:
        breaches.add("subscription.dedicated_workers", f"has {len(workers)} entries; 1 to {_MOST_WORKERS} are allowed")
        return
    for at, name in enumerate(workers):
        breaches.text(f"subscription.dedicated_workers[{at}]", name, 1, _WORKER_CHARACTERS)


def operations(
    db: database.Database,
    keyring: encryption.Keyring,
    handlers: rpcs.Subscriptions,
    judged: subscription_rules.SubscriptionRules,
) -> list[registry.Operation]:
    """What REST has in place of SubscriptionService."""
    shown = RestSubscriptions(handlers, db, keyring)
    service, unary = "SubscriptionService", registry.Kind.UNARY

    def judge_new(given: Create, breaches: rules.Breaches) -> None:
        judged.create(given.request, breaches)
        _judge_more(given.request.subscription, given.dedicated_workers, breaches)

    def judge_replacement(given: Replace, breaches: rules.Breaches) -> None:
        given.request.update_mask.paths[:] = _REPLACED
        judged.update(given.request, breaches)
        _judge_more(given.request.subscription, given.dedicated_workers, breaches)

    return [
        registry.Operation(
            service, "CreateSubscription", Create, Shown, unary, "subscription:create", shown.create,
            asks_labels=True, rules=judge_new, is_rpc=False, changes="subscription",
            application_id=lambda given: str(given.request.subscription.application_id),
        ),
        registry.Operation(
            service, "GetSubscription", pb2.GetSubscriptionRequest, Shown, unary, "subscription:get", shown.get,
            asks_labels=True, rules=subscription_rules.named, scope=registry.Scope.NAMED, is_rpc=False,
        ),
        registry.Operation(
            service, "ListSubscriptions", pb2.ListSubscriptionsRequest, list, unary, "subscription:list", shown.list,
            asks_labels=True, is_rpc=False,
        ),
        registry.Operation(
            service, "UpdateSubscription", Replace, Shown, unary, "subscription:edit", shown.replace,
            asks_labels=True, rules=judge_replacement, is_rpc=False, changes="subscription",
            resource_id=lambda given: given.request.subscription.subscription_id,
            application_id=lambda given: str(given.request.subscription.application_id),
        ),
        registry.Operation(
            service, "DeleteSubscription", pb2.DeleteSubscriptionRequest, pb2.DeleteSubscriptionResponse, unary,
            "subscription:delete", shown.delete, asks_labels=True, rules=subscription_rules.named, is_rpc=False,
            changes="subscription", resource_id=lambda request: request.subscription_id,
        ),
    ]  # fmt: skip
