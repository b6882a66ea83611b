import base64
import contextlib
import uuid

import biscuit_auth
import hypothesis
import pytest
from hypothesis import strategies

from hook0_server.access import biscuit_format as form, biscuits
from tests.access import crafted
from tests.access.crafted import NOW, ROOT

RICH = [
    'check if application_id(hex:0102), ["x", "y"].contains("x") && 1 < 2 || true',
    'check all labels($l), $l.get("a") == "b", $l.any($p -> $p == 2), [[1, 2], [3]].contains([1, 2])',
    'check if time($t), $t < 2030-01-01T00:00:00Z; check if {"a": 1, 2: "b"}.get("a") === 1, {1, 2}.union({3}).length() >= 0',
    'check if "abc".starts_with("a"), null == null, "x".type() == "string", ![true].all($x -> $x), hex:00 != hex:01',
    'check if action($a), ["event:ingest"].contains($a) or label("a", "b"), 1 != 2',
]
BLOCKS = [crafted.last_block(crafted.appended(source)) for source in RICH]


def read_and_ask(text: str) -> None:
    """Fails where anything but a refusal comes of it."""
    with contextlib.suppress(biscuits.Refused, biscuits.TooCostly):
        token = ROOT.read(text)
        labels = {"a": "b"}
        token.allows(action="event:ingest", now=NOW, labels=labels, application_id=uuid.UUID(int=1), event_types=["a.b"])


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def whole(text: str) -> form.Biscuit:
    return form.read(base64.urlsafe_b64decode(text), 4)


@hypothesis.given(strategies.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    read_and_ask(text)


@hypothesis.given(strategies.binary(max_size=3000))
def test_any_bytes_are_a_token_or_refused(raw: bytes) -> None:
    read_and_ask(encoded(raw))


@hypothesis.given(strategies.integers(0), strategies.integers(0, 255), strategies.sampled_from(["put", "cut", "add"]))
def test_a_token_with_another_byte_is_refused(at: int, byte: int, how: str) -> None:
    raw = base64.urlsafe_b64decode(crafted.appended(RICH[0]))
    at %= len(raw)
    other = raw[:at] + (b"" if how == "cut" else bytes([byte])) + raw[at + (how != "add") :]
    hypothesis.assume(other != raw)
    with pytest.raises(biscuits.Refused):
        ROOT.read(encoded(other))


@hypothesis.settings(max_examples=300)
@hypothesis.given(
    strategies.sampled_from(BLOCKS),
    strategies.lists(
        strategies.tuples(strategies.integers(0), strategies.integers(0, 255), strategies.sampled_from(["put", "cut", "add"])),
        min_size=1,
        max_size=3,
    ),
)
def test_any_block_that_a_holder_signs_is_read_or_refused(block: bytes, changes: list[tuple[int, int, str]]) -> None:
    for at, byte, how in changes:
        at %= len(block)
        block = block[:at] + (b"" if how == "cut" else bytes([byte])) + block[at + (how != "add") :]
    read_and_ask(crafted.signed(block))


@hypothesis.given(strategies.binary(max_size=200))
def test_a_block_of_any_bytes_is_read_or_refused(block: bytes) -> None:
    read_and_ask(crafted.signed(block))


def test_a_token_cut_anywhere_is_refused() -> None:
    raw = base64.urlsafe_b64decode(crafted.appended(RICH[0]))
    for end in range(len(raw)):
        with pytest.raises(biscuits.Refused):
            ROOT.read(encoded(raw[:end]))


def test_what_is_read_is_what_the_library_reads() -> None:
    text = crafted.appended(RICH[1], crafted.appended(RICH[0]))
    authority, first, second = whole(text).blocks
    assert [fact.name for fact in authority.facts] == ["type", "version", "created_at", "token_id", "organization_id"]
    assert authority.facts[0].terms == (form.Term(form.STRING, "service_access"),)
    assert authority.facts[3].terms == (form.Term(form.BYTES, crafted.TOKEN.bytes),)
    [check] = first.checks
    [query] = check.queries
    assert (check.kind, query.body) == (0, (form.Predicate("application_id", (form.Term(form.BYTES, b"\x01\x02"),)),))
    [check] = second.checks
    [query] = check.queries
    assert (check.kind, query.body[0].name, len(query.expressions)) == (1, "labels", 3)
    assert query.expressions[2][0].term == form.Term(form.ARRAY, query.expressions[2][0].term.value, 5)  # type: ignore[union-attr]


def test_the_symbols_of_every_token_are_the_librarys() -> None:
    names = form._SYMBOLS
    facts = "; ".join(f'{name}("{name}")' for name in names)
    text = biscuit_auth.BiscuitBuilder(facts).build(biscuit_auth.KeyPair().private_key).to_base64()
    [authority] = whole(text).blocks
    assert authority.symbols == (), "one of them is not among those of every token, and was written down"
    assert [(fact.name, fact.terms[0].value) for fact in authority.facts] == [(name, name) for name in names]


CHECK = crafted.last_block(crafted.appended("check if 1 < 2"))
"""version 3, one check, one query: head `query()`, one expression of three steps."""
TWO, LESS_THAN = bytes.fromhex("0a040a021002"), bytes.fromhex("0a041a020800")
FAR = crafted.last_block(crafted.appended("check if 1 < 2000000000000"))


@pytest.mark.parametrize(
    "block",
    [
        CHECK + b"\x18\x03",  # a version twice
        CHECK + b"\x48\x01",  # a field that no block has
        CHECK + b"\x19" + b"\0" * 8,  # a fixed 64-bit number
        CHECK + b"\x0a\x05a",  # longer than what follows
        CHECK + b"\x0a\x01\xff",  # not UTF-8
        CHECK + b"\x80",  # an unfinished number
        CHECK + b"\xff" * 11,  # a number without end
        CHECK + b"\x22\x00",  # a fact without a predicate
        CHECK.replace(b"\x10\x02", b"\x18\x7f"),  # a string by a symbol that no table has
        CHECK.replace(b"\x10\x02", b"\x08\x7f"),  # a variable likewise
        CHECK.replace(TWO + LESS_THAN, LESS_THAN + TWO),  # the operator before its operands
        CHECK.replace(LESS_THAN, TWO),  # operands that nothing takes
        FAR.replace(b"\x10\x80", b"\x20\x80"),  # a date after the year 9999
    ],
)
def test_a_form_that_no_library_writes_is_refused_as_malformed(block: bytes) -> None:
    assert ROOT.read(crafted.signed(CHECK)).is_attenuated
    assert ROOT.read(crafted.signed(FAR)).is_attenuated
    assert block not in (CHECK, FAR)
    with pytest.raises(biscuits.Refused, match="malformed"):
        ROOT.read(crafted.signed(block))


def test_a_block_that_states_a_wrong_version_forbids() -> None:
    assert b"\x18\x03" in CHECK
    token = ROOT.read(crafted.signed(CHECK.replace(b"\x18\x03", b"\x18\x63")))
    assert not token.allows(action="event:ingest", now=NOW)
