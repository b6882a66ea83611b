"""The request that goes out: Hook0's headers, nothing that a header could smuggle, and no secret in a repr."""

import hook0  # type: ignore[import-untyped]
import pytest

from hook0_server.delivery import request
from hook0_server.model import targets

SECRET = "6f1c1b3a-0b7e-4f6e-9a41-0d1b5d9a8c11"


def template(method: str = "POST", url: str = "https://h.test/p?q=%41", **headers: str) -> request.Template:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request.Template.prepare(method, url, named, SECRET)


def built(
    prepared: request.Template, payload: bytes = b"{}", content_type: str = "application/json", event_type: str = "a.b"
) -> request.Request:
    return prepared.build(
        event_id="e-1",
        event_type=event_type,
        content_type=content_type,
        payload=payload,
        timestamp=1_700_000_000,
        delivery_id="d-1",
        attempt_number=2,
    )


def headers_of(sent: request.Request) -> dict[str, str]:
    lines = sent.head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")[1:]
    pairs = [line.split(": ", 1) for line in lines]
    assert len(pairs) == len({name.lower() for name, _ in pairs})
    return {name.lower(): value for name, value in pairs}


def test_every_header_of_hook0_is_there_and_no_more() -> None:
    sent = built(template(X_Tenant="acme"), b"payload")
    assert sent.head.startswith(b"POST /p?q=%41 HTTP/1.1\r\nHost: h.test\r\n")
    headers = headers_of(sent)
    signature = headers.pop("x-hook0-signature")
    assert headers == {
        "host": "h.test",
        "x-tenant": "acme",
        "user-agent": request.USER_AGENT,
        "accept": "*/*",
        "content-type": "application/json",
        "x-event-id": "e-1",
        "x-event-type": "a.b",
        "x-hook0-delivery-id": "d-1",
        "x-hook0-attempt": "2",
        "content-length": "7",
    }
    assert signature.startswith("t=1700000000,h=content-type x-event-id x-event-type x-tenant,v1=")


def test_the_signature_covers_values_as_the_receiver_sees_them() -> None:
    sent = built(template(X_Tenant="  a%d c  "))
    headers = headers_of(sent)
    assert headers["x-tenant"] == "a%d c"
    assert hook0.verify_webhook_signature(headers["x-hook0-signature"], sent.body, headers, SECRET, 1e9)


def test_a_custom_header_replaces_what_the_server_would_say() -> None:
    headers = headers_of(built(template(url="http://u:p@h.test/", User_Agent="mine", Authorization="Bearer x")))
    assert (headers["user-agent"], headers["authorization"]) == ("mine", "Bearer x")


def test_userinfo_becomes_basic_authorization() -> None:
    assert headers_of(built(template(url="http://u:p%20w@h.test/")))["authorization"] == "Basic dTpwIHc="


def test_hook0s_name_of_its_encoding_goes_out_as_binary() -> None:
    assert headers_of(built(template(), content_type="application/octet-stream+base64"))["content-type"] == (
        "application/octet-stream"
    )


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("post", {}),
        ("CONNECT", {}),
        ("POST", {"host": "x"}),
        ("POST", {"Content-Length": "0"}),
        ("POST", {"Transfer-Encoding": "chunked"}),
        ("POST", {"X-Hook0-Signature": "x"}),
        ("POST", {"X-Event-Id": "x"}),
        ("POST", {"x": "a\r\nb: c"}),
        ("POST", {"x": "é"}),
        ("POST", {"x": "a\x00"}),
        ("POST", {"a b": "x"}),
        ("POST", {"": "x"}),
        ("POST", {"a:": "x"}),
    ],
)
def test_what_would_change_the_meaning_of_a_request_is_invalid(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(targets.Invalid):
        request.Template.prepare(method, "http://h.test/", headers, SECRET)


@pytest.mark.parametrize("value", ["é", "a\r\nx: y", "\x00"])
def test_an_event_whose_type_cannot_be_a_header_is_invalid(value: str) -> None:
    with pytest.raises(targets.Invalid):
        built(template(), content_type=value)
    with pytest.raises(targets.Invalid):
        built(template(), event_type=value)


def test_a_percent_sign_anywhere_is_no_format() -> None:
    sent = built(template(url="http://h.test/%25s?%d", X="100%"), content_type="a/%s")
    assert sent.head.startswith(b"POST /%25s?%d HTTP/1.1\r\n")
    assert headers_of(sent)["content-type"] == "a/%s"


def test_nothing_secret_shows_in_a_repr() -> None:
    prepared = template(url="http://u:hidden@h.test/", X_Key="hidden")
    shown = repr(prepared) + repr(built(prepared)) + repr(prepared.target)
    assert "hidden" not in shown
    assert SECRET not in shown
    assert "aGlkZGVu" not in shown
    assert "dTpoaWRkZW4=" not in shown
