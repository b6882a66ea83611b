"""Subscriptions."""

from hook0_server.gateway.rest.shapes import applications, kinds
from hook0_server.model import limits, targets

_PAIR = kinds.text(1, 50)
_LABELS = kinds.pairs(_PAIR, {"tenant": "t1"}, 1, limits.LABELS)
_METADATA = kinds.pairs(_PAIR, {"team": "a"}, 0, limits.METADATA)
_PATTERNS = kinds.listed(kinds.text(1, 200, example="shop.order.paid"), *limits.PATTERNS)
_LONGEST = limits.SUBSCRIPTION_DESCRIPTION_CHARACTERS[1]
_METHOD = kinds.one_of("POST", *sorted(targets.METHODS - {"POST"}))
_URL = kinds.text(1, targets.URL_MAX_CHARACTERS, example="https://example.org/hook")

_HEADERS_POST = kinds.pairs({"anyOf": [kinds.text(example="b"), kinds.listed(kinds.text(example="b"))]}, {"x-a": "b"})
_TARGET_POST = kinds.Object(
    "SubscriptionPostTarget", {"type": kinds.one_of("http"), "method": _METHOD, "url": _URL, "headers": _HEADERS_POST}
)
_TARGET = kinds.Object(
    "SubscriptionTarget",
    {"type": kinds.one_of("http"), "method": _METHOD, "url": _URL, "headers": kinds.pairs(kinds.text(), {"x-a": "b"})},
)
_POST = kinds.Object(
    "SubscriptionPost",
    {
        "application_id": kinds.ID,
        "is_enabled": kinds.FLAG,
        "event_types": _PATTERNS,
        "description": kinds.or_null(kinds.text(longest=_LONGEST, example="orders")),
        "metadata": kinds.or_null(_METADATA),
        "label_key": kinds.or_null(kinds.text(example="tenant")),
        "label_value": kinds.or_null(kinds.text(example="t1")),
        "labels": kinds.or_null(_LABELS),
        "target": _TARGET_POST,
        "dedicated_workers": kinds.or_null(kinds.listed(kinds.text(1, 100, example="w1"), 1, 20)) | {"examples": [None]},
    },
    frozenset({"description", "metadata", "label_key", "label_value", "labels", "dedicated_workers"}),
)
_SUBSCRIPTION = kinds.Object(
    "Subscription",
    {
        "application_id": kinds.ID,
        "subscription_id": kinds.ID,
        "is_enabled": kinds.FLAG,
        "event_types": kinds.listed(kinds.text(example="shop.order.paid")),
        "description": kinds.or_null(kinds.text(example="orders")),
        "secret": kinds.ID,
        "metadata": kinds.pairs(kinds.text(), {"team": "a"}),
        "label_key": kinds.text(example="tenant"),
        "label_value": kinds.text(example="t1"),
        "labels": kinds.pairs(kinds.text(), {"tenant": "t1"}),
        "target": _TARGET,
        "created_at": kinds.MOMENT,
        "updated_at": kinds.MOMENT,
        "dedicated_workers": kinds.listed(kinds.text(example="w1")),
    },
)
_REFUSALS = ("LabelsAmbiguity", "EventTypeDoesNotExist")

LIST = kinds.Described(
    "subscriptions.list", "List subscriptions, oldest first", gives=kinds.listed(_SUBSCRIPTION), query=applications.WITHIN
)
NEW = kinds.Described(
    "subscriptions.create", "Create a subscription: give labels, or label_key and label_value", _POST, _SUBSCRIPTION,
    refusals=(*_REFUSALS, "TooManySubscriptionsPerApplication"), once=True,
)  # fmt: skip
GET = kinds.Described("subscriptions.get", "Look at a subscription", gives=_SUBSCRIPTION)
REPLACE = kinds.Described("subscriptions.update", "Set all of a subscription anew", _POST, _SUBSCRIPTION, refusals=_REFUSALS)
DELETE = kinds.Described("subscriptions.delete", "Delete a subscription", query=applications.WITHIN)
