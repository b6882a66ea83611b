"""A receiver may check our webhooks with Hook0's own SDK or with our client: both believe what we send, and nothing else."""

from collections.abc import Callable

import hook0  # type: ignore[import-untyped]
import pytest
import workbench

import hook0_client
from hook0_client import v1
from hook0_server import app

Verify = Callable[[str, dict[str, str], bytes], object]


def by_the_sdk(secret: str, headers: dict[str, str], body: bytes) -> object:
    return hook0.verify_webhook_signature(headers["x-hook0-signature"], body, headers, secret, 300)


def by_the_client(secret: str, headers: dict[str, str], body: bytes) -> object:
    return hook0_client.verify_webhook(secret, headers, body)


VERIFIERS: tuple[tuple[Verify, type[Exception]], ...] = (
    (by_the_sdk, hook0.Hook0ClientError),
    (by_the_client, hook0_client.SignatureInvalid),
)


async def _delivered(
    server: app.Server, master: hook0_client.Client, payload: str, content_type: str
) -> tuple[str, workbench.Received]:
    """The signing secret, and the webhook as it came in at a receiver whose target has headers of its own."""
    async with workbench.receiving() as receiver:
        made = await workbench.application(master)
        headers = {"X-Tenant": "acme", "authorization": "Bearer of the receiver"}
        target = v1.Target(http=v1.HttpTarget(url=receiver.url, headers=headers))
        subscription = v1.Subscription(application_id=made.application_id, event_types=["user.**"], target=target)
        subscribed = await master.subscriptions.CreateSubscription(v1.CreateSubscriptionRequest(subscription=subscription))
        async with hook0_client.connect(server.grpc, token=made.secret, application_id=made.application_id) as client:
            await client.publish("user.account.created", payload, content_type=content_type)
            await receiver.until_events(1)
        return subscribed.secret, receiver.received[0]


@pytest.mark.parametrize(
    ("payload", "content_type"),
    [('{"id": 1}', "application/json"), ("", "text/plain"), ("tab\tand ☃ %s\r\n", "text/plain")],
    ids=["json", "empty", "text"],
)
async def test_a_webhook_is_believed_as_it_came_and_not_when_anything_was_changed(
    server: app.Server, master: hook0_client.Client, payload: str, content_type: str
) -> None:
    secret, webhook = await _delivered(server, master, payload, content_type)
    headers, body = webhook.headers, webhook.body
    assert body == payload.encode()
    for verify, refusal in VERIFIERS:
        assert verify(secret, headers, body)
        for changed_secret, changed_headers, changed_body in (
            (secret, headers, body + b" "),
            (secret, headers | {"x-event-id": "01a20616-18b1-7776-a3db-07520ac2d765"}, body),
            (secret, headers | {"x-event-type": "user.account.deleted"}, body),
            (secret, headers | {"x-tenant": "other"}, body),
            ("01a20616-18b1-4776-a3db-07520ac2d765", headers, body),
        ):
            with pytest.raises(refusal):
                verify(changed_secret, changed_headers, changed_body)
