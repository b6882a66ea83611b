"""A program: `hook0-server serve` whose death the others notice within 4 s instead of 9, for tests that wait for it."""

import asyncio
import json
import os

import uvloop

from hook0_server import app, logs, settings
from hook0_server.delivery import nodes

TIMING = nodes.Timing(beat=0.5, silent=1.75, dead=3.5)


async def serve() -> None:
    given = settings.Settings.from_environ(os.environ)
    logs.configure(given.log_level, given.log_format)
    assert given.database_url, "two servers on one database are what it is for"
    await app.migrate(given)
    async with app.serving(given, given.database_url, timings=app.Timings(node=TIMING)) as server:
        print(json.dumps(server.facts()), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
