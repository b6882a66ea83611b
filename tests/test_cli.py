"""The commands without a server behind them; what they start is tested with the whole server."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from types import ModuleType

import pytest
from click.testing import CliRunner

import hook0_server
from hook0_server import cli, logs, settings, start, supervisor


class StartRefused(Exception):
    pass


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stands where the composition root is."""
    app = ModuleType("hook0_server.app")
    app.StartRefused = StartRefused  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hook0_server.app", app)
    monkeypatch.setattr(hook0_server, "app", app, raising=False)
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    for variable in [name for name in os.environ if name.startswith("HOOK0_")]:
        monkeypatch.delenv(variable)
    return app


def test_serve_prints_one_json_line_when_it_can_take_work(app: ModuleType) -> None:
    async def run(given: settings.Settings, *, dev: bool, announce) -> None:  # type: ignore[no-untyped-def]
        assert not dev
        announce({"ready": True, "grpc": given.grpc_address})

    app.run = run  # type: ignore[attr-defined]
    result = CliRunner().invoke(cli.main, ["serve"], env={"HOOK0_GRPC_ADDRESS": "127.0.0.1:7"})
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"ready": True, "grpc": "127.0.0.1:7"}]


def test_dev_prints_lines_to_paste_and_the_json_line_last(app: ModuleType) -> None:
    facts = {"ready": True, "grpc": "g:1", "application_id": "an-app"}

    async def run(_: settings.Settings, *, dev: bool, announce) -> None:  # type: ignore[no-untyped-def]
        assert dev
        announce(facts | {"welcome": "Paste this:\n  grpcurl"})

    app.run = run  # type: ignore[attr-defined]
    lines = CliRunner().invoke(cli.main, ["dev"]).stdout.splitlines()
    assert lines[:2] == ["Paste this:", "  grpcurl"]
    assert json.loads(lines[-1]) == facts


def test_an_option_of_serve_goes_before_its_variable(app: ModuleType) -> None:
    seen: list[settings.Settings] = []

    async def run(given: settings.Settings, **_: object) -> None:
        seen.append(given)

    app.run = run  # type: ignore[attr-defined]
    environ = {"HOOK0_PROCESSES": "3", "HOOK0_ROLES": "api"}
    result = CliRunner().invoke(cli.main, ["serve", "--processes", "1", "--roles", "delivery"], env=environ)
    assert result.exit_code == 0
    assert [(given.processes, given.roles) for given in seen] == [(1, {"delivery"})]


def test_dev_is_one_process_whatever_the_variable_says(app: ModuleType) -> None:
    seen: list[settings.Settings] = []

    async def run(given: settings.Settings, *, dev: bool, announce: object) -> None:
        assert dev
        seen.append(given)

    app.run = run  # type: ignore[attr-defined]
    assert CliRunner().invoke(cli.main, ["dev"], env={"HOOK0_PROCESSES": "3"}).exit_code == 0
    assert seen


def test_an_option_that_is_not_allowed_is_told_like_its_variable(app: ModuleType) -> None:
    result = CliRunner().invoke(cli.main, ["serve", "--processes", "65"])
    assert (result.exit_code, result.stderr) == (2, "HOOK0_PROCESSES is '65'; allowed: 1 to 64\n")


def test_several_processes_have_a_supervisor_with_the_options_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str]] = []

    async def run(given: settings.Settings, environ: Mapping[str, str], *, announce) -> None:  # type: ignore[no-untyped-def]
        seen.append((given.processes, environ["HOOK0_PROCESSES"]))
        announce({"ready": True, "pids": [1, 2]})
        raise start.StartRefused("The keys are wrong.")

    monkeypatch.setattr(supervisor, "run", run)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
    result = CliRunner().invoke(cli.main, ["serve", "--processes", "2"])
    assert (result.exit_code, result.stderr) == (1, "The keys are wrong.\n")
    assert json.loads(result.stdout) == {"ready": True, "pids": [1, 2]}
    assert seen == [(2, "2")]


def test_a_start_that_is_refused_is_one_line_on_stderr_and_exit_code_1(app: ModuleType) -> None:
    async def run(*_: object, **__: object) -> None:
        raise StartRefused("The data directory ./.hook0 is in use.")

    app.run = run  # type: ignore[attr-defined]
    result = CliRunner().invoke(cli.main, ["serve"])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "The data directory ./.hook0 is in use.\n")


def test_migrate_names_what_it_applied(app: ModuleType) -> None:
    async def migrate(_: settings.Settings) -> list[str]:
        return ["0001_path"]

    app.migrate = migrate  # type: ignore[attr-defined]
    assert CliRunner().invoke(cli.main, ["migrate"]).stdout == "0001_path\n"


@pytest.mark.parametrize(("is_done", "code"), [(True, 0), (False, 1)])
def test_a_rotation_prints_what_it_does_and_its_exit_code_says_whether_all_is_done(
    app: ModuleType, is_done: bool, code: int
) -> None:
    async def rotate_encryption_key(_: settings.Settings, *, tell) -> bool:  # type: ignore[no-untyped-def]
        tell("In use: k2 (3 values).")
        return is_done

    app.rotate_encryption_key = rotate_encryption_key  # type: ignore[attr-defined]
    result = CliRunner().invoke(cli.main, ["rotate-encryption-key"])
    assert (result.exit_code, result.stdout) == (code, "In use: k2 (3 values).\n")


@pytest.mark.parametrize("command", ["serve", "dev", "migrate", "rotate-encryption-key", "config"])
def test_refused_settings_are_told_all_and_exit_code_2(app: ModuleType, command: str) -> None:
    result = CliRunner().invoke(cli.main, [command], env={"HOOK0_POOL_SIZE": "0", "HOOK0_ROLES": "x"})
    assert result.exit_code == 2
    assert "HOOK0_POOL_SIZE is '0'; allowed: 2 to 200" in result.stderr
    assert "HOOK0_ROLES" in result.stderr


def test_config_prints_every_setting_and_no_secret(app: ModuleType) -> None:
    key = "5b8f3c5e-7a2b-4c11-8d4e-0123456789ab"
    environ = {"HOOK0_MASTER_API_KEY": key, "HOOK0_POOL_SIZE": "7"}
    for arguments in (["config"], ["config", "--json"]):
        result = CliRunner().invoke(cli.main, arguments, env=environ)
        assert result.exit_code == 0
        assert key not in result.stdout
        assert all(setting.variable in result.stdout for setting in settings.TABLE)
    listed = {each["variable"]: each for each in json.loads(result.stdout)}
    assert (listed["HOOK0_POOL_SIZE"]["value"], listed["HOOK0_MASTER_API_KEY"]["value"]) == ("7", "***")


def test_the_installed_command_says_its_version() -> None:
    command = pathlib.Path(sys.executable).with_name("hook0-server")
    done = subprocess.run([command, "version"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "0.1.0"
