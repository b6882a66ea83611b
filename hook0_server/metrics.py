"""What is counted, in the form Prometheus reads. A label is a word from a short list, never an id."""

import prometheus_client
from prometheus_client import exposition

CONTENT_TYPE = exposition.CONTENT_TYPE_PLAIN_0_0_4

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one server; several in one process do not meet."""

    def __init__(self) -> None:
        self.registry = registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        self.rpc_calls = prometheus_client.Counter(
            "hook0_rpc_calls", "Calls that ended, by operation and status code.", ["method", "code"], registry=registry
        )
        self.rpc_seconds = prometheus_client.Histogram(
            "hook0_rpc_seconds", "How long unary calls took.", ["method"], buckets=_SECONDS, registry=registry
        )
        self.rpc_open = prometheus_client.Gauge(
            "hook0_rpc_open", "Calls that are open now, streams among them.", registry=registry
        )
        self.events_published = prometheus_client.Counter(
            "hook0_events_published", "Events that were stored.", ["result"], registry=registry
        )
        self.deliveries_taken = prometheus_client.Counter(
            "hook0_deliveries_taken",
            "Deliveries taken into memory: handed_over by publishing, or claimed.",
            ["way"],
            registry=registry,
        )
        self.deliveries_attempted = prometheus_client.Counter(
            "hook0_deliveries_attempted", "Attempts that were recorded, by outcome.", ["outcome"], registry=registry
        )
        self.queue_length = prometheus_client.Gauge(
            "hook0_queue_length", "What waits in memory, by queue.", ["queue"], registry=registry
        )
        self.feed_lag_seconds = prometheus_client.Gauge(
            "hook0_feed_lag_seconds",
            "How far the attempt feed is behind now: an open writing transaction holds it.",
            registry=registry,
        )
        self.database_unavailable = prometheus_client.Counter(
            "hook0_database_unavailable", "Calls that failed because the database did not answer.", registry=registry
        )
        self.processes_left_out = prometheus_client.Counter(
            "hook0_processes_left_out",
            "Processes of this server that did not answer a scrape in time, so that it lacks their metrics.",
            registry=registry,
        )

    def text(self) -> bytes:
        """Everything in Prometheus's text form, of type CONTENT_TYPE."""
        return exposition.generate_latest(self.registry)
