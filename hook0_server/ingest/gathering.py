"""How long a batch waits for more before it is written.

A statement for four single events costs little more than one for one. So where events come faster than one statement
after the other takes them, a few milliseconds serve everybody better; nobody waits where nothing has to be saved.
"""

from hook0_server.ingest import queue
from hook0_server.model import delivery

_SHORT_SECONDS = 0.005  # where the CPU is short and much is to be sent: a batch of 100 costs half of what five of 20 do
_ENOUGH = 64  # events: a statement for so many costs little for each
_USUAL = 1.25  # events that come while one statement runs, on average, before anybody waits
_FOR_EACH_SECONDS = 0.004
_LONGEST_SECONDS = 0.008
_WEIGHT = 0.1  # of the last statement in the average


class Gathering:
    """Ask `seconds` before a batch is taken, tell `written` after it."""

    def __init__(self, queue: queue.Queue, hand_over: delivery.HandOver) -> None:
        self._queue, self._hand_over = queue, hand_over
        self._came_meanwhile = 0.0  # events that waited at the end of a statement, of late

    def seconds(self) -> float:
        if self._hand_over.is_short_of_cpu():
            return _SHORT_SECONDS
        if self._queue.waiting >= _ENOUGH:
            return 0.0
        return min(max(0.0, (self._came_meanwhile - _USUAL) * _FOR_EACH_SECONDS), _LONGEST_SECONDS)

    def written(self) -> None:
        self._came_meanwhile += _WEIGHT * (self._queue.waiting - self._came_meanwhile)
