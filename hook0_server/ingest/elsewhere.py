"""What ingest hands over to where this process does not deliver."""

import uuid

from hook0_server.model import delivery
from hook0_server.store import wake


class Elsewhere:
    """In place of the delivery stage: others are told."""

    def __init__(self, waker: wake.Wake) -> None:
        self._wake = waker

    def node_id(self) -> int | None:
        return None

    def places(self, payload_bytes: int) -> int:
        return 0

    def full(self) -> list[uuid.UUID]:
        return []

    def is_short_of_cpu(self) -> bool:
        return False

    async def breathe(self) -> None:
        return

    def take(self, deliveries: list[delivery.Delivery]) -> None:
        raise AssertionError("nothing can be owned by a process without the delivery role")

    def left_unowned(self) -> None:
        self._wake.notify(wake.DELIVERIES)

    def broadcast(self) -> None:
        self._wake.notify(wake.DELIVERIES)

    def result_unknown(self) -> None:
        return  # rows without an owner are claimed by others
