import json
import pathlib
from typing import Any

import pytest
from click import testing

from hook0_client import cli, cli_place, v1
from tests.client import hook0ctl, scripted

pytestmark = pytest.mark.usefixtures("directory")


def _invoke(*arguments: str) -> testing.Result:
    return testing.CliRunner().invoke(cli.main, arguments)


@pytest.mark.parametrize("command", [["publish", "a.b", "{}"], ["watch"]], ids=["publish", "watch"])
async def test_a_server_that_is_not_there_is_named(command: Any) -> None:
    async with scripted.serving() as address:
        pass
    code, _, err = await hook0ctl.run(*hook0ctl.place(address), *command)
    assert code == 1
    assert f"no Hook0 server answers at {address}" in err
    assert "Traceback" not in err


async def test_the_development_server_of_this_directory_is_found() -> None:
    async def publish(request: Any, context: Any) -> Any:
        return v1.PublishEventResponse(event_id=request.event.event_id)

    async with scripted.serving(publish=publish) as address:
        pathlib.Path(".hook0").mkdir()
        dev = {"grpc": address, "application_id": scripted.APPLICATION, "application_secret": scripted.TOKEN}
        pathlib.Path(".hook0/dev.json").write_text(json.dumps(dev))
        assert (await hook0ctl.run("publish", "a.b", "{}"))[0] == 0


def test_the_secret_of_the_development_server_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pathlib.Path(".hook0").mkdir()
    dev = {"grpc": "127.0.0.1:1", "application_id": "dev-application", "application_secret": "dev-secret"}
    pathlib.Path(".hook0/dev.json").write_text(json.dumps(dev))
    find = cli_place.find
    assert find("127.0.0.1:1", None, None, False).token == "dev-secret"
    assert find(None, None, None, False).address == "127.0.0.1:1"
    assert find("example.com:443", None, "a", True).token is None
    assert find("example.com:443", None, None, True).application_id is None
    assert find(None, "master", None, False) == cli_place.Place("127.0.0.1:1", "master", "dev-application", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish"], "which event type?"),
        (["publish", "a.b", "{}"], "which application?"),
        (["watch"], "which application?"),
        (["publish", "a.b", "{}", "--label", "x"], "'x' is not KEY=VALUE"),
        (["publish", "a.b", "{}", "--occurred-at", "2026-11-23"], "no time zone"),
        (["publish", "a.b", "{}", "--occurred-at", "noon"], "is not a time like"),
        (["publish", "a.b", "--ndjson", "-"], "--ndjson brings everything"),
        (["watch", "--since", "soon"], "is not like 30s"),
        (["watch", "--since", "999999999d"], "before the calendar begins"),
        (["watch", "--since", "1m", "--from-cursor", "c"], "which of them?"),
        (["watch", "--outcome", "lost"], "is not one of"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_sent(arguments: list[str], said: str) -> None:
    result = _invoke(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_dev_file_is_named(content: Any) -> None:
    pathlib.Path(".hook0").mkdir()
    pathlib.Path(".hook0/dev.json").write_text(content)
    result = _invoke("watch")
    assert result.exit_code == 1
    assert ".hook0/dev.json" in result.stderr


def test_version_is_that_of_the_distribution() -> None:
    assert _invoke("version").output.startswith("hook0ctl 0.")
