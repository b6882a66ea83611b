"""What the checks in a token allow: those that are Hook0's, and those that `attenuation` appends."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from hook0_client import attenuation
from hook0_server.access import biscuit_token, biscuits
from tests.access import crafted
from tests.access.crafted import APPLICATION, NOW, ORGANIZATION, ROOT, TOKEN, USER

OTHER = uuid.UUID(int=9)
LATER = NOW + 300
DATE = datetime.fromtimestamp(LATER, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

NEITHER = "2026-01-01T00:00:00Z < 2027-01-01T00:00:00Z"


def narrowed(*checks: str, text: str | None = None) -> biscuits.Token:
    return ROOT.read(crafted.appended("; ".join(checks), text))


def test_a_token_without_checks_of_its_holder_allows_until_it_expires() -> None:
    token = ROOT.read(crafted.service(expires_at=LATER))
    assert token.allows(action="event:ingest", now=LATER - 1, application_id=APPLICATION)
    assert not token.allows(action="event:ingest", now=LATER, application_id=APPLICATION)


CALL: dict[str, Any] = {
    "action": "event:ingest",
    "now": NOW,
    "organization_id": ORGANIZATION,
    "application_id": APPLICATION,
    "subscription_id": TOKEN,
    "service_token_id": USER,
    "labels": {"tenant": "acme", "région": "eu"},
    "event_types": {"shop.order.paid"},
}


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (f"application_id(hex:{APPLICATION.hex})", {"application_id": OTHER}),
        (f"application_id(hex:{APPLICATION.hex})", {"application_id": None}),
        (f"application_id($a), {{hex:{APPLICATION.hex}, hex:00}}.contains($a)", {"application_id": OTHER}),
        ('action("event:ingest")', {"action": "event:list"}),
        ('action($a), ["event:ingest", "event:list"].contains($a)', {"action": "event:replay"}),
        ('action($a), $a.starts_with("event:") && !$a.ends_with("replay")', {"action": "event:replay"}),
        (f"time($t), $t < {DATE}", {"now": LATER}),
        (f"time($now), $now <= {DATE}", {"now": LATER + 1}),
        (f"subscription_id(hex:{TOKEN.hex})", {"subscription_id": OTHER}),
        (f"service_token_id(hex:{USER.hex})", {"service_token_id": OTHER}),
        (f"organization_id($o), $o == hex:{ORGANIZATION.hex}", {}),
        ('labels($l), $l.get("tenant") == "acme"', {"labels": {"tenant": "other"}}),
        ('labels($l), $l.get("tenant") == "acme"', {"labels": None}),
        ('label("tenant", "acme")', {"labels": {"tenant": "other", "x": "acme"}}),
        ('label("tenant", "acme"), label("région", $r), ["eu"].contains($r)', {"labels": {"tenant": "acme"}}),
        ('label("tenant", "acme") or action("event:list")', {"labels": {}}),
        ('event_type_names($e), $e.contains("shop.order.paid")', {"event_types": {"a.b"}}),
        ('event_type_names($e), $e.all($x -> ["shop.order.paid", "a.b"].contains($x))', {"event_types": ["a.b", "c.d"]}),
        ('event_type_names($e), $e.any($x -> $x.starts_with("shop."))', {"event_types": []}),
        ("action($a), $a == 1 or action($a), $a.length() == 12", {"action": "event:list"}),
    ],
)
def test_what_a_holder_appends_as_for_hook0_limits_the_token(check: str, wrong: dict[str, Any]) -> None:
    token = narrowed(f"check if {check}")
    assert token.is_attenuated
    assert token.allows(**CALL)
    if wrong:
        assert not token.allows(**{**CALL, **wrong})


def test_check_all_narrows_too() -> None:
    token = narrowed('check all label($k, $v), $v != "secret"')
    assert token.allows(**CALL)
    assert not token.allows(**{**CALL, "labels": {"a": "b", "c": "secret"}})


def test_every_block_counts() -> None:
    once = crafted.appended('check if action($a), ["event:ingest", "event:list"].contains($a)')
    token = narrowed('check if action($a), ["event:list", "event:replay"].contains($a)', text=once)
    allowed = {action for action in ("event:ingest", "event:list", "event:replay") if token.allows(action=action, now=NOW)}
    assert allowed == {"event:list"}


@pytest.mark.parametrize("check", ["1 / 0 == 1", '"a" > 1', 'unknown("x")', "false", "time($t), $t.length() == 1"])
def test_a_check_that_fails_or_makes_no_sense_forbids(check: str) -> None:
    try:
        token = narrowed(f"check if {check}")
    except biscuits.Refused:
        return
    assert token.allows(**CALL) is False


def test_the_root_of_a_narrowed_token_is_that_of_the_whole_one() -> None:
    minted = ROOT.service_access(token_id=TOKEN, organization_id=ORGANIZATION, now=NOW)
    assert narrowed("check if true", text=minted.text).root_id == minted.root_id


def test_the_earliest_expiry_counts_and_only_plain_ones_are_shown() -> None:
    text = crafted.service(expires_at=LATER)
    assert narrowed("check if time($t), $t < 2027-01-15T08:01:00Z", text=text).expires_at == NOW + 60
    assert narrowed("check if time($t), $t < 2039-01-01T00:00:00Z", text=text).expires_at == LATER
    for other in ("$t > 2027-01-01T00:00:00Z", "$t < 2027-01-01T00:00:00Z || true", "2027-01-01T00:00:00Z < $t", NEITHER):
        assert narrowed(f"check if time($t), {other}", text=text).expires_at == LATER
    either = 'check if time($t), $t < 2027-01-01T00:00:00Z or action("event:list")'
    assert narrowed(either, text=text).expires_at == LATER


@pytest.mark.parametrize(
    ("check", "asks"),
    [
        ('label("a", "b")', True),
        ('labels($l), $l.get("a") == "b"', True),
        ('true or label("a", $x)', True),
        ('action("label")', False),
        ('action($label), ["labels"].contains($label)', False),
    ],
)
def test_a_token_tells_whether_it_asks_for_labels(check: str, asks: bool) -> None:
    assert narrowed(f"check if {check}").asks_labels is asks


def test_labels_that_could_not_be_stored_are_unknown_to_checks() -> None:
    token, other = narrowed("check if labels($l)"), narrowed("check if action($a)")
    many = {str(number): "" for number in range(11)}
    for labels in (many, {"a": "b" * 501}, {"a" * 501: "b"}):
        assert not token.allows(action="event:ingest", now=NOW, labels=labels)
        assert other.allows(action="event:ingest", now=NOW, labels=labels)
    assert token.allows(action="event:ingest", now=NOW, labels={"a": "b" * 500})


def test_a_run_that_is_cut_off_is_told_from_one_that_forbids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biscuit_token, "MAX_TIME", timedelta(0))
    with pytest.raises(biscuits.TooCostly):
        narrowed("check if true").allows(**CALL)


def test_what_is_narrowed_offline_is_accepted_and_bound() -> None:
    text = attenuation.attenuate(
        crafted.service(),
        applications=[APPLICATION, str(OTHER)],
        actions=["event:ingest", "event:list"],
        expires=datetime.fromtimestamp(NOW + 60, UTC),
        labels={"tenant": "acme", "time": 'quo"te'},
    )
    token = ROOT.read(text)
    good = {**CALL, "labels": {"tenant": "acme", "time": 'quo"te', "more": "x"}}
    assert token.allows(**good)
    assert token.allows(**{**good, "application_id": OTHER})
    assert (token.expires_at, token.asks_labels) == (NOW + 60, True)
    for wrong in ({"application_id": TOKEN}, {"action": "event:replay"}, {"now": NOW + 60}, {"labels": {"tenant": "acme"}}):
        assert not token.allows(**{**good, **wrong})
    again = ROOT.read(attenuation.attenuate(text, actions=["event:list", "event:replay"]))
    assert not again.allows(**good)
    assert again.allows(**{**good, "action": "event:list"})
    assert again.root_id == token.root_id


@hypothesis.given(
    strategies.lists(strategies.text(min_size=1, max_size=50), max_size=5),
    strategies.dictionaries(strategies.text(max_size=50), strategies.text(max_size=50), min_size=1, max_size=5),
)
def test_any_actions_and_labels_are_told_as_they_are(actions: list[str], labels: dict[str, str]) -> None:
    token = ROOT.read(attenuation.attenuate(crafted.service(), actions=actions, labels=labels))
    for action in actions:
        assert token.allows(action=action, now=NOW, labels={**labels, "more": "x"} if "more" not in labels else labels)
    assert not token.allows(action="".join(actions) + "!", now=NOW, labels=labels) or not actions
    assert not token.allows(action=(actions or ["a"])[0], now=NOW, labels={key: f"{value}!" for key, value in labels.items()})
