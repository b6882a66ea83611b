"""A process of its own that publishes: `python counting_process.py <dsn> <slot> <ids of an application and its events>`."""

import asyncio
import sys
import uuid

from hook0_server.store import database, publish
from tests.ingest import writing

BATCH = 20


async def main(dsn: str, slot: int, application_id: uuid.UUID, event_ids: list[uuid.UUID]) -> None:
    async with database.Database(dsn, pool_size=1) as db:
        hot = db.hot("counting")
        for at in range(0, len(event_ids), BATCH):
            events = [writing.event(application_id, event_id=event_id) for event_id in event_ids[at : at + BATCH]]
            events.sort(key=lambda each: (each.day, each.key))
            await publish.publish(hot, events, node=None, places=0, full=[], slot=slot)


if __name__ == "__main__":
    application_id, *event_ids = map(uuid.UUID, sys.argv[3:])
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), application_id, event_ids))
