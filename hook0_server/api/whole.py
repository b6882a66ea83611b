"""Lists as REST answers them: every page in one."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from hook0_server.api import pipeline, registry

_PAGE = 500


async def pages(handler: Callable[[pipeline.Call, Any], Awaitable[Any]], call: pipeline.Call, request: Any, field: str) -> Any:
    """The answer of a handler that lists, with all that there is in `field`."""
    request.page_size = _PAGE
    page = whole = await handler(call, request)
    while page.next_page_token:
        request.page_token = page.next_page_token
        page = await handler(call, request)
        getattr(whole, field).extend(getattr(page, field))
    return whole


def of(operation: registry.Operation, field: str) -> registry.Operation:
    """The same list without pages, for REST alone; `field` is what its answer repeats."""

    async def handle(call: pipeline.Call, request: Any) -> Any:
        return await pages(operation.handler, call, request, field)

    return dataclasses.replace(operation, handler=handle, is_rpc=False)
