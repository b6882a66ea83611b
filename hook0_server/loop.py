"""The event loop of whoever serves."""

import asyncio


def runner() -> asyncio.Runner:
    """With uvloop where that exists: Linux and macOS."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
