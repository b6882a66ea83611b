"""URLs are read once and strictly; every spelling of an address is judged as that address."""

import ipaddress

import pytest
from hypothesis import given, strategies

from hook0_server.model import targets


def test_the_parts_of_a_url() -> None:
    target = targets.parse("https://User:p%40ss@Hooks.Example.COM:8443/a/b?c=d#fragment")
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example.com", 8443)
    assert (target.path, target.host_header) == ("/a/b?c=d", "hooks.example.com:8443")
    assert target.authorization == "Basic VXNlcjpwQHNz"
    assert target.address is None


@pytest.mark.parametrize(
    ("url", "port", "host_header"),
    [
        ("http://h.test", 80, "h.test"),
        ("http://h.test:80", 80, "h.test"),
        ("HTTPS://h.test:", 443, "h.test"),
        ("https://h.test:80", 80, "h.test:80"),
        ("http://h.test:65535", 65_535, "h.test:65535"),
        ("http://h.test.", 80, "h.test"),
        ("http://a_b.test", 80, "a_b.test"),
        ("http://localhost", 80, "localhost"),
        ("http://[2001:DB8::1]:8080", 8080, "[2001:db8::1]:8080"),
        ("http://bücher.example", 80, "xn--bcher-kva.example"),
        ("http://\uff45xample。com", 80, "example.com"),
    ],
)
def test_hosts_and_ports(url: str, port: int, host_header: str) -> None:
    target = targets.parse(url)
    assert (target.port, target.host_header) == (port, host_header)


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("", "/"),
        ("?a=b", "/?a=b"),
        ("/%7Ea/é", "/%7Ea/%C3%A9"),
        ('/"<>{}|^`', "/%22%3C%3E%7B%7D%7C%5E%60"),
        ("/%zz", "/%zz"),
        ("/a?b=http://c/#d", "/a?b=http://c/"),
    ],
)
def test_the_path_is_sent_as_visible_ascii(rest: str, path: str) -> None:
    assert targets.parse(f"http://h.test{rest}").path == path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h.test",
        "ftp://h.test",
        "//h.test",
        "http:/h.test",
        "http://",
        "http:///path",
        "http://:80",
        "http://h.test:0",
        "http://h.test:65536",
        "http://h.test:8o",
        "http://h.test:٣",
        "http://a@b@h.test",
        "http://h.test\\@evil.test",
        "http://h test",
        " http://h.test",
        "http://h.test/a b",
        "http://h.test/\r\nX: y",
        "http://h.test/\x00",
        "http://h.test/\x7f",
        "http://h..test",
        "http://-h.test",
        "http://h%2etest",
        "http://h,test",
        "http://℀.test",
        "http://" + "a" * 64 + ".test",
        "http://" + ".".join(["é" * 60] * 3),
        "http://" + ".".join(["a" * 60] * 5),
        "http://[::1",
        "http://[::1]x",
        "http://[127.0.0.1]",
        "http://[fe80::1%25eth0]",
        "http://1.2.3.4.5",
        "http://256.1.1.1",
        "http://1.2.3.256",
        "http://4294967296",
        "http://09.0.0.1",
        "http://h.test.1",
        "http://0xg.1",
        "http://h.test/" + "a" * 1000,
        "http://h.test/\ud800",
    ],
)
def test_what_is_not_a_url_to_call_is_invalid(url: str) -> None:
    with pytest.raises(targets.Invalid):
        targets.parse(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0x0.0.0x1",
        "0177.0.0.1",
        "017700000001",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
    ],
)
def test_every_spelling_of_loopback_is_loopback(host: str) -> None:
    target = targets.parse(f"http://{host}/")
    assert (target.address, target.host) == (ipaddress.ip_address("127.0.0.1"), "127.0.0.1")


FORBIDDEN = """0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.9 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1
64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1 2001:db8::1
2002:7f00:1:: 2002:808:808:: 3fff::1 4000::1 5f00::1 8000::1 fc00::1
fd12::1 fe80::1 fec0::1 ff02::1"""
CALLABLE = """1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.0.1.1 198.17.255.255 198.20.0.1
223.255.255.255 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:1::1 2001:20::1 2001:200::1 2606:4700::1111 3fff:1000::1"""


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_addresses_of_no_public_receiver_are_forbidden(address: str) -> None:
    reason = targets.is_forbidden(ipaddress.ip_address(address), ())
    assert reason
    assert reason.startswith(("a ", "an "))


@pytest.mark.parametrize("address", CALLABLE.split())
def test_public_addresses_may_be_called(address: str) -> None:
    assert targets.is_forbidden(ipaddress.ip_address(address), ()) is None


def test_allowed_networks_may_be_called_in_every_form_of_the_address() -> None:
    allowed = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1"):
        assert targets.is_forbidden(ipaddress.ip_address(address), allowed) is None
    assert targets.is_forbidden(ipaddress.ip_address("::1"), allowed) == "a loopback address"
    assert targets.is_forbidden(ipaddress.ip_address("10.0.0.1"), allowed) == "a private address"


@given(strategies.text(max_size=60))
def test_any_text_is_a_target_or_invalid(text: str) -> None:
    for url in (text, f"http://{text}", f"http://h.test/{text}"):
        try:
            target = targets.parse(url)
        except targets.Invalid:
            continue
        assert targets.is_visible(target.path)
        assert targets.is_visible(target.host_header)
        assert " " not in target.path + target.host_header


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://u:p@h.test/a@b", "https://***@h.test/a@b"),
        ("https://u:p@x@h.test", "https://***@h.test"),
        ("https://h.test/a@b", "https://h.test/a@b"),
        ("gopher://u:p@h.test:0", "gopher://***@h.test:0"),
    ],
)
def test_userinfo_is_masked_where_a_url_is_shown(url: str, masked: str) -> None:
    assert targets.mask_url(url) == masked


def test_header_values_are_masked_where_a_request_is_shown() -> None:
    assert targets.mask_headers({"X-B": "secret", "Authorization": "secret"}) == {"authorization": "***", "x-b": "***"}


@pytest.mark.parametrize("name", ["Host", "TE", "x-event-anything", "X-Hook0-Signature", "webhook-id", "expect"])
def test_headers_that_the_server_writes_are_reserved(name: str) -> None:
    assert targets.is_reserved_header(name)


@pytest.mark.parametrize("name", ["authorization", "user-agent", "x-events", "x-tenant", "accept"])
def test_other_headers_are_not(name: str) -> None:
    assert not targets.is_reserved_header(name)
