"""The delivery client runs on uvloop in production and on asyncio where there is none: its tests run on both."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop
from planning import seeded, seeding, tables

__all__ = ["seeded", "seeding", "tables"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name.startswith("test_connection_"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
