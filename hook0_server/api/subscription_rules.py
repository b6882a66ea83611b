"""Field rules of subscriptions: what can be judged before anything is read."""

from collections.abc import Mapping, Sequence

from hook0_client._gen.hook0.v1 import subscription_pb2 as resource_pb2, subscription_service_pb2 as pb2
from hook0_server.api import masks, rules
from hook0_server.model import errors, event_types, limits, targets

CHANGEABLE = (
    "is_enabled",
    "description",
    "event_types",
    "labels",
    "metadata",
    "target",
    "retry_policy",
    "delivery_options",
)
_HTTP = "subscription.target.http"
_RETRY = "subscription.retry_policy"
# Besides those that targets reserves: the server writes them, or they belong to one connection only.
_RESERVED = frozenset({"user-agent", "keep-alive", "traceparent"})
_RESERVED_PREFIX = "proxy-"


class SubscriptionRules:
    """`allowed` networks may be called whatever they are; max_age must end a day before events are dropped."""

    def __init__(self, allowed: Sequence[targets.Network], retention_days: int) -> None:
        self._allowed = allowed
        self._max_age = (retention_days - 1) * limits.DAY_SECONDS

    def create(self, request: pb2.CreateSubscriptionRequest, breaches: rules.Breaches) -> None:
        breaches.uuid("subscription.application_id", request.subscription.application_id)
        self._judge(request.subscription, CHANGEABLE, breaches)
        breaches.uuid("request_id", request.request_id, optional=True)

    def update(self, request: pb2.UpdateSubscriptionRequest, breaches: rules.Breaches) -> None:
        given = request.subscription
        masks.judge(breaches, request.update_mask, CHANGEABLE)
        breaches.uuid("subscription.application_id", given.application_id)
        breaches.uuid("subscription.subscription_id", given.subscription_id)
        self._judge(given, masks.paths(request.update_mask, given, CHANGEABLE), breaches)

    def _judge(self, given: resource_pb2.Subscription, paths: Sequence[str], breaches: rules.Breaches) -> None:
        if "description" in paths:
            longest = limits.SUBSCRIPTION_DESCRIPTION_CHARACTERS
            breaches.text("subscription.description", given.description, *longest)
        if "event_types" in paths:
            _judge_patterns(given.event_types, breaches)
        if "labels" in paths:
            breaches.pairs("subscription.labels", given.labels, limits.LABELS)
        if "metadata" in paths:
            breaches.pairs("subscription.metadata", given.metadata, limits.METADATA)
        if "target" in paths:
            self._judge_target(given.target, breaches)
        if "retry_policy" in paths:
            self._judge_retry_policy(given.retry_policy, breaches)
        if "delivery_options" in paths:
            _judge_delivery_options(given.delivery_options, breaches)

    def _judge_target(self, target: resource_pb2.Target, breaches: rules.Breaches) -> None:
        if not target.HasField("http"):
            breaches.add("subscription.target", "has no kind; give an http target")
            return
        if target.http.method and target.http.method not in targets.METHODS:
            given = errors.excerpt(target.http.method)
            breaches.add(f"{_HTTP}.method", f"{given} is not one of {', '.join(sorted(targets.METHODS))}")
        self._judge_url(target.http.url, breaches)
        _judge_headers(target.http.headers, breaches)

    def _judge_url(self, url: str, breaches: rules.Breaches) -> None:
        try:
            parsed = targets.parse(url)
        except targets.Invalid as invalid:
            breaches.add(f"{_HTTP}.url", f"cannot be called: {invalid}", "TARGET_URL_INVALID")
            return
        if parsed.address is None:
            return  # a name is judged when it is called, by the addresses that it has then
        if why := targets.is_forbidden(parsed.address, self._allowed):
            breaches.add(f"{_HTTP}.url", f"must not be called: {parsed.address} is {why}", "TARGET_FORBIDDEN")

    def _judge_retry_policy(self, policy: resource_pb2.RetryPolicy, breaches: rules.Breaches) -> None:
        if policy.delays and policy.HasField("backoff"):
            breaches.add(_RETRY, "has both delays and backoff; give one of them")
        if len(policy.delays) > limits.DELAYS:
            breaches.add(f"{_RETRY}.delays", f"has {len(policy.delays)} entries; 1 to {limits.DELAYS} are allowed")
        for at, delay in enumerate(policy.delays[: limits.DELAYS]):
            breaches.duration(f"{_RETRY}.delays[{at}]", delay, *limits.DELAY_SECONDS)
        if policy.HasField("backoff"):
            _judge_backoff(policy.backoff, breaches)
        if policy.HasField("max_retries"):
            breaches.number(f"{_RETRY}.max_retries", policy.max_retries, *limits.RETRIES)
        if policy.HasField("max_age"):
            breaches.duration(f"{_RETRY}.max_age", policy.max_age, limits.MAX_AGE_SECONDS, self._max_age)
        if policy.HasField("jitter_ratio"):
            breaches.number(f"{_RETRY}.jitter_ratio", policy.jitter_ratio, *limits.JITTER_RATIO)


def _judge_patterns(patterns: Sequence[str], breaches: rules.Breaches) -> None:
    fewest, most = limits.PATTERNS
    if not fewest <= len(patterns) <= most:
        breaches.add("subscription.event_types", f"has {len(patterns)} entries; {fewest} to {most} are allowed")
        return
    for at, pattern in enumerate(patterns):
        if wrong := event_types.pattern_error(pattern):
            described = f"{errors.excerpt(pattern)} {wrong}"
            breaches.add(f"subscription.event_types[{at}]", described, "PATTERN_INVALID")


def _judge_headers(headers: Mapping[str, str], breaches: rules.Breaches) -> None:
    field = f"{_HTTP}.headers"
    if len(headers) > limits.TARGET_HEADERS:
        described = f"has {len(headers)} headers; at most {limits.TARGET_HEADERS} are allowed"
        breaches.add(field, described, "HEADER_INVALID")
        return
    seen: set[str] = set()
    for name, value in headers.items():
        where, lowered = f"{field}[{errors.excerpt(name)}]", name.lower()
        if lowered in seen:
            breaches.add(where, "is given twice; upper and lower case do not differ", "HEADER_INVALID")
        seen.add(lowered)
        if _is_reserved(lowered):
            breaches.add(where, "is reserved; the server sets it itself or must not send it", "HEADER_RESERVED")
        elif wrong := _header_error(name, value):
            breaches.add(where, wrong, "HEADER_INVALID")


def _is_reserved(name: str) -> bool:
    return targets.is_reserved_header(name) or name in _RESERVED or name.startswith(_RESERVED_PREFIX)


def _header_error(name: str, value: str) -> str | None:
    if max(len(name.encode()), len(value.encode())) > limits.HEADER_BYTES:
        return f"has a name or value of more than {limits.HEADER_BYTES} bytes"
    if value != value.strip(" "):
        return "has a value that begins or ends with a space, which would not arrive"
    try:
        targets.check_header(name, value)
    except targets.Invalid as invalid:
        return f"cannot be sent: {invalid}"
    return None


def _judge_backoff(backoff: resource_pb2.Backoff, breaches: rules.Breaches) -> None:
    least, most = limits.DELAY_SECONDS
    breaches.duration(f"{_RETRY}.backoff.initial", backoff.initial, least, most)
    if backoff.HasField("factor"):
        breaches.number(f"{_RETRY}.backoff.factor", backoff.factor, *limits.BACKOFF_FACTOR)
    if backoff.HasField("maximum"):
        initial = backoff.initial.seconds + backoff.initial.nanos / 1e9
        breaches.duration(f"{_RETRY}.backoff.maximum", backoff.maximum, min(max(initial, least), most), most)


def _judge_delivery_options(options: resource_pb2.DeliveryOptions, breaches: rules.Breaches) -> None:
    field = "subscription.delivery_options"
    if options.HasField("timeout"):
        breaches.duration(f"{field}.timeout", options.timeout, *limits.TIMEOUT_SECONDS)
    if options.HasField("max_concurrency"):
        breaches.number(f"{field}.max_concurrency", options.max_concurrency, *limits.CONCURRENCY)


def named(request: pb2.GetSubscriptionRequest | pb2.DeleteSubscriptionRequest, breaches: rules.Breaches) -> None:
    breaches.uuid("subscription_id", request.subscription_id)


def page(request: pb2.ListSubscriptionsRequest, breaches: rules.Breaches) -> None:
    breaches.page(request.page_size)
