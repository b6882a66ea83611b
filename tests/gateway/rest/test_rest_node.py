"""Hook0's SDK for JavaScript, unmodified, where there is Node; scripts/tools installs it."""

import json
import pathlib
import shutil
import subprocess
import uuid
from typing import Any

import pytest
import rest_rig
import workbench

FOLDER = pathlib.Path(__file__).parents[3] / ".tools" / "node"
PROGRAM = pathlib.Path(__file__).with_name("hook0_client.mjs")
NODE = shutil.which("node")


def webhook(shop: rest_rig.Shop) -> dict[str, Any]:
    """One that was sent, with the secret of its subscription."""
    secret = shop.call("POST", "/subscriptions", shop.subscription()).json["secret"]
    event_id = shop.call("POST", "/event", shop.event()).json["event_id"]

    def came(receiver: workbench.Receiver) -> bool:
        return event_id in receiver.counts

    receiver = shop.served.receiver
    shop.served.run(receiver.until(came))
    [received] = [each for each in receiver.received if each.headers["x-event-id"] == event_id]
    headers = dict(received.headers)
    return {"signature": headers["x-hook0-signature"], "body": received.body.decode(), "headers": headers, "secret": secret}


@pytest.mark.skipif(NODE is None, reason="there is no Node here")
@pytest.mark.skipif(
    not (FOLDER / "node_modules" / "hook0-client").exists(), reason="scripts/tools did not install hook0-client"
)
def test_the_sdk_for_javascript_publishes_makes_types_and_verifies(shop: rest_rig.Shop) -> None:
    event_id = str(uuid.uuid4())
    given = {
        "folder": f"{FOLDER}/",
        "base": shop.served.base,
        "application_id": shop.application_id,
        "secret": shop.secret,
        "event_id": event_id,
        "webhook": webhook(shop),
    }
    done = subprocess.run(
        [str(NODE), PROGRAM], input=json.dumps(given), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "EventAlreadyIngested" in said.pop("repeated")
    assert said == {"added": ["shop.order.lost"], "sent": event_id, "verified": True, "forged": False}
    [stored] = [each for each in shop.call("GET", shop.of("/events")).json if each["event_id"] == event_id]
    assert (stored["event_type_name"], stored["metadata"]) == ("shop.order.lost", {"trace": "x"})
