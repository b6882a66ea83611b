"""The v1 signature is the one that Hook0's own client accepts, and only for what was sent."""

import datetime

import hook0  # type: ignore[import-untyped]
import pytest
from hypothesis import given, strategies

from hook0_server.model import signing

SECRET = "6f1c1b3a-0b7e-4f6e-9a41-0d1b5d9a8c11"
NOW = 1_700_000_000
EVENT = {"content-type": "application/json", "x-event-id": "e-1", "x-event-type": "a.b.c"}

FACTS = ("application/json", "e-1", "a.b.c")

visible = strategies.text(strategies.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
names = strategies.from_regex(r"[a-z][a-z0-9%.-]{0,20}", fullmatch=True).filter(lambda name: name not in EVENT)


def accepts(signature: str, payload: bytes, headers: dict[str, str], secret: str = SECRET) -> bool:
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    return bool(hook0.verify_webhook_signature_with_current_time(signature, payload, headers, secret, 300, moment))


def test_a_known_value() -> None:
    signature = signing.sign_v1("secret", 1_636_936_200, [("X-Event-Type", "a.b"), ("X-Event-Id", "1")], b"hello !")
    assert signature == (
        "t=1636936200,h=x-event-id x-event-type,v1=b365acbd3d9521f6a7c49a9dcd1ccc8c6c75252b7841cf8546854b18d71c2c0b"
    )


@given(payload=strategies.binary(max_size=300), custom=strategies.dictionaries(names, visible, max_size=10))
def test_the_signer_agrees_with_the_plain_rule_and_with_hook0s_client(payload: bytes, custom: dict[str, str]) -> None:
    headers = custom | EVENT
    signature = signing.Signer.prepare(SECRET, custom).sign(NOW, *FACTS, payload)
    assert signature == signing.sign_v1(SECRET, NOW, headers.items(), payload)
    if all("%" not in name for name in custom):  # a character that Hook0's client does not take in names
        assert accepts(signature, payload, headers)


@pytest.mark.parametrize("secret", ["", "k" * 64, "k" * 65, "é" * 40])
def test_keys_of_every_length_are_keyed_as_hmac_says(secret: str) -> None:
    signature = signing.Signer.prepare(secret, {}).sign(NOW, *FACTS, b"x")
    assert accepts(signature, b"x", EVENT, secret)


@pytest.mark.parametrize(
    ("payload", "headers", "secret"),
    [
        (b"changed", EVENT, SECRET),
        (b"", EVENT | {"x-event-id": "e-2"}, SECRET),
        (b"", EVENT | {"x-custom": "other"}, SECRET),
        (b"", EVENT, "another"),
    ],
)
def test_what_was_changed_is_refused(payload: bytes, headers: dict[str, str], secret: str) -> None:
    custom = {"X-Custom": "mine"}
    signature = signing.Signer.prepare(SECRET, custom).sign(NOW, *FACTS, b"")
    assert accepts(signature, b"", EVENT | custom)
    with pytest.raises(hook0.Hook0ClientError):
        accepts(signature, payload, {"x-custom": "mine"} | headers, secret)


def test_each_attempt_is_signed_at_its_own_time() -> None:
    signer = signing.Signer.prepare(SECRET, {})
    first, second = (signer.sign(NOW + later, *FACTS, b"x") for later in (0, 1))
    assert first.startswith("t=1700000000,")
    assert second.startswith("t=1700000001,")
    assert first.rpartition("v1=")[2] != second.rpartition("v1=")[2]
    assert signer.sign(NOW, *FACTS, b"x") == first  # signing leaves the signer as it was
