"""What became of the events that were given to be published, in plain numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hook0_server.ingest import queue
from hook0_server.model import histogram


@dataclass(slots=True)
class Counts:
    """Events, but for the histograms: of events in a batch, and of the seconds from being given until the commit."""

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0  # it breaks a rule
    refused: int = 0  # the queue was full
    failed: int = 0  # its caller was told to come back: the database did not take it, or perhaps it did
    batches: histogram.Histogram = field(default_factory=lambda: histogram.Histogram(histogram.SIZES))
    seconds: histogram.Histogram = field(default_factory=lambda: histogram.Histogram(histogram.SECONDS))

    def answered(self, groups: Sequence[queue.Group], now: float) -> None:
        """These are about to be answered; `now`: of time.perf_counter()."""
        for group in groups:
            self.seconds.add(now - group.put_at, len(group.events))
