"""Which pages of other servers may call the HTTP port."""

from collections.abc import AsyncIterator

import edges
import pytest
import pytest_asyncio

from hook0_client._gen.hook0.v1 import ingestion_service_pb2 as pb2
from hook0_server.api import pipeline
from hook0_server.gateway import app, browsers

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = "https://app.example.com"


async def answer(call: pipeline.Call, request: pb2.PublishEventRequest) -> pb2.PublishEventResponse:
    return pb2.PublishEventResponse(event_id=call.source_ip or "")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port() -> AsyncIterator[edges.Port]:
    async with edges.serving(edges.operation("PublishEvent", answer)) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def open_port() -> AsyncIterator[edges.Port]:
    """One that pages of another server may call."""
    cors = browsers.Cors(("https://app.example.com", "http://localhost:5173"))
    async with edges.serving(edges.operation("PublishEvent", answer), guarded=app.Edge(cors=cors)) as served:
        yield served


async def test_a_page_of_an_allowed_origin_may_call(open_port: edges.Port) -> None:
    asked = {"Origin": ORIGIN, "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    said = await open_port.ask("OPTIONS", edges.PUBLISH, authorization=None, **asked)
    assert (said.status, said.body) == (204, b"")
    assert said.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in said.headers["Access-Control-Allow-Methods"]
    allowed = {each.strip().lower() for each in said.headers["Access-Control-Allow-Headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "connect-protocol-version", "connect-timeout-ms", "last-event-id"}
    assert allowed >= {"hook0-client-options", "idempotency-key"}  # of Hook0's SDKs and of REST
    called = await open_port.ask("POST", edges.PUBLISH, b"{}", Content_Type="application/json", Origin=ORIGIN)
    assert called.status == 200
    assert called.headers["Access-Control-Allow-Origin"] == ORIGIN
    shown = {each.strip() for each in called.headers["Access-Control-Expose-Headers"].split(",")}
    assert shown >= {"X-Request-Id", "Link"}
    assert "Origin" in called.headers.getall("Vary")
    refused = await open_port.ask("POST", edges.PUBLISH, b"{", Content_Type="application/json", Origin=ORIGIN)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (400, ORIGIN)  # a page may read why


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "https://app.example.com.evil.example", "HTTPS://APP.EXAMPLE.COM"]
)
async def test_a_page_of_another_origin_may_not(open_port: edges.Port, origin: str) -> None:
    said = await open_port.ask("OPTIONS", edges.PUBLISH, Origin=origin, Access_Control_Request_Method="POST")
    assert said.status == 405
    called = await open_port.ask("POST", edges.PUBLISH, b"{}", Content_Type="application/json", Origin=origin)
    for each in (said, called):
        assert not [name for name in each.headers if name.startswith("Access-Control-")]


async def test_without_a_setting_no_page_may(port: edges.Port) -> None:
    said = await port.ask("OPTIONS", edges.PUBLISH, Origin=ORIGIN, Access_Control_Request_Method="POST")
    assert said.status == 405
    assert "Access-Control-Allow-Origin" not in said.headers


async def test_all_origins_may_where_that_is_set() -> None:
    everyone = app.Edge(cors=browsers.Cors(("*",)))
    async with edges.serving(edges.operation("PublishEvent", answer), guarded=everyone) as port:
        said = await port.ask("OPTIONS", edges.PUBLISH, Origin="null", Access_Control_Request_Method="POST")
    assert (said.status, said.headers["Access-Control-Allow-Origin"]) == (204, "*")
