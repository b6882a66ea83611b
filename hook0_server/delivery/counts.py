"""What came of the attempts of this process, in plain numbers: counted by batch, after its commit."""

from collections import Counter
from collections.abc import Sequence

from hook0_server.model import delivery, histogram
from hook0_server.store import record

_DEAD = ("retries_exhausted", "max_age", "event_gone", "interrupted")


class Attempts:
    """`outcomes` by model.outcome.Outcome, `dead` letters by reason. Both histograms are in seconds.

    `arrivals`: from the event's reception to the end of the first request, however that ended; `requests`: each request.
    """

    __slots__ = ("arrivals", "dead", "outcomes", "requests")

    def __init__(self) -> None:
        self.outcomes: Counter[int] = Counter()
        self.dead: Counter[str] = Counter(dict.fromkeys(_DEAD, 0))  # 0 is told too: an increase needs a beginning
        self.arrivals = histogram.Histogram(histogram.LONG_SECONDS)
        self.requests = histogram.Histogram(histogram.LONG_SECONDS)

    def add(self, batch: Sequence[record.Finished], held: Sequence[delivery.Delivery | None], ahead: float = 0.0) -> None:
        """What was recorded, and what was in memory of each; None: nothing any more, so it was somebody else's.

        `ahead`: how many seconds the clock that said when it finished is ahead of the one that said when it was received.
        """
        requests, arrivals = list[float](), list[float]()
        self.outcomes.update([each.outcome for each in batch])
        for finished, each in zip(batch, held, strict=True):
            if finished.elapsed:
                requests.append(finished.elapsed * 1e-6)
                if each is not None and each.attempt_number == 1 and not each.is_manual:
                    seconds = finished.finished_at - each.created_at - ahead
                    arrivals.append(seconds if seconds > 0 else 0.0)  # they are compared as well as an answer's way allows
            if finished.dead:
                self.dead[finished.reason] += 1
        self.requests.add_all(requests)
        self.arrivals.add_all(arrivals)
