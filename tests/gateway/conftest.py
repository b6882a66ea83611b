"""A whole server for each module of tests that wants one, and the loop that the server runs on in production."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Callable, Mapping

import clones
import pytest
import pytest_asyncio
import uvloop
import whole


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in ("test_edge.py", "test_connect_stream.py", "test_http_tls.py"):
        return {"uvloop": uvloop.new_event_loop}  # transports differ
    return {"asyncio": asyncio.new_event_loop}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(
    postgres_dsn: str, template: clones.Template, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[whole.Site]:
    data: pathlib.Path = tmp_path_factory.mktemp("site")
    with clones.clone(postgres_dsn, template.name) as dsn:
        async with whole.serving(dsn, data) as made:
            yield made
