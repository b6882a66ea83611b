import pathlib
import re
import stat
import uuid
from datetime import UTC, datetime
from typing import Any

import biscuit_auth
import pytest

from hook0_server.access import biscuits, encryption
from tests.access import crafted
from tests.access.crafted import NOW, ORGANIZATION, ROOT, SESSION, TOKEN, USER

NOWHERE = pathlib.Path("/nonexistent")
LATER = NOW + 300
DATE = datetime.fromtimestamp(LATER, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def root(private: str = "22" * 32, *public: str) -> biscuits.Root:
    return biscuits.Root.load(private, public, NOWHERE)


def user(**changes: Any) -> biscuits.Minted:
    about: dict[str, Any] = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron", "roles": {}}
    return ROOT.user_access(token_id=TOKEN, session_id=SESSION, user_id=USER, now=NOW, expires_at=LATER, **{**about, **changes})


def test_a_services_token_says_whose_it_is() -> None:
    minted = ROOT.service_access(token_id=TOKEN, organization_id=ORGANIZATION, now=NOW)
    token = ROOT.read(minted.text)
    assert (token.kind, token.token_id, token.organization_id) == ("service_access", TOKEN, ORGANIZATION)
    assert (token.session_id, token.user_id, token.expires_at) == (None, None, None)
    assert token.root_id == minted.root_id
    assert len(token.root_id) == 64
    assert not token.is_attenuated
    assert not token.asks_labels


def test_a_services_token_may_expire() -> None:
    token = ROOT.read(crafted.service(expires_at=LATER))
    assert token.expires_at == LATER
    assert not token.has_expired(LATER - 0.5)
    assert token.has_expired(LATER)


def test_a_users_token_says_who_and_of_which_session() -> None:
    minted = user(first_name='"); reject if true; x("', last_name="\\", roles={ORGANIZATION: "viewer"})
    token = ROOT.read(minted.text)
    assert (token.kind, token.token_id, token.session_id, token.user_id) == ("user_access", TOKEN, SESSION, USER)
    assert (token.organization_id, token.expires_at, token.root_id) == (None, LATER, minted.root_id)
    assert token.allows(action="event:list", now=NOW)


def test_a_users_token_names_roles_for_clients_and_stays_short() -> None:
    roles = {uuid.uuid4(): "editor" for _ in range(500)}
    minted = user(roles=roles, email=f"{'a' * 242}@example.com", first_name="é" * 50, last_name="漢" * 50)
    assert len(minted.text) < biscuits.MAX_CHARACTERS * 3 / 4
    source = crafted.verified(minted.text).block_source(0)
    assert source.count("organization_role(") == biscuits.MAX_ROLES
    first = next(iter(roles))
    assert f'organization_role(hex:{first.hex}, "editor");' in source


def test_a_refresh_token_and_mailed_ones_come_back_as_what_they_are() -> None:
    refresh = ROOT.read(ROOT.refresh(token_id=TOKEN, session_id=SESSION, user_id=USER, now=NOW, expires_at=LATER).text)
    assert (refresh.kind, refresh.token_id, refresh.session_id, refresh.user_id) == ("refresh", TOKEN, SESSION, USER)
    mailed = [
        ROOT.read(mint(user_id=USER, now=NOW, expires_at=LATER).text) for mint in (ROOT.email_verification, ROOT.password_reset)
    ]
    assert [token.kind for token in mailed] == ["email_verification", "password_reset"]
    for token in (refresh, *mailed):
        assert (token.user_id, token.expires_at) == (USER, LATER)
        assert token.has_expired(LATER)
        assert not token.allows(action="event:list", now=NOW), "only access tokens allow anything"


def test_the_facts_are_those_of_hook0() -> None:
    assert crafted.verified(crafted.service(expires_at=LATER)).block_source(0).split(";\n") == [
        'type("service_access")', "version(1)", "created_at(2027-01-15T08:00:00Z)", f"token_id(hex:{TOKEN.hex})",
        f"organization_id(hex:{ORGANIZATION.hex})", f"check if time($t), $t < {DATE}", "",
    ]  # fmt: skip
    mailed = crafted.verified(ROOT.password_reset(user_id=USER, now=NOW, expires_at=LATER).text).block_source(0)
    assert f"user_id(hex:{USER.hex});\nexpired_at({DATE});\n" in mailed


def test_two_tokens_of_the_same_holder_can_be_revoked_apart() -> None:
    first, second = (ROOT.service_access(token_id=TOKEN, organization_id=ORGANIZATION, now=NOW) for _ in range(2))
    assert first.root_id != second.root_id


def test_tokens_are_not_shown_in_logs() -> None:
    minted = user()
    assert minted.text not in repr(minted)
    assert minted.text not in repr(ROOT.read(minted.text))
    assert "ada@example.com" not in repr(ROOT.read(minted.text))


@pytest.mark.parametrize("mint", ["refresh", "mailed"])
def test_only_access_tokens_may_be_narrowed(mint: str) -> None:
    minted = ROOT.password_reset(user_id=USER, now=NOW, expires_at=LATER)
    if mint == "refresh":
        minted = ROOT.refresh(token_id=TOKEN, session_id=SESSION, user_id=USER, now=NOW, expires_at=LATER)
    with pytest.raises(biscuits.Refused, match="only access tokens"):
        ROOT.read(crafted.appended("check if true", minted.text))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ('type("master_access"); version(1)', "of a kind"),
        ('type("service_access"); version(2)', "of a kind"),
        ("version(1)", "of a kind"),
        ('type("service_access"); version(1); token_id("x"); organization_id(hex:00)', "lacks facts"),
        ('type("password_reset"); version(1); user_id(hex:00000000000000000000000000000001)', "lacks facts"),
    ],
)
def test_what_the_key_signed_for_something_else_is_refused(facts: str, said: str) -> None:
    text = biscuit_auth.BiscuitBuilder(facts).build(biscuit_auth.PrivateKey(f"ed25519-private/{'11' * 32}")).to_base64()
    with pytest.raises(biscuits.Refused, match=said):
        ROOT.read(text)


def test_several_keys_are_accepted_and_one_signs() -> None:
    old, new = root("22" * 32), root("33" * 32, root("22" * 32).public_key)
    assert new.read(crafted.service(old)).token_id == TOKEN
    assert new.read(crafted.service(new)).token_id == TOKEN
    with pytest.raises(biscuits.Refused, match="not signed with a key of this server"):
        old.read(crafted.service(new))
    assert new.public_key == root("33" * 32).public_key


def test_a_token_that_names_no_key_is_tried_with_each() -> None:
    facts = crafted.verified(crafted.service()).block_source(0)
    text = biscuit_auth.BiscuitBuilder(facts).build(biscuit_auth.PrivateKey(f"ed25519-private/{'11' * 32}")).to_base64()
    assert root("33" * 32, ROOT.public_key).read(text).token_id == TOKEN
    with pytest.raises(biscuits.Refused):
        root("33" * 32).read(text)


def test_a_private_key_file_is_made_once_and_kept_to_its_owner(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "new" / "data"
    text = crafted.service(biscuits.Root.load(None, (), folder))
    assert biscuits.Root.load("", (), folder).read(text).token_id == TOKEN
    assert stat.S_IMODE((folder / "biscuit_private_key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["biscuit_private_key"]
    with pytest.raises(biscuits.Refused):
        biscuits.Root.load(None, (), tmp_path).read(text)


@pytest.mark.parametrize(
    "key", ["x", "00" * 32, "11" * 31, "11" * 33, "ed25519/", "zz" * 32, "11" * 32 + ",", "secp256r1/" + "11" * 32]
)
def test_keys_in_another_form_are_refused_naming_the_setting_and_no_key(key: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(encryption.InvalidKeys, match="HOOK0_BISCUIT_PRIVATE_KEY") as caught:
        root(key)
    assert key not in str(caught.value).split()
    with pytest.raises(encryption.InvalidKeys, match="HOOK0_BISCUIT_PUBLIC_KEYS"):
        root("22" * 32, key)
    (tmp_path / "biscuit_private_key").write_text(key)
    with pytest.raises(encryption.InvalidKeys, match=str(tmp_path)):
        biscuits.Root.load(None, (), tmp_path)


def test_keys_may_be_written_as_the_biscuit_tools_print_them() -> None:
    plain = root("2a" * 32)
    assert root(f" ed25519-private/{'2A' * 32}\n", f"ed25519/{ROOT.public_key}").checks().items() >= plain.checks().items()


def test_check_values_tell_keys_apart() -> None:
    one, both = root("22" * 32), root("33" * 32, root("22" * 32).public_key)
    assert one.checks().items() < both.checks().items()
    assert len(set(both.checks().values())) == 2
    [(key_id, value)] = one.checks().items()
    assert re.fullmatch(r"biscuit-[0-9a-f]{8}", key_id)
    assert re.fullmatch(r"[0-9a-f]{32}", value)
