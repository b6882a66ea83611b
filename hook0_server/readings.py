"""What the parts of a running server have counted, read at each scrape."""

from collections.abc import Callable, Iterator

from prometheus_client import core, registry

from hook0_server import metrics
from hook0_server.delivery import breath, nodes, stage
from hook0_server.ingest import daily, notices, writer
from hook0_server.model import outcome, quotas
from hook0_server.store import database
from hook0_server.upkeep import rounds
from hook0_server.watch import hub


class Readings(registry.Collector):
    """`sending`: None where this process does not deliver; then there are no families of it."""

    def __init__(
        self,
        *,
        db: database.Database,
        ingest: writer.Writer,
        sending: stage.Stage | None,
        node: nodes.Node,
        watched: hub.Hub,
        upkeep: rounds.Upkeep,
        loop: breath.Breath,
        open_calls: Callable[[], int],
        today: daily.Daily,
        told: notices.Notices,
    ) -> None:
        self._db, self._ingest, self._sending, self._node = db, ingest, sending, node
        self._watched, self._upkeep, self._loop, self._open_calls = watched, upkeep, loop, open_calls
        self._today, self._told = today, told

    def collect(self) -> Iterator[core.Metric]:
        yield metrics.gauge("hook0_rpc_open", "Calls that are open now, streams among them.", self._open_calls())
        yield from self._publishing()
        yield from self._limiting()
        yield self._queues()
        if self._sending is not None:
            yield from _delivering(self._sending)
            yield from _claiming(self._sending)
        yield from _living(self._node)
        yield from self._table()
        yield from self._watching()
        yield from self._connections()
        yield metrics.histogram_of(
            "hook0_loop_delay_seconds", "How late the event loop woke who asked to be woken.", self._loop.delays
        )

    def _publishing(self) -> Iterator[core.Metric]:
        counts = self._ingest.counts
        results = {
            "stored": counts.stored,
            "duplicate": counts.duplicate,
            "rejected": counts.rejected,
            "refused": counts.refused,
            "failed": counts.failed,
        }
        yield metrics.counters("hook0_events_published", "Events that were given to be published.", results, label="result")
        yield metrics.histogram_of("hook0_publish_seconds", "From an event being given until its commit.", counts.seconds)
        yield metrics.histogram_of("hook0_publish_batch_events", "Events that were stored at once.", counts.batches)

    def _limiting(self) -> Iterator[core.Metric]:
        refused = {name: self._told.refused[name] for name in quotas.NAMES if name != "retention_days"}
        yield metrics.counters("hook0_quota_refused", "Events and creations that a quota refused.", refused, label="quota")
        yield metrics.gauge("hook0_quota_near", "Applications that used 80 % of their events of today.", self._today.near)

    def _queues(self) -> core.Metric:
        lengths = {"ingest": self._ingest.queue.waiting}
        if self._sending is not None:
            lengths |= {"delivery": self._sending.memory.held, "record": self._sending.recorder.waiting}
        return metrics.gauges("hook0_queue_length", "What waits in memory, by queue.", lengths, label="queue")

    def _table(self) -> Iterator[core.Metric]:
        backlog = self._upkeep.backlog
        waiting = {"due": backlog.due, "later": backlog.later, "parked": backlog.parked} if backlog else {}
        lag = backlog.lag_seconds if backlog else None
        yield metrics.gauges("hook0_backlog_deliveries", "Deliveries that no node holds.", waiting, label="state")
        yield metrics.gauge("hook0_backlog_lag_seconds", "How long the oldest of them has been due.", lag)

    def _watching(self) -> Iterator[core.Metric]:
        yield metrics.gauge("hook0_watch_streams", "Watches that are open.", self._watched.streams)
        yield metrics.gauge(
            "hook0_watch_lag_seconds", "How far behind now watchers can see at best.", self._watched.lag_seconds
        )
        yield metrics.gauge(
            "hook0_feed_lag_seconds",
            "How far the attempt feed is behind now: an open writing transaction holds it.",
            self._upkeep.oldest_writer_seconds,
        )

    def _connections(self) -> Iterator[core.Metric]:
        use = self._db.pool_use()
        states = {"used": use.used, "idle": use.idle}
        yield metrics.gauges("hook0_database_connections", "Connections of the pool for calls.", states, label="state")
        yield metrics.gauge("hook0_database_connections_most", "How many there may be.", use.most)
        yield metrics.gauge("hook0_database_waiting", "Calls that wait for one.", use.waiting)
        yield metrics.counter("hook0_database_wait_seconds", "What calls waited for one in all.", use.waited_seconds)
        yield metrics.counter("hook0_database_wait_failures", "Calls that got none in time.", use.refused)


def _delivering(sending: stage.Stage) -> Iterator[core.Metric]:
    attempts, recorder = sending.attempts, sending.recorder
    outcomes = {each.name: attempts.outcomes[each] for each in outcome.Outcome}
    dead = dict(attempts.dead) | {"max_age": attempts.dead["max_age"] + sending.open_work.expired}
    yield metrics.counters("hook0_deliveries_attempted", "Attempts that were recorded, by outcome.", outcomes, label="outcome")
    yield metrics.counters("hook0_dead_letters", "Deliveries that were given up, by reason.", dead, label="reason")
    yield metrics.counter(
        "hook0_attempts_fenced", "Attempts that left no trace: their delivery was another node's by then.", recorder.fenced
    )
    yield metrics.histogram_of(
        "hook0_delivery_seconds", "From an event's reception to the end of its first request.", attempts.arrivals
    )
    yield metrics.histogram_of("hook0_request_seconds", "How long requests to receivers took.", attempts.requests)
    yield metrics.gauge("hook0_requests_open", "Requests to receivers that are open.", sending.memory.in_flight)
    yield metrics.histogram_of("hook0_record_batch_attempts", "Attempts that were recorded at once.", recorder.batches)


def _claiming(sending: stage.Stage) -> Iterator[core.Metric]:
    ways = {"handed_over": sending.handed_over, "claimed": sending.claimer.claimed}
    yield metrics.counters(
        "hook0_deliveries_taken", "Deliveries taken into memory: handed_over by publishing, or claimed.", ways, label="way"
    )
    yield metrics.counter("hook0_claim_looks", "How often the table was looked through for due ones.", sending.claimer.looks)
    yield metrics.counter(
        "hook0_deliveries_released", "Deliveries that were this node's but not in its memory, let go.", sending.released
    )
    yield metrics.gauge("hook0_node_may_send", "1 while this node's beats are confirmed, else 0.", sending.node.may_send())


def _living(node: nodes.Node) -> Iterator[core.Metric]:
    yield metrics.counter("hook0_node_incarnations", "Identities of this process: more than one is a lapse.", node.incarnations)
    yield metrics.counter("hook0_nodes_buried", "Nodes that this one found dead.", node.buried)
    yield metrics.counter("hook0_deliveries_taken_over", "Deliveries of dead nodes that this one let go.", node.taken_over)
    yield metrics.gauge("hook0_nodes_sending", "Nodes that share the deliveries.", node.sending_nodes)
