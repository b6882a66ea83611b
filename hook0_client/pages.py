"""Every item of a list, page after page."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, MutableSequence
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from hook0_client import errors


class _ListRequest(Protocol):
    page_token: str


_Request = TypeVar("_Request", bound=_ListRequest)


async def pages(rpc: Callable[[_Request], Awaitable[Any]], request: _Request) -> AsyncIterator[Any]:
    """The items of any List rpc from the page that `request` names to the end; one page in memory at a time.

        async for delivery in pages(client.deliveries.ListDeliveries, v1.ListDeliveriesRequest(application_id=…)):

    Raises what the rpc raises. `request` itself stays as it is.
    """
    following = copy.deepcopy(request)
    while True:
        answer = await rpc(following)
        for item in getattr(answer, _items(answer)):
            yield item
        if not answer.next_page_token:
            return
        if answer.next_page_token == following.page_token:
            raise errors.fault("the server answered the same page again")
        following.page_token = answer.next_page_token


def _items(answer: Message) -> str:
    """The name of the field that holds the items. Raises TypeError where the answer is not that of a List rpc."""
    repeated = [
        field.name
        for field in answer.DESCRIPTOR.fields
        if field.message_type is not None and isinstance(getattr(answer, field.name), MutableSequence)
    ]
    if len(repeated) != 1 or "next_page_token" not in answer.DESCRIPTOR.fields_by_name:
        raise TypeError(f"{answer.DESCRIPTOR.name} is not a page of a list")
    return repeated[0]
