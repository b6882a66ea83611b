import datetime
import hashlib
import hmac
from typing import Any

import hook0  # type: ignore[import-untyped]
import hypothesis
import pytest
from hypothesis import strategies

import hook0_client
from hook0_client import webhook
from hook0_server.model import signing

SECRET = "0f7b1c1e-4b47-4c3f-9f0e-2f6a8e6d9d11"
NOW = 1_790_000_000
HEADERS = {"Content-Type": "application/json", "X-Event-Id": "e-1", "X-Event-Type": "a.b", "X-Tenant": "acme"}
BODY = b'{"id": 1}'

NAMES = strategies.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True)
VALUES = strategies.text(strategies.characters(min_codepoint=32, max_codepoint=126), max_size=40)
HEADER_SETS = strategies.dictionaries(
    NAMES.filter(lambda name: name.lower() != "x-hook0-signature").map(str.lower), VALUES, max_size=20
)


def signed(headers: Any = HEADERS, body: bytes = BODY, at: Any = NOW, secret: Any = SECRET) -> dict[str, str]:
    return {**headers, "X-Hook0-Signature": signing.sign_v1(secret, at, headers.items(), body)}


def with_signature(value: str, headers: Any = HEADERS) -> dict[str, str]:
    return {**headers, "X-Hook0-Signature": value}


def v0(body: bytes = BODY, at: Any = NOW) -> str:
    return hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def refused(headers: Any, body: bytes = BODY, **options: Any) -> str:
    options.setdefault("now", NOW)
    with pytest.raises(hook0_client.SignatureInvalid) as invalid:
        hook0_client.verify_webhook(SECRET, headers, body, **options)
    assert str(invalid.value)
    return invalid.value.reason


def theirs(headers: Any, body: bytes, secret: Any = SECRET, now: Any = NOW) -> bool:
    """What Hook0's own client says."""
    lower = {name.lower(): value for name, value in headers.items()}
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    try:
        accepted: bool = hook0.verify_webhook_signature_with_current_time(
            lower["x-hook0-signature"], body, headers, secret, 300, moment
        )
    except hook0.Hook0ClientError:
        return False
    return accepted


def ours(headers: Any, body: bytes, secret: Any = SECRET, now: Any = NOW) -> bool:
    try:
        hook0_client.verify_webhook(secret, headers, body, now=now)
    except hook0_client.SignatureInvalid:
        return False
    return True


def test_a_webhook_is_accepted_and_says_what_was_vouched_for() -> None:
    assert hook0_client.verify_webhook(SECRET, signed(), BODY, now=NOW) == hook0_client.Webhook(NOW, "e-1", "a.b")


@hypothesis.given(headers=HEADER_SETS, body=strategies.binary(max_size=200), late=strategies.integers(-301, 301))
def test_whatever_the_server_signs_both_clients_accept_in_time_only(headers: Any, body: bytes, late: int) -> None:
    sent = signed(headers, body)
    assert ours(sent, body, now=NOW + late) is theirs(sent, body, now=NOW + late) is (abs(late) <= 300)


@hypothesis.given(
    headers=HEADER_SETS,
    body=strategies.binary(min_size=1, max_size=200),
    at=strategies.integers(0),
    bit=strategies.integers(0, 7),
)
def test_a_body_changed_in_one_bit_is_refused_by_both_clients(headers: Any, body: bytes, at: Any, bit: Any) -> None:
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    sent = signed(headers, body)
    assert ours(sent, bytes(changed)) is theirs(sent, bytes(changed)) is False


@hypothesis.given(headers=HEADER_SETS.filter(bool), data=strategies.data())
def test_a_covered_header_that_is_changed_or_dropped_is_refused_by_both_clients(headers: Any, data: Any) -> None:
    sent = signed(headers)
    name = data.draw(strategies.sampled_from(sorted(headers)))
    changed, dropped = {**sent, name: headers[name] + "x"}, {key: value for key, value in sent.items() if key != name}
    assert ours(changed, BODY) is theirs(changed, BODY) is False
    assert ours(dropped, BODY) is theirs(dropped, BODY) is False


@hypothesis.given(strategies.text(strategies.characters(codec="utf-8"), max_size=200))
def test_any_text_as_signature_is_refused_and_nothing_else_is_raised(text: str) -> None:
    assert refused(with_signature(text))
    assert refused(with_signature(f"t={NOW},h={text},v1={'0' * 64}"))
    assert refused(with_signature(f"t={text},v0={'0' * 64}"))


def test_the_code_covers_body_headers_secret_and_time() -> None:
    assert refused(signed(), b'{"id": 2}') == "code_mismatch"
    assert refused({**signed(), "X-Tenant": "other"}) == "code_mismatch"
    assert refused(signed(secret="another")) == "code_mismatch"
    assert refused({**signed(), "X-Hook0-Signature": signed()["X-Hook0-Signature"].replace("t=179", "t=178")}) == (
        "code_mismatch"
    )


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_the_tolerance_is_inclusive_both_ways(late: int) -> None:
    hook0_client.verify_webhook(SECRET, signed(), BODY, now=NOW + late)
    assert refused(signed(), now=NOW + late + (0.01 if late >= 0 else -0.01), tolerance=abs(late)) == (
        "timestamp_out_of_tolerance"
    )


def test_without_a_clock_given_it_is_now() -> None:
    with pytest.raises(hook0_client.SignatureInvalid, match="signed at"):
        hook0_client.verify_webhook(SECRET, signed(at=1_000_000_000), BODY)
    fresh = int(datetime.datetime.now(datetime.UTC).timestamp())
    hook0_client.verify_webhook(SECRET, signed(at=fresh), BODY)


def test_a_clock_that_is_not_a_number_accepts_nothing() -> None:
    assert refused(signed(), now=float("nan")) == "timestamp_out_of_tolerance"


def test_headers_may_come_as_pairs_in_bytes_and_in_any_case() -> None:
    pairs = [(name.upper().encode(), value.encode()) for name, value in signed().items()]
    assert hook0_client.verify_webhook(SECRET, pairs, BODY, now=NOW).event_id == "e-1"
    assert hook0_client.verify_webhook(SECRET, dict(pairs), BODY, now=NOW).event_id == "e-1"


def test_a_covered_header_must_be_delivered_once() -> None:
    sent = signed()
    assert refused({name: value for name, value in sent.items() if name != "X-Tenant"}) == "header_missing"
    assert refused([*sent.items(), ("x-tenant", "other")]) == "header_ambiguous"
    hook0_client.verify_webhook(SECRET, [*sent.items(), ("x-tenant", "acme"), ("x-other", "1")], BODY, now=NOW)


def test_a_missing_signature_is_told_apart() -> None:
    assert refused(HEADERS) == "signature_missing"


def test_v0_covers_the_body_and_vouches_for_no_header() -> None:
    sent = with_signature(f"t={NOW},v0={v0()}")
    assert hook0_client.verify_webhook(SECRET, sent, BODY, now=NOW) == hook0_client.Webhook(NOW, None, None)
    assert theirs(sent, BODY)
    assert refused(sent, b"changed") == "code_mismatch"


def test_where_both_codes_are_given_v1_decides() -> None:
    good = signed()["X-Hook0-Signature"]
    assert ours(with_signature(f"{good},v0={'0' * 64}"), BODY)
    assert refused(with_signature(f"{good[:-64]}{'0' * 64},v0={v0()}")) == "code_mismatch"


def test_what_v1_does_not_cover_is_not_vouched_for() -> None:
    signature = signing.sign_v1(SECRET, NOW, [("X-Tenant", "acme")], BODY)
    assert hook0_client.verify_webhook(SECRET, with_signature(signature), BODY, now=NOW).event_id is None


def test_a_header_with_bytes_beyond_ascii_is_compared_as_it_was_sent() -> None:
    sent = signed({"X-Tenant": "häns"})
    escaped = {**sent, "X-Tenant": "häns".encode().decode("ascii", "surrogateescape")}
    assert ours(escaped, BODY)
    assert not ours({**sent, "X-Tenant": "\ud800"}, BODY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "t=1",
        f"v1={'0' * 64}",
        f"t=,v1={'0' * 64}",
        f"t=-1,v1={'0' * 64}",
        f"t=1_0,v1={'0' * 64}",
        f"t=\N{ARABIC-INDIC DIGIT ONE},v1={'0' * 64}",
        f"t={'1' * 13},v1={'0' * 64}",
        f"t=1,t=2,v1={'0' * 64}",
        "t=1,v1=",
        f"t=1,v1={'0' * 63}",
        f"t=1,v1={'0' * 66}",
        f"t=1,v1={'g' * 64}",
        f"t=1,v0={'0' * 62}",
        f"t=1,h=a  b,v1={'0' * 64}",
        f"t=1,h=a:b,v1={'0' * 64}",
        f"t=1,h=a,h=b,v1={'0' * 64}",
    ],
)
def test_a_signature_that_cannot_be_read_whole_is_refused(value: str) -> None:
    assert refused(with_signature(value)) == "signature_malformed"


def test_the_header_is_bounded_before_it_is_taken_apart() -> None:
    def padded(extra: str) -> str:
        return refused(with_signature(f"t={NOW},v0={v0()},{extra}"))

    code = "0" * 64
    assert padded("x=" + "y" * webhook.MAX_HEADER_BYTES) == "signature_malformed"
    assert padded(",".join(["x=y"] * webhook.MAX_PARTS)) == "signature_malformed"
    assert ours(with_signature(f"t={NOW},v0={v0()}," + ",".join(["x=y"] * (webhook.MAX_PARTS - 2))), BODY)
    names = [f"x-{n}" for n in range(webhook.MAX_COVERED_HEADERS)]
    assert refused(with_signature(f"t={NOW},h={' '.join(names)} one-more,v1={code}")) == "signature_malformed"
    assert ours(signed(dict.fromkeys(names, "v")), BODY)


def test_a_sender_may_rename_the_header() -> None:
    sent = signed()
    renamed = {**HEADERS, "X-My-Signature": sent["X-Hook0-Signature"]}
    hook0_client.verify_webhook(SECRET, renamed, BODY, now=NOW, signature_header="x-my-signature")
    assert refused(renamed) == "signature_missing"
