"""One scrape for several processes."""

import asyncio
import os
import secrets
import socket

import pytest
from prometheus_client import parser

from hook0_server import metrics
from hook0_server.gateway import siblings

Samples = dict[tuple[str, str], float]


def members(count: int) -> list[siblings.Member]:
    group = secrets.token_hex(8)
    return [siblings.Member(number, count, group) for number in range(count)]


def parsed(text: bytes) -> dict[str, Samples]:
    """Family → (sample name, process) → value; a family that comes twice is an error."""
    found: dict[str, Samples] = {}
    for family in parser.text_string_to_metric_families(text.decode()):
        assert family.name not in found, f"{family.name} comes twice"
        assert family.documentation
        found[family.name] = {(each.name, each.labels.pop("process")): each.value for each in family.samples}
    return found


async def test_alone_a_process_tells_its_own_without_a_label() -> None:
    counted = metrics.Metrics()
    scraped = siblings.Scrape(counted)
    async with scraped.telling():
        assert b"process=" not in await scraped.text()


async def test_whichever_is_scraped_answers_for_all() -> None:
    both = [metrics.Metrics(), metrics.Metrics()]
    for number, counted in enumerate(both):
        counted.events_published.labels("stored").inc(10 + number)
        counted.rpc_seconds.labels('a "quoted" {name}').observe(0.2)
    scrapes = [siblings.Scrape(counted, member) for counted, member in zip(both, members(2), strict=True)]
    async with scrapes[0].telling(), scrapes[1].telling():
        texts = [await each.text() for each in scrapes]
    for text in texts:
        found = parsed(text)
        assert found["hook0_events_published"] == {
            ("hook0_events_published_total", "0"): 10.0,
            ("hook0_events_published_total", "1"): 11.0,
        }
        assert found["hook0_rpc_seconds"]["hook0_rpc_seconds_count", "1"] == 1.0
        assert found["process_resident_memory_bytes"].keys() == {
            ("process_resident_memory_bytes", "0"),
            ("process_resident_memory_bytes", "1"),
        }


async def test_one_that_is_away_or_hangs_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "_PATIENCE_SECONDS", 0.1)
    counted = metrics.Metrics()
    first, _, hangs = members(3)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(hangs.name(hangs.number))
        silent.listen()
        found = parsed(await siblings.Scrape(counted, first).text())
    assert found["hook0_processes_left_out"] == {("hook0_processes_left_out_total", "0"): 2.0}


async def test_what_another_user_says_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = members(2)
    async with siblings.Scrape(metrics.Metrics(), second).telling():
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        found = parsed(await siblings.Scrape(metrics.Metrics(), first).text())
    assert found["hook0_processes_left_out"] == {("hook0_processes_left_out_total", "0"): 1.0}


async def test_another_user_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    _, second = members(2)
    loop = asyncio.get_running_loop()
    async with siblings.Scrape(metrics.Metrics(), second).telling():
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)
            await loop.sock_connect(asking, second.name(1))
            assert await asyncio.wait_for(loop.sock_recv(asking, 100), 10) == b""


async def test_one_that_leaves_before_it_is_answered_disturbs_nobody() -> None:
    first, second = members(2)
    async with siblings.Scrape(metrics.Metrics(), second).telling():
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as leaving:
                leaving.connect(second.name(1))
        found = parsed(await siblings.Scrape(metrics.Metrics(), first).text())
    assert {process for _, process in found["hook0_rpc_open"]} == {"0", "1"}


async def test_a_sibling_that_floods_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "_LARGEST_TEXT_BYTES", 100)
    first, second = members(2)
    async with siblings.Scrape(metrics.Metrics(), second).telling():
        found = parsed(await siblings.Scrape(metrics.Metrics(), first).text())
    assert {process for _, process in found["hook0_processes_left_out"]} == {"0"}


async def test_the_next_process_takes_the_name_of_one_that_ended() -> None:
    first, second = members(2)
    asking = siblings.Scrape(metrics.Metrics(), first)
    for _ in range(2):
        async with siblings.Scrape(metrics.Metrics(), second).telling():
            assert {process for _, process in parsed(await asking.text())["hook0_processes_left_out"]} == {"0", "1"}
