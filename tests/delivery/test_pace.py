"""However many deliveries may be sent at once, they begin a few in each turn of the event loop."""

import asyncio
from typing import Any

import pytest
import workbench
from delivering import TYPE, delivering

import hook0_client
from hook0_client import v1
from hook0_server import app
from hook0_server.delivery import http, sender

SUBSCRIPTIONS = 200


async def test_a_crowd_begins_a_few_at_a_time_and_all_of_it(
    server: app.Server, master: hook0_client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, send = [0], http.HttpClient.send

    async def counted(self: http.HttpClient, *given: Any, **over: Any) -> Any:
        if not begun[-1]:
            asyncio.get_running_loop().call_soon(begun.append, 0)
        begun[-1] += 1
        return await send(self, *given, **over)

    monkeypatch.setattr(http.HttpClient, "send", counted)
    async with delivering(server, master) as at, workbench.receiving() as receiver:
        for _ in range(SUBSCRIPTIONS):
            await at.subscribe(receiver.url)
        event = v1.NewEvent(event_type=TYPE, payload_text="{}", labels={"all": "yes"})
        await at.client.ingestion.PublishEvent(v1.PublishEventRequest(application_id=at.application_id, event=event))
        await receiver.until(lambda each: len(each.received) == SUBSCRIPTIONS)
    assert sum(begun) == SUBSCRIPTIONS
    assert max(begun) <= 2 * sender.AT_ONCE
