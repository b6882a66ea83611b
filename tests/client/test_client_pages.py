from typing import Any

import pytest

import hook0_client
from hook0_client import v1
from tests.client import scripted


async def test_pages_answers_every_item_of_every_page_and_leaves_the_request_alone() -> None:
    asked = []

    async def list_deliveries(request: Any, context: Any) -> Any:
        asked.append((request.application_id, request.page_size, request.page_token))
        page = int(request.page_token or 0)
        return v1.ListDeliveriesResponse(
            deliveries=[v1.Delivery(delivery_id=f"{page}.{each}") for each in range(2 if page != 1 else 0)],
            next_page_token=str(page + 1) if page < 2 else "",
        )

    request = v1.ListDeliveriesRequest(application_id="a", page_size=2)
    async with scripted.connected(list_deliveries=list_deliveries) as client:
        seen = [each.delivery_id async for each in hook0_client.pages(client.deliveries.ListDeliveries, request)]
    assert seen == ["0.0", "0.1", "2.0", "2.1"]
    assert asked == [("a", 2, ""), ("a", 2, "1"), ("a", 2, "2")]
    assert request.page_token == ""


async def test_a_server_that_answers_the_same_page_for_ever_is_a_fault() -> None:
    async def list_deliveries(request: Any, context: Any) -> Any:
        return v1.ListDeliveriesResponse(next_page_token="again")

    async with scripted.connected(list_deliveries=list_deliveries) as client:
        with pytest.raises(hook0_client.ServerFault):
            async for _ in hook0_client.pages(client.deliveries.ListDeliveries, v1.ListDeliveriesRequest()):
                pass


@pytest.mark.parametrize(
    "page",
    [
        v1.ListApplicationsResponse(applications=[v1.Application(name="x")]),
        v1.ListAttemptsResponse(attempts=[v1.Attempt()], watch_cursor="c"),
        v1.ListDeliveriesResponse(deliveries=[v1.Delivery()]),
        v1.ListEventsResponse(events=[v1.Event()]),
        v1.ListEventTypesResponse(event_types=[v1.EventType()]),
        v1.ListSubscriptionsResponse(subscriptions=[v1.Subscription()]),
    ],
    ids=lambda page: type(page).__name__,
)
async def test_pages_knows_the_items_of_every_list(page: Any) -> None:
    async def rpc(request: Any) -> Any:
        return page

    assert len([item async for item in hook0_client.pages(rpc, v1.ListDeliveriesRequest())]) == 1


async def test_a_call_that_is_no_list_is_told_so() -> None:
    async def rpc(request: Any) -> Any:
        return v1.GetEventResponse()

    with pytest.raises(TypeError, match="GetEventResponse is not a page"):
        async for _ in hook0_client.pages(rpc, v1.ListDeliveriesRequest()):
            pass
