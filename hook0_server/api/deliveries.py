"""DeliveryService."""

import uuid
from collections.abc import Sequence

from hook0_client._gen.hook0.v1 import delivery_pb2 as resource_pb2, delivery_service_pb2 as pb2
from hook0_server.api import changes, convert, filters, listing, parents, pipeline, registry, rules
from hook0_server.model import errors, page_tokens
from hook0_server.store import attempts, database, deliveries_read, delivery_actions, wake

_KIND = "deliveries"
_Named = pb2.GetDeliveryRequest | pb2.RetryDeliveryRequest | pb2.CancelDeliveryRequest

_Retried, _Cancelled = delivery_actions.Retried, delivery_actions.Cancelled
_NOT_RETRYABLE = {
    _Retried.HELD: "it is being sent; wait for what comes of it",
    _Retried.ENDED: "it succeeded or was cancelled; ReplayEvent sends its event again",
    _Retried.SUBSCRIPTION_GONE: "its subscription was deleted",
    _Retried.EVENT_GONE: "its event is older than events are kept",
}


class Deliveries:
    def __init__(self, db: database.Database, waker: wake.Wake) -> None:
        self._db, self._wake = db, waker

    async def get(self, call: pipeline.Call, request: pb2.GetDeliveryRequest) -> pb2.GetDeliveryResponse:
        return pb2.GetDeliveryResponse(delivery=await self._shown(parents.application(call), request.delivery_id))

    async def list(self, call: pipeline.Call, request: pb2.ListDeliveriesRequest) -> pb2.ListDeliveriesResponse:
        application_id = parents.application(call)
        about = listing.digest(application_id, request.filter)
        texts = listing.position(request.page_token, _KIND, about, 1)
        page = await deliveries_read.find(
            self._db,
            application_id,
            filters.of_deliveries(request.filter),
            size=rules.page_size(request.page_size),
            below=listing.identity(texts[0]) if texts else None,
        )
        last = await self._last_attempts(application_id, page.rows)
        shown = [convert.delivery(each, application_id, last.get(each.delivery_id)) for each in page.rows]
        fitting = listing.fitting(shown)
        following = page.rows[fitting - 1].delivery_id if fitting < len(shown) else page.next
        token = page_tokens.encode(_KIND, about, (str(following),)) if following else ""
        return pb2.ListDeliveriesResponse(deliveries=shown[:fitting], next_page_token=token)

    async def retry(self, call: pipeline.Call, request: pb2.RetryDeliveryRequest) -> pb2.RetryDeliveryResponse:
        application_id = parents.application(call)
        async with changes.transaction(self._db, call) as connection:
            within = database.Within(connection)
            outcome = await delivery_actions.retry(within, application_id, uuid.UUID(request.delivery_id))
            if outcome is not _Retried.DUE:
                raise _retry_refused(outcome, request.delivery_id)
        self._wake.notify(wake.DELIVERIES)
        return pb2.RetryDeliveryResponse(delivery=await self._shown(application_id, request.delivery_id))

    async def cancel(self, call: pipeline.Call, request: pb2.CancelDeliveryRequest) -> pb2.CancelDeliveryResponse:
        application_id = parents.application(call)
        async with changes.transaction(self._db, call) as connection:
            within = database.Within(connection)
            outcome = await delivery_actions.cancel(within, application_id, uuid.UUID(request.delivery_id))
            if outcome not in (_Cancelled.ENDED, _Cancelled.ASKED):
                raise _cancel_refused(outcome, request.delivery_id)
        if outcome is _Cancelled.ENDED:
            self._wake.notify(wake.ATTEMPTS, str(application_id))
        else:
            self._wake.notify(wake.CANCELS)
        return pb2.CancelDeliveryResponse(delivery=await self._shown(application_id, request.delivery_id))

    async def _shown(self, application_id: uuid.UUID, delivery_id: str) -> resource_pb2.Delivery:
        found = await deliveries_read.get(self._db, application_id, uuid.UUID(delivery_id))
        if found is None:
            raise _missing(delivery_id)
        last = await self._last_attempts(application_id, [found])
        return convert.delivery(found, application_id, last.get(found.delivery_id))

    async def _last_attempts(
        self, application_id: uuid.UUID, found: Sequence[deliveries_read.Delivery]
    ) -> dict[uuid.UUID, attempts.Attempt]:
        tried = [(each.delivery_id, each.event_id) for each in found if each.attempt_count]
        return await attempts.last_of(self._db, application_id, tried)


def _missing(delivery_id: str) -> errors.NotFound:
    return errors.NotFound(
        "DELIVERY_NOT_FOUND",
        f"The application has no delivery {delivery_id}, or it is older than deliveries are kept.",
        metadata={"delivery_id": delivery_id},
    )


def _retry_refused(outcome: delivery_actions.Retried, delivery_id: str) -> errors.Refused:
    facts = {"delivery_id": delivery_id}
    if outcome is _Retried.NOT_FOUND:
        return _missing(delivery_id)
    if outcome is _Retried.MOVING:
        return _moving()
    if outcome is _Retried.DISABLED:
        return errors.Precondition("SUBSCRIPTION_DISABLED", "The subscription is disabled; enable it first.", metadata=facts)
    return errors.Precondition(
        "DELIVERY_NOT_RETRYABLE", f"The delivery cannot be retried: {_NOT_RETRYABLE[outcome]}.", metadata=facts
    )


def _cancel_refused(outcome: delivery_actions.Cancelled, delivery_id: str) -> errors.Refused:
    if outcome is _Cancelled.NOT_FOUND:
        return _missing(delivery_id)
    if outcome is _Cancelled.MOVING:
        return _moving()
    return errors.Precondition(
        "DELIVERY_FINISHED",
        "The delivery has ended already; there is nothing left to cancel.",
        metadata={"delivery_id": delivery_id},
    )


def _moving() -> errors.Unavailable:
    return errors.Unavailable(
        "DATABASE_UNAVAILABLE",
        "The delivery changed hands each time it was looked at; repeat the call.",
        retry_after=database.RETRY_SECONDS,
    )


def _rules_of_naming(request: _Named, breaches: rules.Breaches) -> None:
    breaches.uuid("delivery_id", request.delivery_id)


def _rules_of_list(request: pb2.ListDeliveriesRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)
    filters.judge_deliveries(request.filter, breaches)


def operations(db: database.Database, waker: wake.Wake) -> list[registry.Operation]:
    """DeliveryService, whole."""
    handlers = Deliveries(db, waker)
    service, unary = "DeliveryService", registry.Kind.UNARY
    return [
        registry.Operation(
            service, "GetDelivery", pb2.GetDeliveryRequest, pb2.GetDeliveryResponse, unary,
            "delivery:get", handlers.get, rules=_rules_of_naming,
        ),
        registry.Operation(
            service, "ListDeliveries", pb2.ListDeliveriesRequest, pb2.ListDeliveriesResponse, unary,
            "delivery:list", handlers.list, rules=_rules_of_list,
        ),
        registry.Operation(
            service, "RetryDelivery", pb2.RetryDeliveryRequest, pb2.RetryDeliveryResponse, unary,
            "delivery:retry", handlers.retry, rules=_rules_of_naming, changes="delivery",
            resource_id=lambda request: request.delivery_id,
        ),
        registry.Operation(
            service, "CancelDelivery", pb2.CancelDeliveryRequest, pb2.CancelDeliveryResponse, unary,
            "delivery:cancel", handlers.cancel, rules=_rules_of_naming, changes="delivery",
            resource_id=lambda request: request.delivery_id,
        ),
    ]  # fmt: skip
