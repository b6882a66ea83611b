"""Request attempts and responses."""

from hook0_server.gateway.rest.shapes import applications, kinds

_MOMENT = kinds.or_null(kinds.MOMENT)
_STATUS = kinds.Object(
    "RequestAttemptStatus",
    {
        "type": kinds.one_of("successful", "waiting", "pending", "in_progress", "failed"),
        "since": kinds.MOMENT,
        "until": kinds.MOMENT,
        "at": kinds.MOMENT,
        "full_processing_ms": kinds.whole(42),
    },
    frozenset({"since", "until", "at", "full_processing_ms"}),
)
_ATTEMPT = kinds.Object(
    "RequestAttempt",
    {
        "request_attempt_id": kinds.ID,
        "event_id": kinds.ID,
        "event": kinds.Object(
            "RequestAttemptEvent", {"event_id": kinds.ID, "event_type_name": kinds.text(example="shop.order.paid")}
        ),
        "subscription": kinds.Object(
            "RequestAttemptSubscription",
            {"subscription_id": kinds.ID, "description": kinds.or_null(kinds.text(example="orders"))},
        ),
        "created_at": kinds.MOMENT,
        "picked_at": _MOMENT,
        "failed_at": _MOMENT | {"examples": [None]},
        "succeeded_at": _MOMENT,
        "delay_until": _MOMENT | {"examples": [None]},
        "response_id": kinds.or_null(kinds.ID),
        "retry_count": kinds.whole(),
        "http_response_status": kinds.or_null(kinds.whole(200)),
        "status": _STATUS,
    },
)
_RESPONSE = kinds.Object(
    "Response",
    {
        "response_id": kinds.ID,
        "response_error_name": kinds.or_null(kinds.text()) | {"examples": [None]},
        "http_code": kinds.or_null(kinds.whole(200)),
        "headers": kinds.or_null(kinds.pairs(kinds.text(), {"server": "nginx"})),
        "body": kinds.or_null(kinds.text(example="ok")),
        "elapsed_time_ms": kinds.or_null(kinds.whole(42)),
    },
)
_FILTERS: dict[str, kinds.Schema] = {
    "event_id": kinds.ID,
    "subscription_id": kinds.ID,
    "event.event_type_names": kinds.text(example="shop.order.paid,shop.order.sent"),
    "min_created_at": kinds.MOMENT,
    "max_created_at": kinds.MOMENT,
    "pagination_cursor": kinds.text(),
}

LIST = kinds.Described(
    "requestAttempts.read", "List attempts, newest first, 50 on a page", gives=kinds.listed(_ATTEMPT),
    query=applications.WITHIN | _FILTERS, optional=frozenset(_FILTERS),
    headers={"Link": 'Where there is more: <URL of the next page>; rel="next".'},
)  # fmt: skip
GET = kinds.Described("requestAttempts.get", "Look at an attempt", gives=_ATTEMPT, query=applications.WITHIN)
RESPONSE = kinds.Described("response.get", "Look at what was answered", gives=_RESPONSE, query=applications.WITHIN)
