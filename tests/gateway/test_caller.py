"""Whose address a call has, behind proxies and without them."""

import ipaddress
from unittest import mock

import pytest
from aiohttp import test_utils, web
from multidict import CIMultiDict

from hook0_server.gateway import caller

TRUSTED = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


def asked(peer: str | None, *forwarded: str, **headers: str) -> web.Request:
    application = web.Application()
    application[caller.TRUSTED_PROXIES] = TRUSTED
    fields = [*(("X-Forwarded-For", each) for each in forwarded), *headers.items()]
    transport = mock.Mock()
    transport.get_extra_info.return_value = None if peer is None else (peer, 1234)
    return test_utils.make_mocked_request("GET", "/", CIMultiDict(fields), app=application, transport=transport)


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # not a proxy of ours: it may say what it likes
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the left one is what the caller said
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1,10.0.0.2"], "198.51.100.1"),  # two headers are one
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.1"], None),
    ],
)
def test_the_rightmost_address_that_is_not_a_proxys_counts(peer: str | None, forwarded: list[str], wanted: str | None) -> None:
    assert caller.source_ip(asked(peer, *forwarded)) == wanted


@pytest.mark.parametrize("given", ["a", "x" * 128, "{a}"])
def test_a_request_id_that_is_short_and_printable_is_kept(given: str) -> None:
    request = asked("192.0.2.7", **{"X-Request-Id": given})
    caller.identify(request, lambda: "new")
    assert caller.request_id(request) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "ü", "a\tb"])
def test_another_one_is_replaced(given: str) -> None:
    request = asked("192.0.2.7", **{"X-Request-Id": given})
    caller.identify(request, lambda: "new")
    assert caller.request_id(request) == "new"


def test_of_a_request_that_could_not_be_read_there_is_none() -> None:
    assert caller.request_id(asked("192.0.2.7")) == "-"
