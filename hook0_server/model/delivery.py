"""A delivery that this process holds: one event owed to one subscription, with what is needed to send it."""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

SCHEDULE, MANUAL, REPLAY = 1, 2, 3  # why an attempt is made (AttemptTrigger)

BROADCAST_THRESHOLD = 1000  # more matches of one event are expanded in slices
MAX_TAKEOVERS = 3  # from here on a delivery may be what kills its servers: it is sent alone, and its start is committed first


@dataclass(slots=True)
class Delivery:
    """Not frozen: thousands are made each second, and `cancel_requested` may come while it waits."""

    application_id: uuid.UUID
    delivery_id: uuid.UUID
    attempt_id: uuid.UUID
    subscription_id: uuid.UUID
    event_id: uuid.UUID
    event_id_text: str
    event_type: str
    content_type: str
    payload: bytes
    owner: int
    created_at: float  # Unix seconds
    attempt_number: int = 1
    takeover_count: int = 0
    cancel_requested: bool = False
    is_manual: bool = False  # somebody asked for it: its age does not end it
    started: bool = False  # an owner before this one committed that it was about to send it
    begun: bool = False  # this process may have sent something of it
    is_held: bool = False  # it is in the scheduler's memory
    line: Any = None  # where the scheduler queued it


class HandOver(Protocol):
    """What ingest needs of delivery: places in memory, and somebody who takes what was stored."""

    def node_id(self) -> int | None:
        """The owner to write into new rows; None: nobody here may send now."""

    def places(self, payload_bytes: int) -> int:
        """How many deliveries of events with so many bytes in all can be held."""

    def full(self) -> list[uuid.UUID]:
        """Subscriptions that hold their share already: their new rows are left unowned."""

    def is_short_of_cpu(self) -> bool:
        """Whether larger batches serve everybody better now than earlier ones."""

    async def breathe(self) -> None:
        """Wait a moment, at most 50 ms, while this process is short of CPU and holds much that is to be sent."""

    def take(self, deliveries: list[Delivery]) -> None:
        """These are committed and owned by this node now."""

    def left_unowned(self) -> None:
        """Rows were committed that somebody has to claim."""

    def broadcast(self) -> None:
        """A broadcast was committed that somebody has to expand."""

    def result_unknown(self) -> None:
        """A write may have been committed though its answer was lost: rows may be owned by this node that it does not know."""
