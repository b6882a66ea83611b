"""The whole path in one process: published, stored, handed over, delivered, recorded, watched."""

import asyncio

import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app


async def test_an_event_arrives_signed_and_a_watcher_sees_the_attempt(server: app.Server, master: hook0_client.Client) -> None:
    async with workbench.receiving() as receiver:
        made = await workbench.application(master)
        subscription = await workbench.subscribe(master, made.application_id, receiver.url)
        async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
            batches = aiter(client.watch().batches())
            assert not (await anext(batches)).attempts  # it watches
            published = await client.publish("user.account.created", {"id": 1})
            assert published.delivery_count == 1
            await receiver.until(lambda each: len(each.received) == 1)
            webhook = receiver.received[0]
            assert (
                hook0_client.verify_webhook(subscription.secret, webhook.headers, webhook.body).event_id == published.event_id
            )
            async with asyncio.timeout(10):
                while not (batch := await anext(batches)).attempts:
                    continue
            [attempt] = batch.attempts
            assert attempt.event_id == published.event_id
            assert attempt.outcome == v1.Outcome.OUTCOME_SUCCEEDED
            assert attempt.final


async def test_an_open_watch_is_counted_as_an_open_call(server: app.Server, master: hook0_client.Client) -> None:
    made = await workbench.application(master)
    async with (
        hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client,
        client.watch() as watch,
    ):
        await anext(aiter(watch.batches()))
        async with asyncio.timeout(10):
            while b"hook0_rpc_open 1.0" not in server.metrics.text():  # noqa: ASYNC110  # a gauge says nothing when it changes
                await asyncio.sleep(0.05)
