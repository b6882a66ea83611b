"""What is counted, in the form Prometheus reads. A label is a word from a short list, never an id.

The parts of a server count in plain numbers, and a scrape reads them: a counter of the library takes 0.5 µs and a
histogram 1.5 µs each time, which thousands of events a second would pay.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import prometheus_client
from prometheus_client import core, exposition, registry

from hook0_server.model import histogram

CONTENT_TYPE = exposition.CONTENT_TYPE_PLAIN_0_0_4


class Metrics(registry.Collector):
    """The metrics of one server; several in one process do not meet. What else is to be read joins `registry`."""

    def __init__(self) -> None:
        self.rpc_calls: Counter[tuple[str, str]] = Counter()  # by method and canonical code
        self.rpc_seconds: defaultdict[str, histogram.Histogram] = defaultdict(lambda: histogram.Histogram(histogram.SECONDS))
        self.rate_limited = Counter({"credential": 0, "address": 0, "failure": 0})
        self.database_unavailable = self.processes_left_out = self.audit_entries_left_out = 0
        self.registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def text(self) -> bytes:
        """Everything in Prometheus's text form, of type CONTENT_TYPE."""
        return exposition.generate_latest(self.registry)

    def collect(self) -> Iterator[core.Metric]:
        calls = core.CounterMetricFamily(
            "hook0_rpc_calls", "Calls that ended, by operation and status code.", labels=["method", "code"]
        )
        for (method, code), count in self.rpc_calls.items():
            calls.add_metric([method, code], count)
        yield calls
        yield histograms("hook0_rpc_seconds", "How long unary calls took.", self.rpc_seconds, label="method")
        yield counters(
            "hook0_rate_limited", "Calls that were refused because too many came, by limit.", self.rate_limited, label="limit"
        )
        yield counter(
            "hook0_database_unavailable",
            "Calls that failed because the database did not answer.",
            self.database_unavailable,
        )
        yield counter(
            "hook0_audit_entries_left_out",
            "Refusals that are not in the audit log, because one caller had too many, or the database did not answer.",
            self.audit_entries_left_out,
        )
        yield counter(
            "hook0_processes_left_out",
            "Processes of this server that did not answer a scrape in time, so that it lacks their metrics.",
            self.processes_left_out,
        )


def counter(name: str, about: str, value: float) -> core.CounterMetricFamily:
    return core.CounterMetricFamily(name, about, value=value)


def counters(name: str, about: str, values: Mapping[str, float], *, label: str) -> core.CounterMetricFamily:
    family = core.CounterMetricFamily(name, about, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def gauge(name: str, about: str, value: float | None) -> core.GaugeMetricFamily:
    """None: it is not known now, and so not shown."""
    return core.GaugeMetricFamily(name, about, value=value)


def gauges(name: str, about: str, values: Mapping[str, float], *, label: str) -> core.GaugeMetricFamily:
    family = core.GaugeMetricFamily(name, about, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def histogram_of(name: str, about: str, counted: histogram.Histogram) -> core.HistogramMetricFamily:
    return core.HistogramMetricFamily(name, about, buckets=_buckets(counted), sum_value=counted.total)


def histograms(name: str, about: str, counted: Mapping[str, histogram.Histogram], *, label: str) -> core.HistogramMetricFamily:
    family = core.HistogramMetricFamily(name, about, labels=[label])
    for word, each in counted.items():
        family.add_metric([word], _buckets(each), each.total)
    return family


def _buckets(counted: histogram.Histogram) -> list[tuple[str, float]]:
    return list(zip([*map(str, counted.bounds), "+Inf"], counted.cumulated(), strict=True))
