"""Every way to write an address is read as that address, so a forbidden one has no spelling that is called."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from hook0_server.delivery import resolve
from hook0_server.model import targets
from hook0_server.model.outcome import Outcome

ADDRESSES = st.ip_addresses(v=4) | st.sampled_from(
    [ipaddress.IPv4Address(each) for each in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.1", "192.168.255.255")]
)
ADDRESSES_6 = st.ip_addresses(v=6) | st.sampled_from(
    [ipaddress.IPv6Address(each) for each in ("::1", "fc00::1", "fe80::1", "fec0::1", "2001:db8::1", "::", "ff02::1")]
)
NAT64 = int(ipaddress.IPv6Address("64:ff9b::"))


@st.composite
def spelled(draw: st.DrawFn, address: ipaddress.IPv4Address) -> str:
    """One to four numbers, each in its own base, with leading zeros, in plain or full-width digits, a final dot or none."""
    packed = address.packed
    kept = draw(st.integers(0, 3))
    numbers = [*packed[:kept], int.from_bytes(packed[kept:], "big")]
    dot = draw(st.sampled_from([".", "\u3002", "\uff0e", "\uff61"]))
    text = dot.join(draw(_number(number)) for number in numbers)
    if draw(st.booleans()):
        text = text.translate({ord(digit): ord(digit) - ord("0") + 0xFF10 for digit in "0123456789"})
    return text + draw(st.sampled_from(["", "."]))


@st.composite
def _number(draw: st.DrawFn, number: int) -> str:
    zeros = "0" * draw(st.integers(0, 9))
    return draw(st.sampled_from([f"{number}", f"0{zeros}{number:o}", f"0x{zeros}{number:x}", f"0X{zeros}{number:X}"]))


@st.composite
def spelled_6(draw: st.DrawFn, address: ipaddress.IPv6Address) -> str:
    """Shortened or whole, its last 32 bits as an IPv4 address or not, in any case."""
    text = draw(st.sampled_from([address.compressed, address.exploded, ":".join(f"{word:x}" for word in _words(address))]))
    if draw(st.booleans()):
        head = ":".join(f"{word:x}" for word in _words(address)[:6])
        text = f"{head}:{ipaddress.IPv4Address(address.packed[-4:])}"
    return f"[{draw(st.sampled_from([text, text.upper()]))}]"


def _words(address: ipaddress.IPv6Address) -> Sequence[int]:
    return [int.from_bytes(address.packed[at : at + 2], "big") for at in range(0, 16, 2)]


@given(st.data(), ADDRESSES)
def test_every_spelling_of_an_ipv4_address_is_that_address(data: st.DataObject, address: ipaddress.IPv4Address) -> None:
    target = targets.parse(f"http://{data.draw(spelled(address))}:8080/")
    assert (target.address, target.host, target.host_header) == (address, str(address), f"{address}:8080")


@given(st.data(), ADDRESSES_6)
def test_every_spelling_of_an_ipv6_address_is_that_address(data: st.DataObject, address: ipaddress.IPv6Address) -> None:
    assert targets.parse(f"http://{data.draw(spelled_6(address))}/").address == (address.ipv4_mapped or address)


@given(st.data(), ADDRESSES)
def test_an_ipv4_address_is_judged_alike_however_it_is_wrapped(data: st.DataObject, address: ipaddress.IPv4Address) -> None:
    judged = targets.is_forbidden(address, ())
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | int(address))
    translated = ipaddress.IPv6Address(NAT64 | int(address))
    assert targets.is_forbidden(mapped, ()) == judged
    assert targets.is_forbidden(translated, ()) == judged
    for wrapped in (mapped, translated):
        found = targets.parse(f"http://{data.draw(spelled_6(wrapped))}/").address
        assert found is not None
        assert targets.is_forbidden(found, ()) == judged


@given(ADDRESSES | ADDRESSES_6)
def test_what_is_not_globally_reachable_is_forbidden(address: targets.Address) -> None:
    """Against the standard library's tables, which are not where ours come from; in 2001::/23 newer ones know better."""
    carries_another = address.version == 6 and (address.ipv4_mapped is not None or int(address) >> 32 == NAT64 >> 32)
    is_told_apart = address in ipaddress.ip_network("2001::/23")
    if not (carries_another or is_told_apart) and (not address.is_global or address.is_multicast):
        assert targets.is_forbidden(address, ()) is not None


@given(ADDRESSES_6, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), st.sampled_from(["%", "%25"]))
def test_a_zone_is_refused_in_a_url(address: ipaddress.IPv6Address, zone: str, mark: str) -> None:
    with pytest.raises(targets.Invalid):
        targets.parse(f"http://[{address}{mark}{zone}]/")


@given(ADDRESSES_6 | ADDRESSES.map(lambda each: ipaddress.IPv6Address((0xFFFF << 32) | int(each))))
def test_a_zone_that_a_name_server_gives_does_not_change_the_judgement(address: ipaddress.IPv6Address) -> None:
    judged = resolve.Resolver().vet([ipaddress.ip_address(f"{address}%eth0")])
    forbidden = targets.is_forbidden(address, ()) is not None
    assert (judged.failure is Outcome.TARGET_REFUSED) is forbidden
