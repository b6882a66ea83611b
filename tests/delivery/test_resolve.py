"""Names become vetted addresses, once, in bounded time, and no name waits for another one's name server."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from hook0_server.delivery import resolve
from hook0_server.model import targets
from hook0_server.model.outcome import Outcome


class Names:
    """A name service whose every answer the test decides; `hung` names wait for `release`."""

    def __init__(self, **answers: Sequence[str] | Exception) -> None:
        self.answers: dict[str, Sequence[str] | Exception] = dict(answers)
        self.asked: list[str] = []
        self.hung: set[str] = set()
        self.came = threading.Event()
        self.release = threading.Event()

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        self.came.set()
        if name in self.hung:
            assert self.release.wait(10)
        answer = self.answers.get(name, ["93.184.216.34"])
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def names() -> Iterator[Names]:
    service = Names()
    yield service
    service.release.set()


def to(host: str) -> targets.Target:
    return targets.parse(f"http://{host}/")


async def test_a_name_is_asked_once_and_remembered(names: Names) -> None:
    resolver = resolve.Resolver(lookup=names)
    assert resolver.known(to("a.test")) is None
    first = await resolver.resolve(to("a.test"))
    assert first.addresses == (ipaddress.ip_address("93.184.216.34"),)
    assert resolver.known(to("A.test.")) == first
    assert names.asked == ["a.test"]


async def test_many_who_ask_at_once_share_one_lookup(names: Names) -> None:
    resolver = resolve.Resolver(lookup=names)
    answers = await asyncio.gather(*(resolver.resolve(to("a.test")) for _ in range(50)))
    assert len(set(answers)) == 1
    assert names.asked == ["a.test"]


async def test_what_is_remembered_expires(names: Names) -> None:
    bounds = resolve.Bounds(known_for=0.0, failed_for=0.0)
    resolver = resolve.Resolver(lookup=names, bounds=bounds)
    await resolver.resolve(to("a.test"))
    names.answers["a.test"] = ["93.184.216.35"]
    assert (await resolver.resolve(to("a.test"))).addresses == (ipaddress.ip_address("93.184.216.35"),)


async def test_no_more_names_are_remembered_than_the_bound(names: Names) -> None:
    resolver = resolve.Resolver(lookup=names, bounds=resolve.Bounds(names=2))
    for host in ("a.test", "b.test", "a.test", "c.test"):
        await resolver.resolve(to(host))
    assert resolver.known(to("b.test")) is None  # the one used longest ago
    assert resolver.known(to("a.test")) is not None


async def test_one_forbidden_address_refuses_all(names: Names) -> None:
    names.answers["a.test"] = ["93.184.216.34", "192.168.0.1"]
    refused = await resolve.Resolver(lookup=names).resolve(to("a.test"))
    assert (refused.failure, refused.addresses) == (Outcome.TARGET_REFUSED, ())
    assert "192.168" not in refused.message
    allowed = resolve.Resolver(lookup=names, allowed=[ipaddress.ip_network("192.168.0.0/16")])
    assert len((await allowed.resolve(to("a.test"))).addresses) == 2


async def test_a_literal_is_vetted_without_a_lookup(names: Names) -> None:
    resolver = resolve.Resolver(lookup=names)
    assert (await resolver.resolve(to("127.1"))).failure == Outcome.TARGET_REFUSED
    assert (await resolver.resolve(to("93.184.216.34"))).failure is None
    assert names.asked == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name is unknown or has no address"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "name resolution failed for now"),
        (UnicodeError("label too long"), "name resolution failed: label too long"),
        ([], "the name has no address"),
        (["nonsense"], "the name has an address that cannot be read"),
    ],
)
async def test_every_failure_is_a_dns_error_that_says_what_failed(
    names: Names, answer: Sequence[str] | Exception, message: str
) -> None:
    names.answers["a.test"] = answer
    failed = await resolve.Resolver(lookup=names).resolve(to("a.test"))
    assert (failed.failure, failed.message) == (Outcome.DNS_ERROR, message)


async def test_a_failure_is_remembered_and_a_temporary_one_shortly(names: Names) -> None:
    names.answers |= {"no.test": socket.gaierror(socket.EAI_NONAME, "x"), "soon.test": OSError("x")}
    resolver = resolve.Resolver(lookup=names, bounds=resolve.Bounds(temporary_for=0.0))
    for _ in range(2):
        await resolver.resolve(to("no.test"))
        await resolver.resolve(to("soon.test"))
    assert names.asked == ["no.test", "soon.test", "soon.test"]


async def test_a_hung_name_holds_up_nobody_else(names: Names) -> None:
    names.hung.add("hung.test")
    resolver = resolve.Resolver(lookup=names, bounds=resolve.Bounds(threads=2))
    waiting = asyncio.create_task(resolver.resolve(to("hung.test")))
    for host in ("a.test", "b.test", "c.test"):
        assert (await resolver.resolve(to(host))).failure is None
    assert not waiting.done()
    names.release.set()
    assert (await waiting).failure is None


async def test_a_hung_name_is_given_up(names: Names) -> None:
    names.hung.add("hung.test")
    failed = await resolve.Resolver(lookup=names, bounds=resolve.Bounds(timeout=0.1)).resolve(to("hung.test"))
    assert (failed.failure, failed.message) == (Outcome.DNS_ERROR, "name resolution took longer than 0.1 s")


async def test_a_hung_name_takes_one_thread_however_often_it_is_asked(names: Names) -> None:
    names.hung.add("hung.test")
    bounds = resolve.Bounds(timeout=0.05, failed_for=0.0)
    resolver = resolve.Resolver(lookup=names, bounds=bounds)
    for _ in range(3):
        assert (await resolver.resolve(to("hung.test"))).failure == Outcome.DNS_ERROR
    assert names.asked == ["hung.test"]


async def test_what_a_late_lookup_finds_replaces_the_failure(names: Names) -> None:
    names.hung.add("late.test")
    resolver = resolve.Resolver(lookup=names, bounds=resolve.Bounds(timeout=0.05))
    assert (await resolver.resolve(to("late.test"))).failure == Outcome.DNS_ERROR
    names.release.set()
    async with asyncio.timeout(5):
        while (known := resolver.known(to("late.test"))) is None or known.failure is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert known.addresses


async def test_threads_and_waiting_names_are_bounded(names: Names) -> None:
    names.hung |= {"one.test"}
    resolver = resolve.Resolver(lookup=names, bounds=resolve.Bounds(threads=1, waiting=1))
    one = asyncio.create_task(resolver.resolve(to("one.test")))
    await asyncio.sleep(0)
    two = asyncio.create_task(resolver.resolve(to("two.test")))
    await asyncio.sleep(0)
    three = await resolver.resolve(to("three.test"))
    assert (three.failure, three.message) == (Outcome.DNS_ERROR, "too many names wait to be resolved")
    assert await asyncio.to_thread(names.came.wait, 10)
    assert names.asked == ["one.test"]
    names.release.set()
    assert (await one).failure is None
    assert (await two).failure is None


async def test_one_who_leaves_does_not_end_the_wait_of_the_others(names: Names) -> None:
    names.hung.add("a.test")
    resolver = resolve.Resolver(lookup=names)
    leaver, stayer = (asyncio.create_task(resolver.resolve(to("a.test"))) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    names.release.set()
    assert (await stayer).failure is None


async def test_the_systems_resolver_honours_the_hosts_file() -> None:
    resolver = resolve.Resolver(allowed=[ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")])
    found = await resolver.resolve(to("localhost"))
    assert found.failure is None
    assert all(address.is_loopback for address in found.addresses)
