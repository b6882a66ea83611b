"""SubscriptionService. What happens to deliveries when a subscription changes is delivery's: it reads what changed."""

import uuid
from collections.abc import Sequence

from hook0_client._gen.hook0.v1 import subscription_service_pb2 as pb2
from hook0_server.access import encryption, issue
from hook0_server.api import (
    changes,
    etags,
    listing,
    masks,
    pages,
    parents,
    pipeline,
    quotas,
    registry,
    repeats,
    rules,
    subscription_messages as messages,
    subscription_rules as field_rules,
)
from hook0_server.model import errors, event_types as names, targets
from hook0_server.store import applications, database, event_types, subscriptions, wake

_KIND = "subscriptions"


class Subscriptions:
    def __init__(
        self, db: database.Database, keyring: encryption.Keyring, hints: wake.Wake, limited: quotas.Guard | None = None
    ) -> None:
        self._db, self._keyring, self._wake, self._quotas = db, keyring, hints, limited or quotas.Guard()
        self._repeats = repeats.Repeats(db, keyring)

    async def create(
        self, call: pipeline.Call, request: pb2.CreateSubscriptionRequest, workers: Sequence[str] = ()
    ) -> pb2.CreateSubscriptionResponse:
        """`workers`: its dedicated_workers, which only REST has."""
        application_id = parents.application(call)

        async def make(connection: database.Connection) -> pb2.CreateSubscriptionResponse:
            await applications.hold(connection, application_id)
            await call.check_labels(request.subscription.labels)
            subscription_id = issue.new_id()
            draft = messages.draft(request.subscription, self._keyring, subscription_id, workers)
            await _check_types(connection, application_id, draft.event_types)
            secret = issue.secret(self._keyring, subscription_id)
            created = await subscriptions.create(
                connection, application_id, subscription_id, draft, secret_sealed=secret.sealed
            )
            await self._quotas.judge_new(connection, "subscriptions", application_id)
            call.concerns(subscription_id)
            shown = messages.shown(created, self._keyring)
            return pb2.CreateSubscriptionResponse(subscription=shown, secret=secret.text)

        answer = await self._repeats.once(call, application_id, request, pb2.CreateSubscriptionResponse, make)
        self._wake.notify(wake.SUBSCRIPTIONS)
        return answer

    async def get(self, call: pipeline.Call, request: pb2.GetSubscriptionRequest) -> pb2.GetSubscriptionResponse:
        subscription_id = uuid.UUID(request.subscription_id)
        found = await subscriptions.get(self._db, parents.application(call), subscription_id)
        if found is None or not await call.allows_labels(found.draft.labels):
            raise _missing()
        return pb2.GetSubscriptionResponse(subscription=messages.shown(found, self._keyring))

    async def list(self, call: pipeline.Call, request: pb2.ListSubscriptionsRequest) -> pb2.ListSubscriptionsResponse:
        application_id = parents.application(call)
        before = pages.identity(request.page_token, _KIND, application_id)
        size = rules.page_size(request.page_size)
        found = await subscriptions.page(self._db, application_id, before=before, size=size + 1)
        shown = [messages.shown(each, self._keyring) for each in found[:size]]
        fitting = listing.fitting(shown)
        _, token = pages.cut(found, fitting, _KIND, application_id, lambda each: each.subscription_id)
        visible = [each for each in shown[:fitting] if await call.allows_labels(each.labels)]
        return pb2.ListSubscriptionsResponse(subscriptions=visible, next_page_token=token)

    async def update(
        self, call: pipeline.Call, request: pb2.UpdateSubscriptionRequest, workers: Sequence[str] | None = None
    ) -> pb2.UpdateSubscriptionResponse:
        """`workers`: its dedicated_workers from now on; None: they stay."""
        application_id, given = parents.application(call), request.subscription
        subscription_id, revision = uuid.UUID(given.subscription_id), etags.revision(given.etag)
        paths = masks.paths(request.update_mask, given, field_rules.CHANGEABLE)
        if workers is not None:
            paths.append("dedicated_workers")
        wanted = messages.draft(given, self._keyring, subscription_id, workers or ())
        async with changes.transaction(self._db, call) as connection:
            current = await subscriptions.lock(connection, application_id, subscription_id)
            if current is None or not await call.allows_labels(current.draft.labels):
                raise _missing()
            if revision not in (None, current.revision):
                raise etags.mismatch()
            if "event_types" in paths:
                await _check_types(connection, application_id, wanted.event_types)
            draft = messages.changed(current.draft, wanted, paths)
            await call.check_labels(draft.labels)
            saved = await subscriptions.update(connection, current, draft)
        self._wake.notify(wake.SUBSCRIPTIONS)
        return pb2.UpdateSubscriptionResponse(subscription=messages.shown(saved, self._keyring))

    async def delete(self, call: pipeline.Call, request: pb2.DeleteSubscriptionRequest) -> pb2.DeleteSubscriptionResponse:
        subscription_id = uuid.UUID(request.subscription_id)
        if call.principal.asks_labels:
            await self.get(call, pb2.GetSubscriptionRequest(subscription_id=request.subscription_id))
        async with changes.transaction(self._db, call) as connection:
            if not await subscriptions.delete(database.Within(connection), parents.application(call), subscription_id):
                raise _missing()
        self._wake.notify(wake.SUBSCRIPTIONS)
        return pb2.DeleteSubscriptionResponse()


async def _check_types(connection: database.Connection, application_id: uuid.UUID, patterns: Sequence[str]) -> None:
    plain = [pattern for pattern in patterns if not names.has_wildcard(pattern)]
    unknown = await event_types.unknown(connection, application_id, plain) if plain else []
    if unknown:
        raise errors.Precondition(
            "EVENT_TYPE_NOT_FOUND",
            f"The application has no event type {errors.excerpt(unknown[0])}; create it, or use a pattern with a wildcard.",
            metadata={"event_type": unknown[0]},
        )


def _missing() -> errors.NotFound:
    return errors.NotFound(
        "SUBSCRIPTION_NOT_FOUND", "The application has no such subscription, or it was deleted; check subscription_id."
    )


def operations(
    db: database.Database,
    keyring: encryption.Keyring,
    hints: wake.Wake,
    *,
    allow_targets: Sequence[targets.Network],
    retention_days: int,
    limited: quotas.Guard | None = None,
) -> list[registry.Operation]:
    """SubscriptionService, whole. `allow_targets` may be called although they are private."""
    handlers = Subscriptions(db, keyring, hints, limited)
    judged = field_rules.SubscriptionRules(allow_targets, retention_days)
    service, unary = "SubscriptionService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "CreateSubscription", pb2.CreateSubscriptionRequest, pb2.CreateSubscriptionResponse, unary,
            "subscription:create", handlers.create, asks_labels=True, rules=judged.create, changes="subscription",
            application_id=lambda request: str(request.subscription.application_id),
        ),
        registry.Operation(
            service, "GetSubscription", pb2.GetSubscriptionRequest, pb2.GetSubscriptionResponse, unary,
            "subscription:get", handlers.get, asks_labels=True, rules=field_rules.named,
        ),
        registry.Operation(
            service, "ListSubscriptions", pb2.ListSubscriptionsRequest, pb2.ListSubscriptionsResponse, unary,
            "subscription:list", handlers.list, asks_labels=True, rules=field_rules.page,
        ),
        registry.Operation(
            service, "UpdateSubscription", pb2.UpdateSubscriptionRequest, pb2.UpdateSubscriptionResponse, unary,
            "subscription:edit", handlers.update, asks_labels=True, rules=judged.update, changes="subscription",
            resource_id=lambda request: request.subscription.subscription_id,
            application_id=lambda request: str(request.subscription.application_id),
        ),
        registry.Operation(
            service, "DeleteSubscription", pb2.DeleteSubscriptionRequest, pb2.DeleteSubscriptionResponse, unary,
            "subscription:delete", handlers.delete, asks_labels=True, rules=field_rules.named, changes="subscription",
            resource_id=lambda request: request.subscription_id,
        ),
    ]  # fmt: skip
