import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click import testing

from hook0_client import attenuation, cli
from tests.access import crafted
from tests.access.crafted import APPLICATION, NOW, ROOT
from tests.client import hook0ctl

pytestmark = pytest.mark.usefixtures("directory")

SECRET = "5b8f3c5e-7a2b-4c11-8d4e-0123456789ab"


def _invoke(*arguments: str, stdin: str | None = None) -> testing.Result:
    return testing.CliRunner().invoke(cli.main, arguments, input=stdin)


async def test_attenuate_prints_the_narrowed_token_alone_and_asks_no_server() -> None:
    service = crafted.service()
    code, out, err = await hook0ctl.run(
        "--address", "127.0.0.1:1", "--token", service, "token", "attenuate", "--application", str(APPLICATION),
        "--actions", "event:ingest, event:list", "--actions", "event:get", "--expires", "2030-12-31T00:00:00Z",
        "--label", "tenant=acme",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    token = ROOT.read(out.strip())
    call = {"now": NOW, "application_id": APPLICATION, "labels": {"tenant": "acme"}}
    actions = ("event:ingest", "event:list", "event:get", "event:replay")
    assert [token.allows(action=action, **call) for action in actions] == [True, True, True, False]  # type: ignore[arg-type]
    assert not token.allows(action="event:ingest", now=NOW, application_id=crafted.USER, labels={"tenant": "acme"})
    assert not token.allows(action="event:ingest", now=NOW, application_id=APPLICATION, labels={"tenant": "other"})
    assert token.expires_at == datetime(2030, 12, 31, tzinfo=UTC).timestamp()
    assert token.root_id == ROOT.read(service).root_id


@pytest.mark.parametrize("place", ["argument", "dash", "option", "environment", "option dash"])
def test_the_token_comes_from_where_it_is_kept(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = crafted.service()
    if place == "environment":
        monkeypatch.setenv("HOOK0_TOKEN", service)
    before = {"option": ["--token", service], "option dash": ["--token", "-"]}.get(place, [])
    after = {"argument": [service], "dash": ["-"]}.get(place, [])
    stdin = f"  {service}\n" if "dash" in place else None
    result = _invoke(*before, "token", "attenuate", *after, "--actions", "event:ingest", stdin=stdin)
    assert result.exit_code == 0, result.output
    assert ROOT.read(result.output.strip()).is_attenuated


def test_json_says_the_token_and_when_it_expires() -> None:
    result = _invoke("token", "attenuate", crafted.service(), "--expires", "90d", "--json")
    shown = json.loads(result.output)
    assert list(shown) == ["token", "expires_at"]
    expires_at = datetime.fromisoformat(shown["expires_at"])
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    assert ROOT.read(shown["token"]).expires_at == expires_at.timestamp()
    result = _invoke("token", "attenuate", crafted.service(), "--actions", "event:get", "--json")
    assert json.loads(result.output)["expires_at"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which token?"),
        ([SECRET, "--actions", "event:ingest"], "application secret (a UUID), which cannot be narrowed"),
        ([SECRET.replace("-", "").upper(), "--actions", "event:ingest"], "application secret (a UUID)"),
        (["garbage", "--actions", "event:ingest"], "not a Biscuit token"),
        ([crafted.service()[:-8], "--actions", "event:ingest"], "not a Biscuit token"),
        ([crafted.service()], "no limit was given"),
        ([crafted.service(), "--actions", " , "], "no limit was given"),
        ([crafted.service(), "--application", "shop"], "not a valid UUID"),
        ([crafted.service(), "--label", "tenant"], "is not KEY=VALUE"),
        ([crafted.service(), "--expires", "soon"], "'soon' is not a time like"),
        ([crafted.service(), "--expires", "2030-01-01T00:00:00"], "no time zone"),
        ([crafted.service(), "--expires", "9999999d"], "after the calendar ends"),
        ([crafted.service(), "--actions", "x" * 3000], "longer than the 4096 characters"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr_without_the_token(arguments: list[str], said: str) -> None:
    result = _invoke("token", "attenuate", *arguments)
    assert result.exit_code != 0
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not arguments or arguments[0] == "garbage" or arguments[0] not in result.stderr


def test_a_token_is_narrowed_three_times_and_no_more() -> None:
    token = crafted.service()
    for action in ("event:ingest", "event:list", "event:get"):
        token = attenuation.attenuate(token, actions=["event:ingest", action])
    assert ROOT.read(token).allows(action="event:ingest", now=NOW)
    assert not ROOT.read(token).allows(action="event:get", now=NOW)
    with pytest.raises(ValueError, match="narrowed 3 times already"):
        attenuation.attenuate(token, actions=["event:ingest"])


def test_a_token_that_the_library_narrowed_is_narrowed_further_and_the_other_way_round() -> None:
    theirs = crafted.appended('check if action($a), ["event:ingest", "event:list"].contains($a)')
    mixed = crafted.appended("check if application_id($a)", attenuation.attenuate(theirs, actions=["event:ingest"]))
    assert ROOT.read(mixed).allows(action="event:ingest", now=NOW, application_id=APPLICATION)
    assert not ROOT.read(mixed).allows(action="event:list", now=NOW, application_id=APPLICATION)
    assert not ROOT.read(mixed).allows(action="event:ingest", now=NOW)


def test_the_same_limit_gives_another_token_each_time() -> None:
    service = crafted.service()
    assert attenuation.attenuate(service, actions=["a"]) != attenuation.attenuate(service, actions=["a"])


def test_a_time_without_a_zone_and_an_application_that_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        attenuation.attenuate(crafted.service(), expires=datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="application"):
        attenuation.attenuate(crafted.service(), applications=["shop"])


@pytest.mark.parametrize("package", ["biscuit_auth", "cryptography.hazmat.primitives.asymmetric"])
def test_without_its_packages_it_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from hook0_client import cli; cli.main()"
    arguments = ["token", "attenuate", crafted.service(), "--actions", "event:ingest"]
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == "Error: narrowing a token needs more than the client: pip install 'hook0-grpc[cli]'\n"
