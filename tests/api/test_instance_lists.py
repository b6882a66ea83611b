"""What InstanceService tells anybody: the reasons of refusals, and the payloads that are taken."""

import pathlib
import re

import pytest
import workbench

import hook0_client
import hook0_server
from hook0_client import errors as client_errors, v1
from hook0_server import app
from hook0_server.api import ending
from hook0_server.model import errors

RAISED = re.compile(rf"errors\.({'|'.join(kind.__name__ for kind in ending.CODES)})\(\s*\"([A-Z_]+)\"")


async def test_anybody_may_read_what_each_reason_means(server: app.Server) -> None:
    async with hook0_client.connect(server.grpc) as nobody:
        told = (await nobody.instance.ListErrorReasons(v1.ListErrorReasonsRequest())).error_reasons
    assert [each.reason for each in told] == v1.ErrorReason.values()[1:]
    assert all(each.codes and each.meaning.startswith(each.codes[0]) for each in told)
    of = {v1.ErrorReason.Name(each.reason).removeprefix("ERROR_REASON_"): list(each.codes) for each in told}
    assert of["FIELD_INVALID"] == ["INVALID_ARGUMENT"]
    assert of["EVENT_TYPE_NOT_FOUND"] == ["FAILED_PRECONDITION", "NOT_FOUND"]
    package = pathlib.Path(hook0_server.__file__).parent
    raised = {pair for path in package.rglob("*.py") for pair in RAISED.findall(path.read_text(encoding="utf-8"))}
    assert len(raised) > 30
    assert [pair for pair in raised if ending.CODES[getattr(errors, pair[0])] not in of[pair[1]]] == []


async def test_anybody_may_read_which_payloads_are_taken_and_those_are(server: app.Server, master: hook0_client.Client) -> None:
    async with hook0_client.connect(server.grpc) as nobody:
        answer = await nobody.instance.ListPayloadContentTypes(v1.ListPayloadContentTypesRequest())
    assert answer.payload_content_types[0] == "application/json"
    made = await workbench.application(master)
    for content_type in answer.payload_content_types:
        event = v1.NewEvent(event_type="user.account.created", payload=b"{}", payload_content_type=content_type)
        await master.ingestion.PublishEvent(v1.PublishEventRequest(application_id=made.application_id, event=event))
    event = v1.NewEvent(event_type="user.account.created", payload=b"{}", payload_content_type="text/csv")
    with pytest.raises(client_errors.InvalidRequest):
        await master.ingestion.PublishEvent(v1.PublishEventRequest(application_id=made.application_id, event=event))
